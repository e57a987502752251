//! The timeline of any record: a view of the journal.

use uuid::Uuid;

use super::Session;
use crate::access::{Entity, Grant};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::journal::{Entry, TimelineItem};
use crate::page::{self, Page};

impl Session {
    /// A page of a record's history, masked for the caller. The caller's right to see the record has
    /// been checked.
    pub(crate) async fn timeline(
        &self,
        grant: &Grant,
        (entity, id): (Entity, Uuid),
        cursor: Option<&str>,
        limit: Option<u16>,
    ) -> Result<Page<TimelineItem>> {
        let limit = page::check_limit(limit)?;
        let after = cursor.map(|text| text.parse::<Id<Entry>>().map(Id::uuid)).transpose();
        let after = after.map_err(|_| Error::invalid("cursor", "cursor", "is not a cursor of this list"))?;
        let rows = self.ports().journal.timeline(grant, entity, id, after, limit).await?;
        let next_cursor = rows.next.map(|position| position.id.to_string());
        let items = rows.rows.into_iter().map(|entry| {
            let mask = grant.mask(entry.entity).clone();
            TimelineItem::masked(entry, &mask)
        });
        Ok(Page { data: items.collect(), next_cursor, total: None, total_is_capped: None })
    }
}
