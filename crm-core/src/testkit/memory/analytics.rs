//! What analytics reads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use super::facts::{InPlace, Linked};
use super::list;
use super::rows::Rows;
use crate::access::Grant;
use crate::activity::Note;
use crate::analytics::{AnalyticsStore, ContactFact, DealFact, StageFlow, Work, WorkKind};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::{Deal, DealMove};
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::pipeline::Pipeline;
use crate::task::Task;

/// The records of a question.
pub(super) fn asked<'a, T: Linked>(
    rows: &'a Rows,
    grant: &'a Grant,
    filter: &'a CheckedFilter,
) -> impl Iterator<Item = &'a T> {
    let seen = rows.live::<T>().filter(|record| list::sees(rows, grant, *record));
    seen.filter(|record| filter.eval(&InPlace { rows, record: *record }))
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

    async fn contact_facts(&self, grant: &Grant, filter: &CheckedFilter) -> Result<Vec<ContactFact>> {
        let fact = |contact: &Contact| ContactFact {
            id: contact.id,
            lifecycle: contact.lifecycle,
            created_at: contact.created_at,
        };
        let facts = |rows: &Rows| asked(rows, grant, filter).map(fact).collect();
        Ok(self.rows(grant, facts).await)
    }

    async fn work(&self, grant: &Grant, kind: WorkKind, filter: &CheckedFilter) -> Result<Vec<Work>> {
        let work = |record: Uuid, person, at| Work { record, person, at, task_kind: None };
        let found = |rows: &Rows| match kind {
            WorkKind::Notes => asked::<Note>(rows, grant, filter)
                .map(|note| work(note.id.uuid(), note.author_id, note.created_at))
                .collect(),
            WorkKind::Tasks => {
                let done = |task: &Task| Some(work(task.id.uuid(), task.assignee_id, task.completed_at?));
                let done = |task: &Task| Some(Work { task_kind: Some(task.kind), ..done(task)? });
                asked::<Task>(rows, grant, filter).filter_map(done).collect()
            }
            WorkKind::Contacts => asked::<Contact>(rows, grant, filter)
                .map(|contact| work(contact.id.uuid(), contact.owner_id, contact.created_at))
                .collect(),
            WorkKind::Companies => asked::<Company>(rows, grant, filter)
                .map(|company| work(company.id.uuid(), company.owner_id, company.created_at))
                .collect(),
            WorkKind::Deals => asked::<Deal>(rows, grant, filter)
                .map(|deal| work(deal.id.uuid(), deal.owner_id, deal.created_at))
                .collect(),
        };
        Ok(self.rows(grant, found).await)
    }

    async fn stage_flows(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        filter: &CheckedFilter,
    ) -> Result<Vec<StageFlow>> {
        let count = |rows: &Rows| {
            let mut flows: BTreeMap<_, u64> = BTreeMap::new();
            let deals = asked::<Deal>(rows, grant, filter).filter(|deal| deal.pipeline_id == pipeline);
            for step in deals.flat_map(|deal| steps(rows, deal)) {
                *flows.entry((step.from, step.to)).or_default() += 1;
            }
            flows
        };
        let flows = self.rows(grant, count).await;
        Ok(flows.into_iter().map(|((from, to), count)| StageFlow { from, to, count }).collect())
    }
}
