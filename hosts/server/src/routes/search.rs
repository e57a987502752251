//! Search across records over HTTP.

use actix_web::get;
use crm_core::search::{Hit, SearchRequest};
use crm_core::{Page, Result};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, whole};
use crate::extract::{Query, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(search);
}

/// What to search for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// Words, all of which must be found; each may be the start of a longer word.
    #[param(example = "ada")]
    q: String,
    /// Kinds of record, separated by commas: contact, company, deal, task; all that the caller reads where absent.
    types: Option<String>,
    /// Hits; 50 where absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

impl SearchParams {
    fn into_request(self) -> Result<SearchRequest> {
        let types = self.types.iter().flat_map(|types| types.split(','));
        let types = types.map(|name| name.trim().parse()).collect::<Result<_>>()?;
        Ok(SearchRequest { q: self.q, types, limit: self.limit })
    }
}

/// The best hits among contacts, companies, deals and tasks, best first.
#[utoipa::path(tag = "search", operation_id = "search", params(SearchParams), responses((status = 200, body = Page<Hit>)))]
#[get("")]
async fn search(Signed(session, Query(params)): Signed<Query<SearchParams>>) -> Answer<Body<Page<Hit>>> {
    Ok(whole(session.search().find(&params.into_request()?).await?))
}
