//! The words of many records by one statement.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text};

use super::Conn;
use super::insertion::{Filled, with_room};
use crate::types::{DbId, Guid};

/// Writes the words of records over those that they had.
#[derive(Debug)]
pub(super) struct Indexing {
    /// The table.
    words: &'static str,
    workspace: i64,
    ids: Vec<DbId>,
    lists: Vec<String>,
    bytes: usize,
}

impl Indexing {
    /// The statements that write these lists of words: one, unless there are very many words.
    pub(super) fn all(
        words: &'static str,
        workspace: i64,
        lists: impl IntoIterator<Item = (DbId, String)>,
    ) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (id, list) in lists {
            match with_room(&mut all) {
                Some(indexing) => indexing.push(id, list),
                None => {
                    let mut indexing = Self { words, workspace, ids: Vec::new(), lists: Vec::new(), bytes: 0 };
                    indexing.push(id, list);
                    all.push(indexing);
                }
            }
        }
        all
    }

    fn push(&mut self, id: DbId, list: String) {
        self.bytes += size_of::<DbId>() + list.len();
        self.ids.push(id);
        self.lists.push(list);
    }
}

impl Filled for Indexing {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl QueryFragment<Pg> for Indexing {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(self.words);
        out.push_sql(" (workspace_id, id, words) SELECT ");
        out.push_bind_param::<BigInt, _>(&self.workspace)?;
        out.push_sql(", id, array_to_tsvector(string_to_array(list, ' ')) FROM unnest(");
        out.push_bind_param::<Array<Guid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.lists)?;
        out.push_sql(") AS document (id, list) ON CONFLICT (workspace_id, id) DO UPDATE SET words = excluded.words");
        Ok(())
    }
}

impl QueryId for Indexing {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::RunQueryDsl<Conn> for Indexing {}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn words_of_very_many_bytes_are_several_statements() {
        let megabyte = "a".repeat(1024 * 1024);
        let lists = (0..40).map(|id| (DbId(Uuid::from_u128(id)), megabyte.clone()));
        let all = Indexing::all("contacts_words", 1, lists);
        assert_eq!(all.iter().map(|indexing| indexing.lists.len()).collect::<Vec<_>>(), [16, 16, 8]);
        let ids: Vec<u128> = all.iter().flat_map(|indexing| &indexing.ids).map(|id| id.0.as_u128()).collect();
        assert_eq!(ids, (0..40).collect::<Vec<_>>());
    }
}
