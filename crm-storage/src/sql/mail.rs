//! Templates of mails, who gets none, and what became of each.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::job::Job;
use crm_core::mail::{
    MailQuery, MailRecord, MailState, MailStore, MailTemplate, MailTurn, Suppression, SuppressionQuery,
    SuppressionReason, TemplateName,
};
use crm_core::store::{Put, Stored};
use crm_core::text::Email;
use crm_core::{Id, Result, Timestamp};
use diesel::prelude::*;

use super::fragment::Fragment;
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::{mail_suppressions, mail_templates, mails};
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = mail_templates,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct TemplateRow {
    workspace_id: i64,
    id: DbId,
    name: String,
    subject: String,
    body_text: Option<String>,
    body_html: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl TemplateRow {
    fn new(workspace_id: i64, template: &MailTemplate) -> Self {
        Self {
            workspace_id,
            id: template.id.into(),
            name: template.name.to_string(),
            subject: template.subject.clone(),
            body_text: template.text.clone(),
            body_html: template.html.clone(),
            created_at: template.created_at.into(),
            updated_at: template.updated_at.into(),
            version: template.version,
            deleted_at: template.deleted_at.map(DbTime::from),
        }
    }

    fn into_template(self) -> Outcome<MailTemplate> {
        Ok(MailTemplate {
            id: self.id.into(),
            name: read_name(self.name)?,
            subject: self.subject,
            text: self.body_text,
            html: self.body_html,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        })
    }
}

fn read_name(name: String) -> Outcome<TemplateName> {
    json::parsed(Some(name))?.ok_or(json::unreadable("the name of a template"))
}

/// Writes a template, and gives the number of its rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<MailTemplate>) -> Outcome<usize> {
    let row = TemplateRow::new(workspace, &put.after);
    Ok(match &put.before {
        None => diesel::insert_into(mail_templates::table).values(row).execute(conn).await?,
        Some(before) => {
            let own = mail_templates::table
                .filter(mail_templates::workspace_id.eq(workspace))
                .filter(mail_templates::id.eq(row.id))
                .filter(mail_templates::version.eq(before.version));
            diesel::update(own).set(row).execute(conn).await?
        }
    })
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = mail_suppressions, treat_none_as_default_value = false)]
struct SuppressionRow {
    workspace_id: i64,
    email: String,
    id: DbId,
    reason: String,
    since: DbTime,
    created_by: Option<DbId>,
}

impl SuppressionRow {
    fn new(workspace_id: i64, suppression: &Suppression) -> Self {
        Self {
            workspace_id,
            email: suppression.email.to_string(),
            id: suppression.id.into(),
            reason: suppression.reason.name().to_owned(),
            since: suppression.since.into(),
            created_by: suppression.created_by.map(DbId::from),
        }
    }

    fn into_suppression(self) -> Outcome<Suppression> {
        Ok(Suppression {
            id: self.id.into(),
            email: read_email(self.email)?,
            reason: SuppressionReason::named(&self.reason).ok_or(json::unreadable("why an address gets no mail"))?,
            since: self.since.into(),
            created_by: self.created_by.map(Id::from),
        })
    }
}

fn read_email(email: String) -> Outcome<Email> {
    json::parsed(Some(email))?.ok_or(json::unreadable("an e-mail address"))
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = mails,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct MailRow {
    workspace_id: i64,
    id: DbId,
    state: String,
    recipients: String,
    suppressed: String,
    template: Option<String>,
    error: Option<String>,
    at: DbTime,
    created_by: Option<DbId>,
}

impl MailRow {
    fn new(workspace_id: i64, record: &MailRecord) -> Self {
        Self {
            workspace_id,
            id: record.id.into(),
            state: record.state.name().to_owned(),
            recipients: record.recipients.clone(),
            suppressed: record.suppressed.clone(),
            template: record.template.as_ref().map(TemplateName::to_string),
            error: record.error.clone(),
            at: record.at.into(),
            created_by: record.created_by.map(DbId::from),
        }
    }

    fn into_record(self) -> Outcome<MailRecord> {
        Ok(MailRecord {
            id: self.id.into(),
            state: MailState::named(&self.state).ok_or(json::unreadable("what became of a mail"))?,
            recipients: self.recipients,
            suppressed: self.suppressed,
            template: self.template.map(read_name).transpose()?,
            error: self.error,
            at: self.at.into(),
            created_by: self.created_by.map(Id::from),
        })
    }
}

/// Writes that mails wait, where nothing is known of them yet.
pub(super) async fn insert_queued(conn: &mut Conn, workspace: i64, queued: &[&MailRecord]) -> Outcome<()> {
    let row = |record: &&MailRecord| MailRow::new(workspace, record);
    let new = queued.iter().map(row).map(|row| diesel::insert_into(mails::table).values(row).on_conflict_do_nothing());
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// Suppresses an address, and gives the number of rows: none where it is suppressed already.
pub(super) async fn suppress(conn: &mut Conn, workspace: i64, new: &Suppression) -> Outcome<usize> {
    let row = SuppressionRow::new(workspace, new);
    Ok(diesel::insert_into(mail_suppressions::table).values(row).on_conflict_do_nothing().execute(conn).await?)
}

/// Says in the log what follows from a job for its mail, if it sends one.
pub(super) async fn turn(conn: &mut Conn, workspace: i64, job: &Job) -> Outcome<()> {
    let Some(turn) = MailTurn::of(job) else { return Ok(()) };
    let from: Vec<&'static str> = turn.from.iter().map(|state| state.name()).collect();
    let own = mails::table.filter(mails::workspace_id.eq(workspace)).filter(mails::id.eq(DbId::from(job.id)));
    let error = turn.error.map(|error| mails::error.eq(Some(error)));
    let said = (mails::state.eq(turn.to.name()), mails::at.eq(DbTime(turn.at)), error);
    diesel::update(own.filter(mails::state.eq_any(from))).set(said).execute(conn).await?;
    Ok(())
}

/// The mails of a list.
fn asked_for(workspace: i64, query: &MailQuery) -> Fragment {
    let own = Fragment::new("mails.workspace_id = ").bind(workspace);
    let conditions = [
        query.state.map(|state| Fragment::new("mails.state = ").bind(state.name())),
        query.sender.map(|sender| Fragment::new("mails.created_by = ").bind(DbId::from(sender))),
        query.before.map(|before| Fragment::new("mails.id < ").bind(DbId::from(before))),
        query
            .recipient
            .as_ref()
            .map(|email| Fragment::new("',' || mails.recipients || ',' LIKE ").bind(listed(email)).sql(" ESCAPE '\\'")),
    ];
    conditions.into_iter().flatten().fold(own, Fragment::and)
}

/// The pattern of lists that hold an address.
fn listed(email: &Email) -> String {
    let mut pattern = "%,".to_owned();
    for character in email.as_str().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + ",%"
}

/// The live templates of a workspace.
fn live(workspace: i64) -> Fragment {
    Fragment::new("mail_templates.deleted_at IS NULL AND mail_templates.workspace_id = ").bind(workspace)
}

/// The suppressions of a workspace.
fn suppressed(workspace: i64) -> Fragment {
    Fragment::new("mail_suppressions.workspace_id = ").bind(workspace)
}

#[async_trait]
impl MailStore for Store {
    async fn mail_templates(&self, grant: &Grant) -> Result<Vec<MailTemplate>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = mail_templates::table.filter(live(workspace)).order(mail_templates::name);
                let rows: Vec<TemplateRow> = found.select(TemplateRow::as_select()).load(conn).await?;
                rows.into_iter().map(TemplateRow::into_template).collect()
            })
            .await
    }

    async fn mail_template(&self, grant: &Grant, name: &TemplateName) -> Result<Option<Stored<MailTemplate>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = live(workspace).and(Fragment::new("mail_templates.name = ").bind(name.to_string()));
        self.pools
            .key(async move |conn: &mut Conn| {
                let found = mail_templates::table.filter(which).select(TemplateRow::as_select());
                let row = found.get_result(conn).await.optional()?;
                Ok(row.map(TemplateRow::into_template).transpose()?.map(Stored::loaded))
            })
            .await
    }

    async fn suppression(&self, grant: &Grant, email: &Email) -> Result<Option<Suppression>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let which = suppressed(workspace).and(Fragment::new("mail_suppressions.email = ").bind(email.to_string()));
        self.pools
            .key(async move |conn: &mut Conn| {
                let held = mail_suppressions::table.filter(which).select(SuppressionRow::as_select());
                let row = held.get_result(conn).await.optional()?;
                row.map(SuppressionRow::into_suppression).transpose()
            })
            .await
    }

    async fn unsuppress(&self, grant: &Grant, id: Id<Suppression>) -> Result<bool> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .write(async move |conn: &mut Conn| {
                let own = mail_suppressions::table.filter(mail_suppressions::workspace_id.eq(workspace));
                let own = own.filter(mail_suppressions::id.eq(DbId::from(id)));
                Ok(diesel::delete(own).execute(conn).await? > 0)
            })
            .await
    }

    async fn suppressions(&self, grant: &Grant, query: &SuppressionQuery) -> Result<Vec<Suppression>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let beyond = |after: &Email| Fragment::new("mail_suppressions.email > ").bind(after.to_string());
        let which = query.after.as_ref().map(beyond).into_iter().fold(suppressed(workspace), Fragment::and);
        let limit = i64::from(query.limit);
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = mail_suppressions::table.filter(which).order(mail_suppressions::email).limit(limit);
                let rows: Vec<SuppressionRow> = found.select(SuppressionRow::as_select()).load(conn).await?;
                rows.into_iter().map(SuppressionRow::into_suppression).collect()
            })
            .await
    }

    async fn suppressed(&self, grant: &Grant, emails: &[Email]) -> Result<Vec<Suppression>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let emails: Vec<String> = emails.iter().map(Email::to_string).collect();
        let which = suppressed(workspace).and(Fragment::new("mail_suppressions.email").in_texts(&emails));
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = mail_suppressions::table.filter(which);
                let rows: Vec<SuppressionRow> = found.select(SuppressionRow::as_select()).load(conn).await?;
                rows.into_iter().map(SuppressionRow::into_suppression).collect()
            })
            .await
    }

    async fn mail(&self, grant: &Grant, id: Id<Job>) -> Result<Option<MailRecord>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .key(async move |conn: &mut Conn| {
                let own = mails::table.filter(mails::workspace_id.eq(workspace)).filter(mails::id.eq(DbId::from(id)));
                let row = own.select(MailRow::as_select()).get_result(conn).await.optional()?;
                row.map(MailRow::into_record).transpose()
            })
            .await
    }

    async fn mails(&self, grant: &Grant, query: &MailQuery) -> Result<Vec<MailRecord>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let (which, limit) = (asked_for(workspace, query), i64::from(query.limit));
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = mails::table.filter(which).order(mails::id.desc()).limit(limit);
                let rows: Vec<MailRow> = found.select(MailRow::as_select()).load(conn).await?;
                rows.into_iter().map(MailRow::into_record).collect()
            })
            .await
    }

    async fn keep_mail(&self, grant: &Grant, record: &MailRecord) -> Result<()> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let state = record.state;
        let staying = MailState::ALL.into_iter().filter(move |other| !state.overwrites(*other));
        let staying: Vec<&'static str> = staying.map(MailState::name).collect();
        let (row, new) = (MailRow::new(workspace, record), MailRow::new(workspace, record));
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::insert_into(mails::table).values(new).on_conflict_do_nothing().execute(conn).await?;
                let own = mails::table.filter(mails::workspace_id.eq(workspace)).filter(mails::id.eq(row.id));
                diesel::update(own.filter(mails::state.ne_all(staying))).set(row).execute(conn).await?;
                Ok(())
            })
            .await
    }

    async fn forget_mails(&self, until: Timestamp) -> Result<()> {
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::delete(mails::table.filter(mails::at.le(DbTime(until)))).execute(conn).await?;
                Ok(())
            })
            .await
    }
}
