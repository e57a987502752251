//! Accounts: who can sign in, across all workspaces.
//!
//! An account is global: one e-mail, one password, however many workspaces. Its membership in a
//! workspace is a [`crate::user::User`]. Accounts are read without a grant, because whoever signs
//! in has none yet.

mod model;
mod port;

pub use model::{Account, NewAccount, Rank};
pub(crate) use model::{MAX_PASSWORD_BYTES, check_password};
pub use port::AccountStore;
