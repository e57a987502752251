//! Activities: what people did around a record. Notes are written here; the timeline is a view of
//! the journal.

mod fields;
mod model;
mod port;
mod service;

pub use fields::catalogue;
pub use model::{NewNote, Note, NoteEdit};
pub use port::NoteStore;
pub use service::Activities;
