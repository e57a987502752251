//! The timeline of any record: a view of the journal.

use uuid::Uuid;

use super::Session;
use crate::access::{Entity, Grant};
use crate::error::Result;
use crate::journal::TimelineItem;
use crate::page::{self, Page, Position};

impl Session {
    /// A page of a record's history, masked for the caller. The caller's right to see the record has
    /// been checked.
    pub(crate) async fn timeline(
        &self,
        grant: &Grant,
        (entity, id): (Entity, Uuid),
        asked: Option<&str>,
        limit: Option<u16>,
    ) -> Result<Page<TimelineItem>> {
        let limit = page::check_limit(limit)?;
        let seal = grant.seal(&("timeline", entity.name(), id));
        // Entries have no other order than that of their ids.
        let after: Option<Position> = seal.open(asked)?;
        let rows = self.ports().journal.timeline(grant, entity, id, after.map(|after| after.id), limit).await?;
        let next_cursor = rows.next.map(|position| seal.close(&position));
        let items = rows.rows.into_iter().map(|mut entry| {
            grant.drop_retired(entry.entity, &mut entry.before);
            grant.drop_retired(entry.entity, &mut entry.after);
            let mask = grant.mask(entry.entity).clone();
            TimelineItem::masked(entry, &mask)
        });
        Ok(Page { data: items.collect(), next_cursor, total: None, total_is_capped: None })
    }
}
