//! Jobs: work that goes on after the answer has gone out.
//!
//! A job is enqueued by the commit of the change that wants it. Whoever works takes one that is due by
//! writing it as running over the version that was read, and holds it by a lease that every sign of
//! progress prolongs, each time over the version before: who was cancelled or replaced meanwhile finds
//! out at the next step. A worker that dies leaves a lease that ends, and the job is taken again, where
//! its own records say it stopped.
//!
//! Files that a job needs are spooled into the store ([`Upload`]), so that any instance can go on.

mod model;
mod port;
mod runner;
mod seen;
mod service;
mod upload;
mod watch;

pub(crate) use model::Halt;
pub use model::{Job, JobFault, JobState, Progress, Queue, Task};
pub use port::{JobPlace, JobQuery, JobStore, UploadStore};
pub use runner::{Never, Stop};
pub use service::{Jobs, JobsRequest};
pub use upload::{CHUNK_BYTES, Spool, StoredFile, Upload};
pub(crate) use watch::{Step, Watch};
