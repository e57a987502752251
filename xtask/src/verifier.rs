//! Webhooks of the built binary, verified by the library that the authors of Standard Webhooks publish.
//!
//! What our own tests compare a signature with is our own code. Here `hosts/server/tests/verifier/verify.py` receives
//! messages from a running server and asks somebody else's, which knows nothing of ours.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::process;
use crate::product;
use crate::python::Python;
use crate::served::Served;
use crate::workspace::{cargo, root};

/// The program.
const PROGRAM: &str = "hosts/server/tests/verifier/verify.py";
/// The list of packages, which the fuzzer shares: there is one environment.
const PACKAGES: &str = "hosts/server/tests/fuzz/requirements.txt";
/// The server's own settings: everybody may register, and messages go to this machine.
const SETTINGS: [(&str, &str); 4] = [
    ("SLACKCRM_SIGNUP", "open"),
    ("SLACKCRM_SECRET_KEY", "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi"),
    ("SLACKCRM_WEBHOOK_ALLOW", "127.0.0.0/8"),
    ("SLACKCRM_WEBHOOK_HTTP", "allowed"),
];

/// The step of `cargo xtask test` by itself.
pub(crate) fn verify() -> Result<()> {
    let verifier = Verifier::find_or_install("")?;
    verifier.verify(&product::built_by(cargo(["build", "--package", "crm-cli", "--bin", "slackcrm"]), "slackcrm")?)
}

/// The verifier, ready to run.
pub(crate) struct Verifier {
    python: Python,
}

impl Verifier {
    /// Makes sure of the library; `otherwise` says how to go on without it.
    pub(crate) fn find_or_install(otherwise: &str) -> Result<Self> {
        Ok(Self { python: Python::with(&root().join(PACKAGES), otherwise)? })
    }

    /// What is run, as a person reads it.
    pub(crate) const fn shown() -> &'static str {
        PROGRAM
    }

    /// Runs against the binary on a fresh SQLite file: what is signed does not depend on the store.
    pub(crate) fn verify(&self, binary: &Path) -> Result<()> {
        let served = Served::start(binary, None, &SETTINGS)?;
        let mut verify = self.python.command("python");
        verify.arg(root().join(PROGRAM)).env("VERIFIER_URL", served.url()).env("NO_PROXY", "127.0.0.1");
        let status = process::run(verify.current_dir(served.folder()))?;
        served.stop()?;
        ensure!(status.success(), "the library does not say of the messages what must be");
        Ok(())
    }
}
