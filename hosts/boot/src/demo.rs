//! The demo that a server may be of.

use std::path::PathBuf;

use crm_core::Actor;

/// A workspace to look around in, and how to get in.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The member who signs in.
    pub actor: Actor,
    /// Their e-mail address.
    pub email: String,
    /// The file that holds their password.
    pub password_file: PathBuf,
}
