//! `slackcrm contacts restore`, `purge` and their like: what becomes of records that are deleted.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Entity, Error, ErrorKind, Id, Result as Outcome, Session};

use crate::args::Output;
use crate::args::change::{Deleted, Purge};
use crate::failure::Failure;
use crate::print::Sheet;

/// Brings deleted records back and says which.
pub(crate) async fn restore(session: &Session, entity: Entity, which: &Deleted, output: Output) -> Result<(), Failure> {
    let mut told = Told::default();
    for id in once(&which.ids) {
        told.add(id, restore_one(session, entity, id).await);
    }
    let rule = format!("only a deleted {entity} can be restored, and none that was purged");
    told.print(("Restored", "restored"), &rule, output)
}

/// Erases deleted records for ever and says which.
pub(crate) async fn purge(session: &Session, entity: Entity, which: &Purge, output: Output) -> Result<(), Failure> {
    if !which.yes {
        return Err(Failure::new("what is purged is gone for ever").hint("say --yes where it shall be"));
    }
    let mut told = Told::default();
    for id in once(&which.deleted.ids) {
        told.add(id, purge_one(session, entity, id).await);
    }
    let rule = format!("only a deleted {entity} can be purged: delete it first");
    told.print(("Purged", "purged"), &rule, output)
}

/// Each id that is named, where it is named first.
fn once(ids: &[Id<()>]) -> impl Iterator<Item = Id<()>> {
    let mut seen = BTreeSet::new();
    ids.iter().copied().filter(move |id| seen.insert(*id))
}

async fn restore_one(session: &Session, entity: Entity, id: Id<()>) -> Outcome<()> {
    match entity {
        Entity::Contact => session.contacts().restore(id.cast()).await.map(drop),
        Entity::Company => session.companies().restore(id.cast()).await.map(drop),
        Entity::Task => session.tasks().restore(id.cast()).await.map(drop),
        Entity::Note => session.activities().restore_note(id.cast()).await.map(drop),
        _ => session.deals().restore(id.cast()).await.map(drop),
    }
}

async fn purge_one(session: &Session, entity: Entity, id: Id<()>) -> Outcome<()> {
    match entity {
        Entity::Contact => session.contacts().purge(id.cast()).await,
        Entity::Company => session.companies().purge(id.cast()).await,
        Entity::Task => session.tasks().purge(id.cast()).await,
        Entity::Note => session.activities().purge_note(id.cast()).await,
        _ => session.deals().purge(id.cast()).await,
    }
}

/// What became of each record: they are independent, so one at fault stops none behind it.
#[derive(Default)]
struct Told {
    done: Vec<Id<()>>,
    faults: Vec<(Id<()>, Error)>,
}

impl Told {
    fn add(&mut self, id: Id<()>, outcome: Outcome<()>) {
        match outcome {
            Ok(()) => self.done.push(id),
            Err(error) => self.faults.push((id, error)),
        }
    }

    /// Prints what was done, under a header and a key; what was not is the failure, with the rule where a record was
    /// not found.
    fn print(&self, (header, key): (&'static str, &str), rule: &str, output: Output) -> Result<(), Failure> {
        if !self.done.is_empty() {
            let mut sheet = Sheet::new(&[header]);
            for id in &self.done {
                sheet.row(vec![id.to_string()]);
            }
            sheet.print(output, &BTreeMap::from([(key, &self.done)]))?;
        }
        let failure = match self.faults.as_slice() {
            [] => return Ok(()),
            [(_, error)] if self.done.is_empty() => Failure::from(error.clone()),
            faults => {
                let asked = self.done.len() + faults.len();
                let message = format!("{} of {asked} not {key}", faults.len());
                faults.iter().fold(Failure::new(message), |failure, (id, error)| failure.hint(format!("{id}: {error}")))
            }
        };
        let is_absent = self.faults.iter().any(|(_, error)| error.kind() == ErrorKind::NotFound);
        Err(if is_absent { failure.hint(rule) } else { failure })
    }
}
