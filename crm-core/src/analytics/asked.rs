//! What a request says of deals, as filters: a list of the same deals goes on with them.

use super::request::AnalyticsRequest;
use super::window::Window;
use crate::access::{Action, Entity};
use crate::error::Result;
use crate::filter::{Filter, MAX_LIST, Op, Scalar};
use crate::id::Id;
use crate::session::Session;
use crate::team::Team;
use crate::time::Timestamp;
use crate::user::User;

/// What a request says of deals besides their pipeline and their days, each condition with the name of its
/// field. A team is its members.
///
/// # Errors
/// `Denied` where the caller may not read teams; `Invalid` for a team that is not there.
pub(crate) async fn conditions_on_deals(
    session: &Session,
    request: &AnalyticsRequest,
) -> Result<Vec<(&'static str, Filter)>> {
    let mut conditions = request.conditions(Entity::Deal);
    conditions.retain(|(field, _)| *field != "pipeline_id");
    if let Some(id) = request.team_id {
        conditions.push(("team_id", owned_by(&members(session, id).await?)));
    }
    conditions.extend(request.filter.clone().map(|filter| ("filter", filter)));
    Ok(conditions)
}

/// That deals were opened in a window; of an end that it leaves open nothing is asked.
pub(crate) fn opened_in(window: Window) -> Vec<Filter> {
    let opened = |op, at: Timestamp| Filter::is("opened_at", op, Scalar::Text(at.to_string()));
    let from = window.start().map(|start| opened(Op::Ge, start));
    from.into_iter().chain(window.end().map(|end| opened(Op::Lt, end))).collect()
}

/// The members of a team.
///
/// # Errors
/// As [`conditions_on_deals`].
pub(super) async fn members(session: &Session, id: Id<Team>) -> Result<Vec<Id<User>>> {
    let teams = session.require(Entity::Team, Action::Read)?;
    let team = session.ports().teams.team(&teams, id).await;
    Ok(team.map_err(|error| error.not_found_at("team_id"))?.members.clone())
}

/// Deals of some people, in as many lists as it takes.
fn owned_by(people: &[Id<User>]) -> Filter {
    let some = |people: &[Id<User>]| {
        let ids: Vec<Scalar> = people.iter().map(|id| Scalar::Text(id.to_string())).collect();
        Filter::is("owner_id", Op::In, ids)
    };
    Filter::Any(people.chunks(MAX_LIST).map(some).collect())
}
