//! What analytics reads.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use super::facts::InPlace;
use super::list;
use super::rows::Rows;
use crate::access::Grant;
use crate::analytics::{AnalyticsStore, DealFact, StageFlow};
use crate::deal::{Deal, DealMove};
use crate::error::Result;
use crate::filter::CheckedFilter;

/// The deals of a question.
fn asked<'a>(rows: &'a Rows, grant: &'a Grant, filter: &'a CheckedFilter) -> impl Iterator<Item = &'a Deal> {
    let deals = rows.live::<Deal>().filter(|deal| list::sees(rows, grant, *deal));
    deals.filter(|deal| filter.eval(&InPlace { rows, record: *deal }))
}

fn steps<'a>(rows: &'a Rows, deal: &Deal) -> impl Iterator<Item = &'a DealMove> {
    let id = deal.id.uuid();
    rows.moves.range((id, i64::MIN)..=(id, i64::MAX)).map(|(_, step)| step)
}

#[async_trait]
impl AnalyticsStore for MemoryStore {
    async fn deal_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealFact>> {
        Ok(self.rows(grant, |rows| asked(rows, grant, filter).map(DealFact::of).collect()).await)
    }

    async fn deal_moves(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<DealMove>> {
        let moves = |rows: &Rows| asked(rows, grant, filter).flat_map(|deal| steps(rows, deal)).copied().collect();
        Ok(self.rows(grant, moves).await)
    }

    async fn stage_flows(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<StageFlow>> {
        let mut flows: BTreeMap<_, u64> = BTreeMap::new();
        for step in self.deal_moves(grant, filter).await? {
            *flows.entry((step.from, step.to)).or_default() += 1;
        }
        Ok(flows.into_iter().map(|((from, to), count)| StageFlow { from, to, count }).collect())
    }
}
