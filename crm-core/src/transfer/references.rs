//! The members, companies, contacts, tags and stages that the rows of one chunk name: read in a few
//! calls, joined by those that the chunk makes.

mod load;

pub(super) use load::members;

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::links::{Linked, Links};
use super::model::RowKey;
use super::plan::Plan;
use super::rights::Rights;
use super::seats::invited;
use crate::access::{Entity, Role};
use crate::company::{Company, CompanyEdit};
use crate::contact::Contact;
use crate::custom_field::{CustomField, check_values};
use crate::deal::Deal;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::pipeline::{Pipeline, Stage, StageKind};
use crate::session::Kept;
use crate::store::{Changes, Stored};
use crate::tag::Tag;
use crate::text;
use crate::time::{Timestamp, Zone};
use crate::user::User;

/// What the rows of one chunk name.
pub(super) struct References<'a> {
    plan: &'a Plan,
    rights: &'a Rights,
    now: Timestamp,
    /// By the comparison form of a name or e-mail address, or by id.
    users: HashMap<String, Id<User>>,
    companies: HashMap<RowKey, Target<Company>>,
    contacts: HashMap<RowKey, Target<Contact>>,
    /// By their ids in another system.
    deals: HashMap<RowKey, Id<Deal>>,
    /// Records that custom values point to and that the caller sees.
    records: HashSet<(Entity, Uuid)>,
    /// Comparison forms of the tags that exist.
    tags: HashSet<String>,
    /// The default one first.
    pipelines: Vec<Stored<Pipeline>>,
    /// Definitions that a company made on the way must keep to.
    company_fields: Vec<CustomField>,
    made: Made,
    warnings: BTreeSet<&'static str>,
}

/// A record that rows name.
struct Target<E> {
    id: Id<E>,
    has_external_id: bool,
}

/// The record that keys, strongest first, lead to: by a weaker one only where it has no id in another
/// system, which would be another id than the row's.
fn meant<E>(known: &HashMap<RowKey, Target<E>>, keys: impl Iterator<Item = RowKey>) -> Option<Id<E>> {
    let leads = |(rank, key): (usize, RowKey)| known.get(&key).filter(|target| rank == 0 || !target.has_external_id);
    keys.enumerate().find_map(leads).map(|target| target.id)
}

/// What the chunk makes, in the order of its making.
#[derive(Default)]
struct Made {
    users: Vec<(String, Stored<User>)>,
    companies: Vec<(Vec<RowKey>, Stored<Company>)>,
    stages: Vec<(usize, Id<Stage>)>,
}

/// A place to go back to, so that a refused row leaves nothing behind.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    users: usize,
    companies: usize,
    stages: usize,
}

impl References<'_> {
    /// When the chunk is decided.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The zone in which days are cut.
    pub(super) fn zone(&self) -> Zone {
        self.plan.zone
    }

    /// Tells the importer something, once.
    pub(super) fn warn(&mut self, warning: &'static str) {
        self.warnings.insert(warning);
    }

    /// What the importer should know of this chunk.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &'static str> {
        self.warnings.iter().copied()
    }

    /// This place.
    pub(super) fn mark(&self) -> Mark {
        Mark { users: self.made.users.len(), companies: self.made.companies.len(), stages: self.made.stages.len() }
    }

    /// Whether the chunk makes members or companies.
    pub(super) fn makes_rows(&self) -> bool {
        !(self.made.users.is_empty() && self.made.companies.is_empty())
    }

    /// Forgets what was made since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        for (key, _) in self.made.users.drain(mark.users..) {
            self.users.remove(&key);
        }
        for key in self.made.companies.drain(mark.companies..).flat_map(|(keys, _)| keys) {
            self.companies.remove(&key);
        }
        for (pipeline, stage) in self.made.stages.drain(mark.stages..) {
            if let Some(pipeline) = self.pipelines.get_mut(pipeline) {
                pipeline.stages.retain(|known| known.id != stage);
            }
        }
    }

    /// Finds what a row names, and makes what may be made.
    ///
    /// # Errors
    /// `Invalid` at the field that names something impossible.
    pub(super) fn link(&mut self, links: &Links) -> Result<Linked> {
        let mut linked = Linked::default();
        if let Some(name) = &links.owner {
            linked.owner = self.member(self.plan.owner_field(), name)?.map_or(Edit::Keep, Edit::Set);
        }
        if let Some(key) = links.deal_key() {
            let own = links.own_deal().filter(|id| self.records.contains(&(Entity::Deal, id.uuid())));
            let found = own.or_else(|| self.deals.get(&key).copied());
            if found.is_none() {
                self.warn("deal: deals that are not known are left out");
            }
            linked.deal = found.map_or(Edit::Keep, Edit::Set);
        }
        if links.names_contact() {
            let found = meant(&self.contacts, links.contact_keys());
            if found.is_none() {
                self.warn("contact: only contacts with a known e-mail address or id are linked, others are left out");
            }
            linked.contact = found.map_or(Edit::Keep, Edit::Set);
        }
        // A task is about the closest record: none is made for it beside one that is there.
        let is_about = self.plan.entity == Entity::Task
            && (matches!(linked.deal, Edit::Set(_)) || matches!(linked.contact, Edit::Set(_)));
        if (links.company.is_some() || links.company_id.is_some()) && !is_about {
            linked.company = self.company(links)?.map_or(Edit::Keep, Edit::Set);
        }
        if let Some(tags) = &links.tags {
            linked.tags = self.labels(tags);
        }
        for (key, name) in &links.members {
            let field = format!("custom.{key}");
            linked.custom.extend(self.member(&field, name)?.map(|id| (key.clone(), id.uuid())));
        }
        for (key, entity, id) in &links.records {
            if !self.records.contains(&(*entity, *id)) {
                return Err(Error::invalid(format!("custom.{key}"), "not_found", format!("{entity} {id} not found")));
            }
            linked.custom.push((key.clone(), *id));
        }
        Ok(linked)
    }

    fn member(&mut self, field: &str, name: &str) -> Result<Option<Id<User>>> {
        let key = text::key(name);
        if let Some(id) = self.users.get(&key) {
            return Ok(Some(*id));
        }
        if let Ok(id) = name.parse::<Id<User>>() {
            return Err(Error::invalid(field, "not_found", format!("user {id} not found")));
        }
        if !(self.plan.create_missing && self.rights.makes_users) {
            self.warn(match self.plan.entity {
                Entity::Task => "assignee: people who are not members are left out",
                _ => "owner: people who are not members are left out",
            });
            return Ok(None);
        }
        let user = invited(name, Role::SalesRep, self.now)
            .map_err(|error| Error::invalid(field, "member", error.message().to_owned()))?;
        let id = user.id;
        self.users.insert(key.clone(), id);
        self.made.users.push((key, Stored::new(user)));
        Ok(Some(id))
    }

    fn company(&mut self, links: &Links) -> Result<Option<Id<Company>>> {
        if let Some(id) = meant(&self.companies, links.company_keys()) {
            return Ok(Some(id));
        }
        let rights = self.rights;
        let (Some(name), Some(grant)) = (&links.company, rights.company.as_ref().filter(|_| self.plan.create_missing))
        else {
            self.warn("company: companies that are not known are left out");
            return Ok(None);
        };
        let mut company = Company::blank(Id::new_at(self.now), self.now);
        company.edit(CompanyEdit { name: Edit::Set(name.clone()), ..CompanyEdit::default() })?;
        company.external_id.clone_from(&links.company_id);
        company.owner_id = rights.owner;
        if let Some(fault) = check_values(&self.company_fields, None, &mut company.custom).first() {
            let message = format!("company {name:?} cannot be made: {} {}", fault.field, fault.message);
            return Err(Error::invalid("company", "required", message));
        }
        grant.check_reach(&company).map_err(|error| Error::invalid("company", "denied", error.message().to_owned()))?;
        let id = company.id;
        // A company that had the name before is still the one that the name alone means.
        let keys: Vec<RowKey> = links.company_keys().filter(|key| !self.companies.contains_key(key)).collect();
        let target = || Target { id, has_external_id: links.company_id.is_some() };
        self.companies.extend(keys.iter().map(|key| (key.clone(), target())));
        self.made.companies.push((keys, Stored::new(company)));
        Ok(Some(id))
    }

    /// The labels that exist or may be made.
    fn labels(&mut self, tags: &[String]) -> Edit<Vec<String>> {
        if self.plan.create_missing && self.rights.makes_tags {
            return Edit::Set(tags.to_vec());
        }
        let known: Vec<String> = tags.iter().filter(|tag| self.tags.contains(&text::key(tag))).cloned().collect();
        if known.len() < tags.len() {
            self.warn("tags: tags that do not exist are left out");
        }
        if known.is_empty() { Edit::Keep } else { Edit::Set(known) }
    }

    /// The stage of a name in a pipeline, by default the first stage of the default pipeline.
    ///
    /// # Errors
    /// `Invalid` at `stage`.
    pub(super) fn stage(
        &mut self,
        pipeline: Option<Id<Pipeline>>,
        name: Option<&str>,
    ) -> Result<(Id<Pipeline>, Stage)> {
        let invalid = |code, message: String| Error::invalid("stage", code, message);
        let at = self.pipelines.iter().position(|known| pipeline.is_none_or(|id| known.id == id));
        let Some((at, pipeline)) = at.and_then(|at| Some((at, self.pipelines.get_mut(at)?))) else {
            return Err(invalid("required", "there is no pipeline".to_owned()));
        };
        let found = match name {
            None => pipeline.first_stage(),
            Some(name) => pipeline.stage_named(name),
        };
        let stage = match (found, name) {
            (Some(stage), _) => stage.clone(),
            (None, Some(name)) if self.plan.create_missing && self.rights.adds_stages => {
                let id = Id::new_at(self.now);
                let made = pipeline.add_stage(id, name, StageKind::suggested_by(name));
                let stage = made.map_err(|error| invalid("stage", error.message().to_owned()))?.clone();
                self.made.stages.push((at, id));
                stage
            }
            (None, Some(name)) => return Err(invalid("unknown_stage", format!("{name:?} is not a stage"))),
            (None, None) => return Err(invalid("required", "the pipeline has no stage".to_owned())),
        };
        Ok((pipeline.id, stage))
    }

    /// The pipeline of a name, whatever its case.
    pub(super) fn pipeline(&mut self, name: &str) -> Option<Id<Pipeline>> {
        let key = text::key(name);
        let found = self.pipelines.iter().find(|pipeline| text::key(&pipeline.name) == key).map(|found| found.id);
        if found.is_none() {
            self.warn("pipeline: deals of pipelines that do not exist go into the default one");
        }
        found
    }

    /// Whether a name means this pipeline. One that does not exist means the default one, where new deals go.
    pub(super) fn means(&self, name: &str, pipeline: Id<Pipeline>) -> bool {
        let key = text::key(name);
        let mut named = self.pipelines.iter().filter(|known| text::key(&known.name) == key).peekable();
        if named.peek().is_none() {
            return self.pipelines.first().is_some_and(|default| default.id == pipeline);
        }
        named.any(|known| known.id == pipeline)
    }

    /// The first stage of a kind in a pipeline, else one that is made and named after it.
    ///
    /// # Errors
    /// `Invalid` at `stage` where there is none and the caller may not make it.
    pub(super) fn stage_of(&mut self, pipeline: Id<Pipeline>, kind: StageKind) -> Result<Stage> {
        let mut stages = self.pipelines.iter().filter(|known| known.id == pipeline).flat_map(|known| &known.stages);
        if let Some(stage) = stages.find(|stage| stage.kind == kind) {
            return Ok(stage.clone());
        }
        let name = if kind == StageKind::Won { "Won" } else { "Lost" };
        self.stage(Some(pipeline), Some(name)).map(|(_, stage)| stage)
    }

    /// The last open stage of a pipeline, where deals that end were before.
    pub(super) fn last_open(&self, pipeline: Id<Pipeline>) -> Option<Id<Stage>> {
        let own = self.pipelines.iter().find(|known| known.id == pipeline)?;
        own.stages.iter().rfind(|stage| stage.kind == StageKind::Open).map(|stage| stage.id)
    }

    /// Puts what the chunk made among its changes, ahead of the records that point to it.
    pub(super) fn put(&mut self, changes: &mut Changes) {
        for (_, user) in &mut self.made.users {
            changes.put(user);
        }
        for (_, company) in &mut self.made.companies {
            changes.put(company);
        }
        for pipeline in &mut self.pipelines {
            if !changes.put(pipeline) {
                changes.rely_on(pipeline);
            }
        }
    }

    /// Puts the tags of a record that do not exist yet among the changes.
    pub(super) fn put_tags<T: Kept>(&mut self, record: &Stored<T>, changes: &mut Changes) {
        let before = record.before().map(T::tags).unwrap_or_default();
        for name in record.tags().iter().filter(|tag| !before.contains(tag)) {
            if self.tags.insert(text::key(name)) {
                let tag = Tag {
                    id: Id::new_at(self.now),
                    name: name.clone(),
                    created_at: self.now,
                    updated_at: self.now,
                    version: 0,
                };
                changes.put(&mut Stored::new(tag));
            }
        }
    }
}
