//! Use cases of templates.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::builtin;
use super::draft::check_variables;
use super::language::{Language, Rendered};
use super::service::Mails;
use super::template::{MailTemplate, TemplateContent, TemplateName};
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::session::{Decisions, Expect};
use crate::store::{Guard, Stored};
use crate::time::Timestamp;

/// Most templates of a workspace.
const MOST: usize = 200;

/// A template as the list shows it: the workspace's own, or the product's where it has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListedTemplate {
    /// Its name.
    pub name: TemplateName,
    /// The subject.
    pub subject: String,
    /// The mail as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The mail as HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Whether it is the product's, which the workspace has not replaced.
    pub built_in: bool,
    /// How often the workspace wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// When the workspace last changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// What a preview shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PreviewRequest {
    /// A content that is not saved yet; what the template says where absent.
    pub content: Option<TemplateContent>,
    /// What variables hold, beside those of the sample.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub variables: Map<String, Value>,
}

impl ListedTemplate {
    fn own(template: MailTemplate) -> Self {
        let MailTemplate { name, subject, text, html, version, updated_at, .. } = template;
        Self { name, subject, text, html, built_in: false, version: Some(version), updated_at: Some(updated_at) }
    }

    fn of_the_product(name: TemplateName) -> Option<Self> {
        let TemplateContent { subject, text, html } = builtin::content(&name)?;
        Some(Self { name, subject, text, html, built_in: true, version: None, updated_at: None })
    }
}

impl Mails {
    /// All templates by name: the workspace's own, and the product's that it has not replaced.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn templates(&self) -> Result<Vec<ListedTemplate>> {
        let grant = self.session.require(Entity::MailTemplate, Action::Read)?;
        let own = self.session.ports().mails.mail_templates(&grant).await?;
        let is_own = |name: &TemplateName| own.iter().any(|template| template.name == *name);
        let products: Vec<_> =
            builtin::names().filter(|name| !is_own(name)).filter_map(ListedTemplate::of_the_product).collect();
        let mut all: Vec<_> = own.into_iter().map(ListedTemplate::own).chain(products).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Gives the workspace a template of its own under a name, or another content for it.
    ///
    /// # Errors
    /// `Denied`; `Conflict` for another version; `Invalid` at `subject`, `text` or `html` for what is no template.
    pub async fn set_template(
        &self,
        name: &TemplateName,
        content: TemplateContent,
        expect: Expect,
    ) -> Result<View<MailTemplate>> {
        let grant = self.session.require(Entity::MailTemplate, Action::Update)?;
        let content = content.checked()?;
        let ports = self.session.ports();
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let guard = ports.commit.guard(&grant, Guard::MailTemplates).await?;
                let known = ports.mails.mail_template(&grant, name).await?;
                let mut changes = self.session.changes();
                let mut template = match known {
                    Some(mut known) => {
                        expect.check(&grant, &*known)?;
                        known.say(content.clone());
                        known
                    }
                    None => {
                        self.session.require(Entity::MailTemplate, Action::Create)?;
                        if matches!(expect, Expect::Version(_)) {
                            return Err(absent(name));
                        }
                        if ports.mails.mail_templates(&grant).await?.len() >= MOST {
                            let message = format!("a workspace has at most {MOST} templates of its own");
                            return Err(Error::invalid("name", "too_many", message));
                        }
                        changes.guard(guard);
                        let now = changes.now();
                        Stored::new(MailTemplate::new(Id::new_at(now), name.clone(), content.clone(), now))
                    }
                };
                changes.put(&mut template);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(template.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Deletes the workspace's template of a name; where the product has one, that holds again.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete_template(&self, name: &TemplateName, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::MailTemplate, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let known = self.session.ports().mails.mail_template(&grant, name).await?;
                let mut template = known.ok_or_else(|| absent(name))?;
                expect.check(&grant, &*template)?;
                let mut changes = self.session.changes();
                template.deleted_at = Some(changes.now());
                changes.put(&mut template);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// What a template would say, with sample data where the caller gives none.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for a name that no template has; `Invalid` for what is no template.
    pub async fn preview(&self, name: &TemplateName, request: PreviewRequest) -> Result<Rendered> {
        let grant = self.session.require(Entity::MailTemplate, Action::Read)?;
        check_variables(&request.variables)?;
        let content = match request.content {
            Some(content) => content.checked().map_err(|error| error.under("content"))?,
            None => self.content(&grant, name).await?.ok_or_else(|| absent(name))?,
        };
        let mut variables = builtin::sample();
        variables.extend(request.variables);
        let url = (!builtin::is_needed(name)).then_some("https://crm.example.com/unsubscribe/sample");
        variables.extend(self.common(&grant, None, url));
        let contact = serde_json::json!({"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"});
        variables.insert("contact".to_owned(), contact);
        Language::render(&content, &variables)
    }

    /// What the template of a name says: the workspace's own, or the product's.
    pub(super) async fn content(&self, grant: &Grant, name: &TemplateName) -> Result<Option<TemplateContent>> {
        let own = self.session.ports().mails.mail_template(grant, name).await?;
        Ok(own.map(|template| template.content()).or_else(|| builtin::content(name)))
    }
}

fn absent(name: &TemplateName) -> Error {
    Error::new(ErrorKind::NotFound, format!("mail_template {name} not found"))
}
