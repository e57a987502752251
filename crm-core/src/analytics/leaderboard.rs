//! Who sold how much.

use std::collections::BTreeMap;

use serde::Serialize;

use super::convert::Worth;
use super::explain::Explainer;
use super::port::DealFact;
use super::sales::{Ended, Lot, Tally, explain_tally, grouped, with_key};
use super::window::Window;
use crate::deal::DealStatus;
use crate::error::Result;
use crate::id::Id;
use crate::money::Currency;
use crate::user::User;

/// The members by what they sold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Leaderboard {
    /// The currency that decides the order: the workspace's.
    pub currency: Currency,
    /// The members, who sold most first: by won value in the currency, other currencies converted as far
    /// as they have rates, then by deals won.
    pub ranks: Vec<Rank>,
}

/// One member's sales.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rank {
    /// Who; absent for deals without an owner.
    pub owner_id: Option<Id<User>>,
    /// Their name; absent where the caller does not see members.
    pub name: Option<String>,
    /// Deals that they have open now.
    pub open: u64,
    /// What they sold in the window.
    #[serde(flatten)]
    pub tally: Tally,
}

const RANK: &str = "the order: by the value of the owner's deals that are won and closed in the window, in the \
    workspace's currency, other currencies converted by the rates of those days where the caller sees rates and there are \
    any; then by deals won";
const OPEN: &str = "deals that the owner has open now";

/// The members by what they sold.
///
/// # Errors
/// `Invalid` for amounts whose sum leaves 64 bits.
pub(crate) fn leaderboard(
    sold: Ended<'_>,
    open: &BTreeMap<Option<Id<User>>, u64>,
    window: Window,
    currency: Currency,
    names: &BTreeMap<Id<User>, String>,
    worth: Worth<'_>,
    explainer: &mut Explainer,
) -> Result<Leaderboard> {
    let mut owners = grouped(sold.groups.iter(), |(key, _)| key.owner_id);
    for owner in open.keys() {
        owners.entry(*owner).or_default();
    }
    let behind = grouped(sold.facts_in(window), |fact| fact.owner_id);
    let mut ranks = Vec::with_capacity(owners.len());
    for (owner_id, groups) in owners {
        let key = owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        let tally = Tally::of(&groups.into_iter().map(Lot::of).collect::<Vec<_>>(), worth)?;
        let ended = with_key(&behind, &owner_id);
        explain_tally(&format!("ranks.{key}"), &tally, ended, worth, explainer);
        let won = ended.iter().filter(|fact| fact.status == DealStatus::Won);
        explainer.say(format!("ranks.{key}"), RANK, None, won.map(|fact| fact.id));
        let own = |fact: &&DealFact| fact.status == DealStatus::Open && fact.owner_id == owner_id;
        explainer.say(format!("ranks.{key}.open"), OPEN, None, sold.facts.iter().filter(own).map(|fact| fact.id));
        let name = owner_id.and_then(|id| names.get(&id).cloned());
        let open = open.get(&owner_id).copied().unwrap_or(0);
        ranks.push(Rank { owner_id, name, open, tally });
    }
    ranks.sort_by_key(|rank| std::cmp::Reverse((rank.tally.sold(currency), rank.tally.won)));
    Ok(Leaderboard { currency, ranks })
}
