//! The verbs about people, notes, tags and fields.

use clap::{Args as ClapArgs, Subcommand};
use crm_core::access::Role;
use crm_core::exchange_rate::Rate;
use crm_core::search::HitKind;
use crm_core::user::UserStatus;
use crm_core::{Currency, Entity, Id, NaiveDate};

use super::List;
use super::change::{Deleted, Expected, Fields, One, Purge, Words};
use super::figures::day;

/// A member.
#[derive(Debug, ClapArgs)]
pub(crate) struct Member {
    /// E-mail address or id
    pub(crate) member: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// One page of the members
    List(List),
    /// One member
    Show(Member),
    /// Make a person known who cannot sign in yet: name, role and, if there is one, email
    Create(Fields),
    /// Change a member's profile: name, email, time_zone, locale
    Update {
        #[command(flatten)]
        member: Member,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        expected: Expected,
    },
    /// Give a member another role
    Role {
        #[command(flatten)]
        member: Member,
        /// admin, manager, closer, setter, sales_rep or support_agent
        role: Role,
        #[command(flatten)]
        expected: Expected,
    },
    /// Activate or suspend a member, which ends their sign-ins
    Status {
        #[command(flatten)]
        member: Member,
        /// active, suspended or invited
        status: UserStatus,
        #[command(flatten)]
        expected: Expected,
    },
    /// Delete a member, which ends their sign-ins; what is theirs stays so
    Delete {
        #[command(flatten)]
        member: Member,
        #[command(flatten)]
        expected: Expected,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Permissions {
    /// What each role may do with each kind of record, and which fields it does not see
    List {
        /// Only this role
        #[arg(long)]
        role: Option<Role>,
    },
    /// Change what a role may do with a kind of record: create, read, update, delete, export and assign, each
    /// none, own, team or all, and hidden, the fields that it does not see
    Set {
        /// manager, closer, setter, sales_rep or support_agent
        role: Role,
        /// contact, company, deal, task and so on, as they are listed
        kind: Entity,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        expected: Expected,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Teams {
    /// All teams with their members
    List,
    /// One team
    Show(One),
    /// Make a team: name and, between commas, members by e-mail address or id
    Create(Fields),
    /// Change a team: name, members, who are then all of them
    Update {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        expected: Expected,
    },
    /// Delete a team; its members stay members of the workspace
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
}

/// The record that a note is on.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct Subject {
    /// The contact that it is on
    #[arg(long, value_name = "ID")]
    pub(crate) contact: Option<Id<()>>,
    /// The company that it is on
    #[arg(long, value_name = "ID")]
    pub(crate) company: Option<Id<()>>,
    /// The deal that it is on
    #[arg(long, value_name = "ID")]
    pub(crate) deal: Option<Id<()>>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Notes {
    /// Write a note on a contact, company or deal
    Add {
        /// What it says; `-` reads it from standard input
        body: String,
        #[command(flatten)]
        subject: Subject,
    },
    /// Change what a note says
    Update {
        #[command(flatten)]
        one: One,
        /// What it says; `-` reads it from standard input
        body: String,
        #[command(flatten)]
        expected: Expected,
    },
    /// Delete a note; it is kept until it is purged
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
    /// Bring deleted notes back
    Restore(Deleted),
    /// Erase deleted notes and the content of their history for ever
    Purge(Purge),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tags {
    /// All tags with the number of records that carry them
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CustomFields {
    /// All custom fields
    List,
    /// Define a field: entity, key, label, kind and, by the kind, choices, target and required
    Create(Fields),
    /// Change a field: label, choices, required
    Update {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        expected: Expected,
    },
    /// Retire a field; its values stay on the records, but nobody sees or sets them
    Retire {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) words: Words,
    /// Only this kind of record: contact, company, deal or task; may be given several times
    #[arg(long = "type", value_name = "KIND")]
    pub(crate) types: Vec<HitKind>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Pipelines {
    /// All pipelines with their stages, the default one first
    List,
    /// One pipeline
    Show(One),
    /// Make a pipeline: name and stages, a JSON list of name, kind, probability and days_until_stale
    Create(Fields),
    /// Give a pipeline another name and other stages: name, stages (a JSON list; those that stay with
    /// their id) and targets (a JSON list of stage_id and to) for the deals of stages that are left out
    Update {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        expected: Expected,
    },
    /// Delete a pipeline that no deal is in
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rates {
    /// One page of the rates, the latest day first
    List {
        /// Only those with this currency on either side
        #[arg(long)]
        currency: Option<Currency>,
        /// Only those that hold from this day or a later one on
        #[arg(long, value_name = "DAY", value_parser = day)]
        from: Option<NaiveDate>,
        /// Only those that hold from this day or an earlier one on
        #[arg(long, value_name = "DAY", value_parser = day)]
        to: Option<NaiveDate>,
        /// Rows, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Where the page before said the next one starts
        #[arg(long, allow_hyphen_values = true)]
        cursor: Option<String>,
    },
    /// Set the rate of two currencies from a day on, as in `rates set EUR USD 1.0842 2026-01-31`
    Set {
        /// The currency of which one unit is priced
        base: Currency,
        /// The currency in which it is priced
        quote: Currency,
        /// Units of the second that one unit of the first buys
        rate: Rate,
        /// The day from which it holds
        #[arg(value_name = "DAY", value_parser = day)]
        day: NaiveDate,
    },
    /// Delete a rate; the one before it holds in its place
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
}
