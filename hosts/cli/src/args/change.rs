//! What verbs that change a record have in common.

use clap::Args as ClapArgs;
use crm_core::{Expect, Id};

/// The fields to set.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Fields {
    /// Set a field, as in `--set title=CTO` or `--set custom.size=42`; commas part tags, nothing after
    /// `=` clears the field, and `:=` takes JSON, as in `--set tags:=[]`
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,
    /// Set the fields of a JSON object, as over HTTP; `-` reads it from standard input
    #[arg(long, value_name = "OBJECT")]
    pub(crate) json: Option<String>,
}

/// Fields to set, some of which a kind of record may have flags of its own for.
pub(crate) trait Typed {
    /// All that were typed, whichever way.
    fn typed(&self) -> Fields;
}

impl Typed for Fields {
    fn typed(&self) -> Fields {
        self.clone()
    }
}

/// The version that a change is based on.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Expected {
    /// Only while the record is at this version
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i64>,
}

impl Expected {
    /// What the engine is told to expect.
    pub(crate) fn expect(self) -> Expect {
        self.if_version.map_or(Expect::Any, Expect::Version)
    }
}

/// One record.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct One {
    /// Its id
    id: Id<()>,
}

impl One {
    /// The id, as that of the kind of record that the verb is about.
    pub(crate) fn id<E>(self) -> Id<E> {
        self.id.cast()
    }
}

/// Records that were deleted.
#[derive(Debug, ClapArgs)]
pub(crate) struct Deleted {
    /// Their ids, as they were told when they were deleted
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<Id<()>>,
}

/// Records to erase.
#[derive(Debug, ClapArgs)]
pub(crate) struct Purge {
    #[command(flatten)]
    pub(crate) deleted: Deleted,
    /// Say that they shall be gone for ever; nothing is purged without it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Part of a record's history.
#[derive(Debug, ClapArgs)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) one: One,
    /// Rows, 1 to 200
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u16,
    /// Where the page before said the next one starts
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cursor: Option<String>,
}

/// Words to search for.
#[derive(Debug, ClapArgs)]
pub(crate) struct Words {
    /// All of them must be found; each may be the start of a longer word
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// Rows, 1 to 200
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u16,
}

impl Words {
    /// The words as one line.
    pub(crate) fn line(&self) -> String {
        self.words.join(" ")
    }
}
