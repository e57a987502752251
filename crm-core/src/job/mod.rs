//! Jobs: work that goes on after the answer has gone out.
//!
//! A job is enqueued by the commit of the change that wants it. Whoever works takes one that is due by
//! writing it as running over the version that was read, and holds it by a lease that every sign of
//! life prolongs: who was cancelled or replaced meanwhile finds out at the next step. A worker that dies
//! leaves a lease that ends, and the job is taken again.
//!
//! What a job does is either a task of the product's own, which goes on where its records say it stopped, or a
//! [`Handler`], which is begun anew with the same idempotency key.
//!
//! ```text
//! Handler::job ─> NewJob ─ Jobs::enqueue, Session::enqueueing ─> Job ─ Workers: take, run, settle ─> done, failed
//! ```
//!
//! Files that a job needs are spooled into the store ([`Upload`]), so that any instance can go on.
//! docs/JOBS.md says what is guaranteed and what is not.

mod bell;
mod context;
mod enqueue;
mod fault;
mod handler;
mod model;
mod new;
mod policy;
mod port;
mod queue;
mod queues;
mod runner;
mod seen;
mod service;
mod state;
mod task;
mod upload;
mod watch;
mod workers;

pub use bell::{Bell, Listener, Ring};
pub use context::{JobContext, Taken};
pub use fault::{AttemptFault, JobError, JobFault};
pub use handler::{Handler, Handlers};
pub use model::{HEARTBEAT_SECONDS, Job, LEASE_SECONDS};
pub use new::{Enqueued, NewJob, Unique};
pub use policy::{Policy, Retry};
pub use port::{Held, JobPlace, JobQuery, JobStore, Settled, UploadStore, Wanted, WorkStore};
pub use queue::{Priority, Queue};
pub use queues::{COUNTED_SECONDS, Latency, MEASURED, QueueCounts, QueuePause, QueueState, Queues};
pub(crate) use runner::Halt;
pub use runner::{Never, Stop};
pub use service::{Jobs, JobsRequest, RetriedJobs, RetryJobs};
pub use state::{JobState, Progress};
pub use task::{ImportFile, Task};
pub use upload::{CHUNK_BYTES, Piece, Spool, StoredFile, Upload};
pub(crate) use upload::{check_room, is_full};
pub(crate) use watch::{Step, Watch};
pub use workers::{Endless, Timer, Workers};
