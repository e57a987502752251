//! The imports that there were.

use serde::Deserialize;

use super::model::Import;
use super::service::{Transfers, seen};
use crate::access::{Action, Entity, View};
use crate::error::Result;
use crate::page::{Page, check_limit};

/// A list of imports, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct ImportsRequest {
    /// Imports a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Transfers {
    /// A page of imports, the latest first, each without the lists of products and people that it was given,
    /// which may be long.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad limit or cursor.
    pub async fn list(&self, request: &ImportsRequest) -> Result<Page<View<Import>>> {
        let grant = self.session.require(Entity::Import, Action::Read)?;
        let limit = check_limit(request.limit)?;
        let seal = grant.seal(&["imports"]);
        let before = seal.open(request.cursor.as_deref())?;
        let mut imports = self.session.ports().imports.imports(&grant, before, limit + 1).await?;
        let is_last = imports.len() <= usize::from(limit);
        imports.truncate(usize::from(limit));
        let next_cursor = imports.last().filter(|_| !is_last).map(|import| seal.close(&import.id));
        let brief = |mut import: Import| {
            import.options.products.clear();
            import.options.teams.clear();
            seen(&grant, import)
        };
        Ok(Page { data: imports.into_iter().map(brief).collect(), next_cursor, total: None, total_is_capped: None })
    }
}
