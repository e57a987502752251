//! What tests of the engine and of its adapters stand on: a store in memory, fakes, samples, and
//! the laws that every store and every role port keeps.
//!
//! An adapter runs every law with one line in a test of its own crate, which needs `tokio` (with
//! `macros` and `rt-multi-thread`) among its dev-dependencies:
//!
//! ```text
//! async fn open() -> impl crm_core::testkit::Subject { … a fresh, empty, isolated database … }
//! crm_core::testkit::suite!(open);
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `memory` | [`MemoryStore`]: every port over plain maps |
//! | `holdings` | [`Holdings`]: all that a store holds, to be compared |
//! | `receiver` | [`Receiver`]: a sender of webhooks and the endpoint behind it |
//! | `fakes` | [`FakeClock`], [`FakeMailer`], [`PlainHasher`], [`PlainSigner`], [`StuckHandler`], mocks of the role ports |
//! | `samples` | the smallest records that a law can speak of |
//! | `world` | [`World`]: two workspaces with a member of each role, over any store |
//! | `databases` | which servers tests run on |
//! | `road` | [`Road`]: a way to a server that a test cuts, or on which things vanish |
//! | `suite` | the laws of stores, room by room, and the macro that runs them |
//! | [`roles`] | the laws of the role ports, and the macros that run them |

mod databases;
mod fakes;
mod holdings;
mod memory;
mod receiver;
mod road;
pub mod roles;
pub mod samples;
pub mod suite;
mod world;

use std::time::Duration;

#[cfg(feature = "testkit")]
pub use crate::integration::{MockMailer, MockPasswordHasher, MockTokenSigner, MockWebhookSender};
pub use databases::{postgres_url, redis_url};
pub use fakes::{FakeClock, FakeMailer, PlainHasher, PlainSigner, StuckHandler};
pub use holdings::Holdings;
pub use memory::MemoryStore;
pub use receiver::Receiver;
pub use road::{Loss, Road};
pub use world::{Office, Opened, Spawn, Subject, World, commit, join};

/// How long a test waits for what comes at all: longer than a machine stands still that has too much to do, and than
/// any lease, rest or wait between attempts in between. Only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub use crate::{
    __clock_suite as clock_suite, __mailer_suite as mailer_suite, __mailer_trouble_suite as mailer_trouble_suite,
    __password_hasher_suite as password_hasher_suite, __suite as suite, __token_signer_suite as token_signer_suite,
    __webhook_sender_suite as webhook_sender_suite,
};
