//! Templates, suppressions and the log of mails.

use async_trait::async_trait;

use super::MemoryStore;
use super::rows::Rows;
use crate::access::Grant;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::Job;
use crate::mail::{
    MailQuery, MailRecord, MailStore, MailTemplate, MailTurn, Suppression, SuppressionQuery, TemplateName,
};
use crate::store::Stored;
use crate::text::Email;
use crate::time::Timestamp;

impl MemoryStore {
    /// Changes the rows of the grant's workspace.
    async fn change_rows<T>(&self, grant: &Grant, change: impl FnOnce(&mut Rows) -> T) -> Result<T> {
        let workspace = grant.workspace_id();
        let changed = self.write(|state| state.spaces.get_mut(&workspace.uuid()).map(|space| change(&mut space.rows)));
        changed.await.ok_or_else(|| Error::not_found("workspace", workspace))
    }
}

impl Rows {
    /// Says in the log what follows from a job for its mail.
    pub(super) fn turn_mail(&mut self, job: &Job) {
        if let (Some(turn), Some(row)) = (MailTurn::of(job), self.mails.get_mut(&job.id.uuid()))
            && turn.from.contains(&row.state)
        {
            (row.state, row.at) = (turn.to, turn.at);
            row.error = turn.error.or(row.error.take());
        }
    }
}

#[async_trait]
impl MailStore for MemoryStore {
    async fn mail_templates(&self, grant: &Grant) -> Result<Vec<MailTemplate>> {
        let mut all: Vec<MailTemplate> = self.rows(grant, |rows| rows.live().cloned().collect()).await;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn mail_template(&self, grant: &Grant, name: &TemplateName) -> Result<Option<Stored<MailTemplate>>> {
        let is_it = |template: &&MailTemplate| template.name == *name;
        Ok(self.rows(grant, |rows| rows.live().find(is_it).cloned().map(Stored::loaded)).await)
    }

    async fn suppression(&self, grant: &Grant, email: &Email) -> Result<Option<Suppression>> {
        Ok(self.rows(grant, |rows| rows.suppressions.get(email.as_str()).cloned()).await)
    }

    async fn unsuppress(&self, grant: &Grant, id: Id<Suppression>) -> Result<bool> {
        let remove = |rows: &mut Rows| {
            let before = rows.suppressions.len();
            rows.suppressions.retain(|_, row| row.id != id);
            rows.suppressions.len() < before
        };
        self.change_rows(grant, remove).await
    }

    async fn suppressions(&self, grant: &Grant, query: &SuppressionQuery) -> Result<Vec<Suppression>> {
        let is_beyond = |row: &&Suppression| query.after.as_ref().is_none_or(|after| row.email > *after);
        let page =
            |rows: &Rows| rows.suppressions.values().filter(is_beyond).take(query.limit.into()).cloned().collect();
        Ok(self.rows(grant, page).await)
    }

    async fn suppressed(&self, grant: &Grant, emails: &[Email]) -> Result<Vec<Suppression>> {
        let held =
            |rows: &Rows| emails.iter().filter_map(|email| rows.suppressions.get(email.as_str())).cloned().collect();
        Ok(self.rows(grant, held).await)
    }

    async fn mail(&self, grant: &Grant, id: Id<Job>) -> Result<Option<MailRecord>> {
        Ok(self.rows(grant, |rows| rows.mails.get(&id.uuid()).cloned()).await)
    }

    async fn mails(&self, grant: &Grant, query: &MailQuery) -> Result<Vec<MailRecord>> {
        let is_to = |record: &MailRecord, email: &Email| record.recipients.split(',').any(|to| to == email.as_str());
        let is_asked_for = |record: &&MailRecord| {
            query.state.is_none_or(|state| record.state == state)
                && query.recipient.as_ref().is_none_or(|email| is_to(record, email))
                && query.sender.is_none_or(|sender| record.created_by == Some(sender))
                && query.before.is_none_or(|before| record.id < before)
        };
        let latest =
            |rows: &Rows| rows.mails.values().rev().filter(is_asked_for).take(query.limit.into()).cloned().collect();
        Ok(self.rows(grant, latest).await)
    }

    async fn keep_mail(&self, grant: &Grant, record: &MailRecord) -> Result<()> {
        let keep = |rows: &mut Rows| {
            let row = rows.mails.entry(record.id.uuid()).or_insert_with(|| record.clone());
            if record.state.overwrites(row.state) {
                row.clone_from(record);
            }
        };
        self.change_rows(grant, keep).await
    }

    async fn forget_mails(&self, until: Timestamp) -> Result<()> {
        let forget = |rows: &mut Rows| rows.mails.retain(|_, record| record.at > until);
        self.write(|state| state.spaces.values_mut().for_each(|space| forget(&mut space.rows))).await;
        Ok(())
    }
}
