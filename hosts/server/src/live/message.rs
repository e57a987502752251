//! What client and server say to each other.

use crm_boot::Told;
use crm_core::Error;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refusal::Refusal;

/// The first message of a client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Greeting {
    /// An access token. Absent: whose cookie came with the handshake.
    #[schema(value_type = String, required = false)]
    pub(crate) token: Option<SecretString>,
    /// What to watch: `contacts`, `companies`, `deals`, `tasks`, `notes`, `tags`, `pipelines`,
    /// `custom_fields`, `exchange_rates`, `mail_templates`, `users`, `teams`, `workspace`, `webhook_endpoints`.
    pub(crate) subscribe: Vec<String>,
    /// The `seq` of the last event that was seen; events go on after it. Absent: from now on.
    #[schema(minimum = 0)]
    pub(crate) after: Option<i64>,
}

/// Every further message of a client.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscription {
    /// What to watch from here on.
    pub(crate) subscribe: Vec<String>,
}

/// What the server says beside events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Notice {
    /// The watch begins: events after this number will be told.
    Ready {
        /// The number.
        seq: i64,
    },
    /// All is quiet: what was to be told up to this number was told.
    Beat {
        /// The number.
        seq: i64,
    },
    /// Too much was missed to tell it event by event: read anew what is shown. Events after this number
    /// will be told.
    Resync {
        /// The number.
        seq: i64,
    },
    /// The last message does not do, or the watch has ended.
    Error {
        /// Stable code, as of a problem document.
        code: String,
        /// What is wrong.
        detail: String,
        /// What is wrong with the message, place by place.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schema(required = false)]
        errors: Vec<crm_core::FieldError>,
    },
}

impl Notice {
    /// Why something was refused.
    pub(crate) fn of(refusal: &Refusal) -> Self {
        let problem = refusal.problem("");
        Notice::Error {
            code: problem.code().to_owned(),
            detail: problem.detail().to_owned(),
            errors: problem.errors().to_vec(),
        }
    }

    /// Why a watch ended.
    pub(crate) fn ended(error: Error) -> Self {
        Self::of(&error.into())
    }
}

/// One message of the server, for the wire.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Said {
    /// An event.
    Event(Box<crm_core::journal::Envelope>),
    /// Something beside events.
    Notice(Notice),
}

impl Said {
    /// As JSON.
    pub(crate) fn json(&self) -> Result<String, Refusal> {
        serde_json::to_string(self).map_err(Refusal::internal)
    }
}

impl From<Told> for Said {
    fn from(told: Told) -> Self {
        match told {
            Told::Event(envelope) => Said::Event(envelope),
            Told::Resync(seq) => Said::Notice(Notice::Resync { seq }),
        }
    }
}
