//! The kinds of record that permissions, filters and the journal speak of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A kind of record; its snake_case name is the same on the wire, in the journal and in filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Entity {
    /// The workspace itself.
    Workspace,
    /// A member of the workspace.
    User,
    /// A group of members.
    Team,
    /// A person the team sells to.
    Contact,
    /// An organisation the team sells to.
    Company,
    /// A sale in the making.
    Deal,
    /// Something that somebody is to do.
    Task,
    /// A way through named stages.
    Pipeline,
    /// A label.
    Tag,
    /// A written remark on a record.
    Note,
    /// A field that the workspace defined.
    CustomField,
    /// A file being read in.
    Import,
    /// Work that goes on after its answer.
    Job,
    /// What a currency is worth in another from a day on.
    ExchangeRate,
    /// Where the events of a workspace are sent.
    WebhookEndpoint,
    /// What a mail says; and, with it, who gets none.
    MailTemplate,
}

impl Entity {
    /// Every kind, in the order of the permission matrix.
    pub const ALL: [Entity; 16] = [
        Entity::Workspace,
        Entity::User,
        Entity::Team,
        Entity::Contact,
        Entity::Company,
        Entity::Deal,
        Entity::Task,
        Entity::Pipeline,
        Entity::Tag,
        Entity::Note,
        Entity::CustomField,
        Entity::Import,
        Entity::Job,
        Entity::ExchangeRate,
        Entity::WebhookEndpoint,
        Entity::MailTemplate,
    ];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Entity::Workspace => "workspace",
            Entity::User => "user",
            Entity::Team => "team",
            Entity::Contact => "contact",
            Entity::Company => "company",
            Entity::Deal => "deal",
            Entity::Task => "task",
            Entity::Pipeline => "pipeline",
            Entity::Tag => "tag",
            Entity::Note => "note",
            Entity::CustomField => "custom_field",
            Entity::Import => "import",
            Entity::Job => "job",
            Entity::ExchangeRate => "exchange_rate",
            Entity::WebhookEndpoint => "webhook_endpoint",
            Entity::MailTemplate => "mail_template",
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Entity {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|entity| entity.name() == name)
            .ok_or_else(|| Error::invalid("entity", "unknown_entity", format!("{name:?} is not a kind of record")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_as_itself_and_nothing_else_reads() {
        for entity in Entity::ALL {
            assert_eq!(entity.to_string().parse::<Entity>().unwrap(), entity);
        }
        assert!("account".parse::<Entity>().is_err());
    }
}
