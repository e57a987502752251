//! The file of the rows that an import refused, a piece at a time.

use futures::stream::{self, Stream};

use super::mapping::{NOTES, notes};
use super::model::{FailedRow, Import};
use super::writer::{Writer, restore};
use crate::access::{Action, Entity, FieldMask};
use crate::error::Result;
use crate::id::Id;
use crate::session::Session;

/// Refused rows that are read at once.
const FAILED_PAGE: u32 = 1_000;

/// The file of an import's refused rows.
pub(super) fn stream(session: Session, id: Id<Import>) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
    stream::try_unfold(Failed::Start(session, id), Failed::next)
}

/// What of the file its reader sees.
struct Columns {
    /// How many columns are the notes of an older file of refused rows, which give way to new ones.
    old: usize,
    /// Columns of fields that the reader does not see.
    hidden: Vec<usize>,
    /// How many columns there are.
    width: usize,
    mask: FieldMask,
}

impl Columns {
    fn new(import: &Import, mask: &FieldMask) -> Self {
        let is_hidden = |field: &Option<String>| field.as_deref().is_some_and(|field| mask.hides(field));
        let columns = import.columns.iter().enumerate();
        let hidden = columns.filter(|(_, field)| is_hidden(field)).map(|(at, _)| at).collect();
        Self { old: notes(&import.headers), hidden, width: import.headers.len(), mask: mask.clone() }
    }

    /// The cells that the reader sees. Of a row with too many or too few nobody knows which cell is in
    /// which column, so where a column is hidden, all of them are.
    fn seen<'c>(&self, cells: &'c [String]) -> impl Iterator<Item = &'c str> {
        let cells = if self.hidden.is_empty() || cells.len() == self.width { cells } else { &[] };
        let seen = cells.iter().enumerate().skip(self.old).filter(|(at, _)| !self.hidden.contains(at));
        seen.map(|(_, cell)| cell.as_str())
    }

    /// Field and reason of a row. The words of a reason may quote any cell.
    fn notes<'r>(&self, row: &'r FailedRow) -> (&'r str, &'r str) {
        match (self.mask.hides(&row.field), self.hidden.is_empty()) {
            (true, _) => ("", "not_permitted"),
            (false, false) => (&row.field, &row.code),
            (false, true) => (&row.field, &row.message),
        }
    }
}

/// The file, as far as it is written.
enum Failed {
    Start(Session, Id<Import>),
    After(Session, Id<Import>, Columns, u64),
    End,
}

impl Failed {
    async fn next(self) -> Result<Option<(Vec<u8>, Self)>> {
        match self {
            Failed::Start(session, id) => {
                let grant = session.require(Entity::Import, Action::Read)?;
                let import = session.ports().imports.import(&grant, id).await?;
                let columns = Columns::new(&import, grant.mask(import.entity));
                let mut writer = Writer::default().with_byte_order_mark();
                writer.row(NOTES.into_iter().chain(columns.seen(&import.headers)));
                Ok(Some((writer.take(), Failed::After(session, id, columns, 0))))
            }
            Failed::After(session, id, columns, line) => {
                let grant = session.require(Entity::Import, Action::Read)?;
                let rows = session.ports().imports.failed_rows(&grant, id, line, FAILED_PAGE).await?;
                let Some(last) = rows.last().map(|row| row.line) else { return Ok(None) };
                let mut writer = Writer::default();
                for row in &rows {
                    let line = row.line.to_string();
                    let (field, reason) = columns.notes(row);
                    let notes = [line.as_str(), field, reason];
                    // Cells of refused rows are as they were written, markers of formulas included.
                    let cells = columns.seen(&row.cells).map(restore);
                    writer.row(notes.into_iter().chain(cells));
                }
                let is_last = rows.len() < FAILED_PAGE as usize;
                let next = if is_last { Failed::End } else { Failed::After(session, id, columns, last) };
                Ok(Some((writer.take(), next)))
            }
            Failed::End => Ok(None),
        }
    }
}
