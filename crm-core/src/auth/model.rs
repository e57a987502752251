//! Sign-ins and what a client sends and gets.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::id::Id;
use crate::text::Email;
use crate::time::Timestamp;
use crate::user::{Membership, User};
use crate::workspace::Workspace;

/// How long an access token lives, in seconds: 15 minutes.
pub(crate) const ACCESS_SECONDS: i64 = 15 * 60;
/// How long a refresh token lives without use, in seconds: 30 days.
pub const REFRESH_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signup {
    /// Anybody.
    #[default]
    Open,
    /// Whoever comes first, and nobody once there is an account.
    Closed,
}

/// One sign-in: a member on one device, from login to logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its id, which access tokens carry.
    pub id: Id<SignIn>,
    /// Whose.
    pub account_id: Id<Account>,
    /// Where.
    pub workspace_id: Id<Workspace>,
    /// As which member.
    pub user_id: Id<User>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// When it was ended before its time.
    pub revoked_at: Option<Timestamp>,
}

impl SignIn {
    /// Whether tokens of this sign-in hold.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// A request to sign in.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Login {
    /// E-mail address of the account.
    #[serde(default)]
    pub email: Option<Email>,
    /// Its password.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password))]
    pub password: Option<SecretString>,
    /// Instead of both: the proof that an answer with `workspace_required` gave.
    #[serde(default)]
    pub challenge_token: Option<String>,
    /// Which workspace, where the account belongs to several.
    #[serde(default)]
    pub workspace_id: Option<Id<Workspace>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Login");
        shown.field("email", &self.email).field("workspace_id", &self.workspace_id).finish_non_exhaustive()
    }
}

/// A request to create a workspace and its first admin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Register {
    /// What the workspace is called.
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub workspace_name: String,
    /// E-mail address; a known one, with its password, adds a workspace to that account.
    pub email: Email,
    /// Password, at least 10 characters.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Password, min_length = 10))]
    pub password: SecretString,
    /// Full name of the admin.
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub name: String,
}

/// The tokens of a sign-in.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// Signed token for the `Authorization: Bearer` header.
    pub access_token: String,
    /// One-time token for the next refresh.
    pub refresh_token: String,
    /// Seconds until the access token ends.
    pub expires_in: i64,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// The answer to a registration.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Registered {
    /// The new workspace.
    pub workspace: Workspace,
    /// Its admin.
    pub user: User,
    /// Their tokens.
    #[serde(flatten)]
    pub tokens: Tokens,
}

/// The answer to a login.
#[derive(Clone, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LoginAnswer {
    /// Signed in.
    SignedIn {
        /// The member.
        user: Box<User>,
        /// Their tokens.
        #[serde(flatten)]
        tokens: Tokens,
    },
    /// The account belongs to several workspaces: send the login again with one of them.
    WorkspaceRequired {
        /// Always true.
        workspace_required: bool,
        /// Where the account is a member.
        workspaces: Vec<Membership>,
        /// Proof of the password, valid for five minutes, to send instead of it.
        challenge_token: String,
    },
}

impl fmt::Debug for LoginAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginAnswer::SignedIn { user, .. } => {
                f.debug_struct("SignedIn").field("user", user).finish_non_exhaustive()
            }
            LoginAnswer::WorkspaceRequired { workspaces, .. } => {
                f.debug_struct("WorkspaceRequired").field("workspaces", workspaces).finish_non_exhaustive()
            }
        }
    }
}

/// Who the caller is.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Me {
    /// The member.
    pub user: User,
    /// The workspace.
    pub workspace: Workspace,
    /// What the member's role allows.
    pub permissions: std::collections::BTreeMap<crate::access::Entity, crate::access::Rule>,
}
