//! The words that there are: what FTS5 keeps of each, told by a table that every connection makes for itself.

use crm_core::Entity;

/// Makes the tables. They hold nothing: what they tell is read from the indexes.
pub(super) const TABLES: &str = "\
    CREATE VIRTUAL TABLE temp.contacts_vocabulary USING fts5vocab(main, contacts_words, row);\
    CREATE VIRTUAL TABLE temp.companies_vocabulary USING fts5vocab(main, companies_words, row);\
    CREATE VIRTUAL TABLE temp.deals_vocabulary USING fts5vocab(main, deals_words, row);\
    CREATE VIRTUAL TABLE temp.tasks_vocabulary USING fts5vocab(main, tasks_words, row);\
    CREATE VIRTUAL TABLE temp.notes_vocabulary USING fts5vocab(main, notes_words, row);\
    CREATE VIRTUAL TABLE temp.users_vocabulary USING fts5vocab(main, users_words, row);";

/// The table of the words of a kind of record.
pub(super) fn vocabulary(entity: Entity) -> Option<&'static str> {
    match entity {
        Entity::Contact => Some("temp.contacts_vocabulary"),
        Entity::Company => Some("temp.companies_vocabulary"),
        Entity::Deal => Some("temp.deals_vocabulary"),
        Entity::Task => Some("temp.tasks_vocabulary"),
        Entity::Note => Some("temp.notes_vocabulary"),
        Entity::User => Some("temp.users_vocabulary"),
        _ => None,
    }
}
