//! Processes that tell each other of commits by Redis, where they share one: for databases behind a pooler, on whose
//! connections nobody can LISTEN, and for whoever prefers it.
//!
//! What is told are the workspaces that were written to, and nothing of what was written; Redis keeps none of it.
//! Nothing depends on a message that comes: while Redis is away, watchers look by themselves, and whoever comes back
//! to it hears that they may have missed something. Deliberately absent: TLS, as to PostgreSQL, clusters and sentinels.

mod herald;
mod message;

pub use herald::RedisHerald;
