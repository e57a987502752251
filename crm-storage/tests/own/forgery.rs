//! Whoever changes the journal's rows past the store is found out.

use std::fmt::Write as _;
use std::sync::Arc;

use crm_core::contact::ContactEdit;
use crm_core::journal::{JournalStore as _, chain};
use crm_core::workspace::Workspace;
use crm_core::{Edit, Expect, Id};

use super::{Behind, engine, session};

/// A sealed journal, whose last two entries are the creation and the change of one contact.
struct Sealed<D: Behind> {
    database: D,
    store: Arc<D::Store>,
    workspace: Id<Workspace>,
    last: i64,
}

impl<D: Behind> Sealed<D> {
    /// In a fresh database, where there is one.
    async fn new(open: impl AsyncFn() -> Option<D>) -> Option<Self> {
        let database = open().await?;
        let store = database.store();
        let (crm, workspace) = engine(store.clone()).await;
        let contacts = session(&crm, workspace).await.contacts();
        let named = |name: &str| ContactEdit { last_name: Edit::Set(name.to_owned()), ..ContactEdit::default() };
        let gone = contacts.create(named("Gone")).await.unwrap().id;
        contacts.delete(gone, Expect::Any).await.unwrap();
        contacts.purge(gone).await.unwrap();
        let id = contacts.create(named("Before")).await.unwrap().id;
        contacts.update(id, named("After"), Expect::Any).await.unwrap();
        let mut sealed = Self { database, store, workspace, last: 0 };
        sealed.seal().await;
        let found = sealed.store.verify(workspace).await.unwrap();
        assert!(found.holds() && found.purged == 2, "{found:?}");
        sealed.last = found.sealed;
        Some(sealed)
    }

    async fn seal(&self) {
        while self.store.seal_batch(self.workspace, 100).await.unwrap() > 0 {}
    }

    /// Runs SQL in which `:last` and `:before` are the numbers of the last two entries, and gives the
    /// entry at which the chain breaks then.
    async fn broken_by(&self, sql: &str) -> Option<i64> {
        let sql = sql.replace(":last", &self.last.to_string()).replace(":before", &(self.last - 1).to_string());
        self.database.execute(&sql).await;
        self.store.verify(self.workspace).await.unwrap().broken_at
    }
}

/// An entry by its number.
const ENTRY: &str = "(SELECT entry_id FROM journal_seals WHERE seq = :seq)";

fn entry(seq: &str) -> String {
    ENTRY.replace(":seq", seq)
}

pub(crate) async fn a_changed_entry_is_found<D: Behind>(open: impl AsyncFn() -> Option<D>) {
    for change in
        ["after = REPLACE(after, 'After', 'Forged')", "version = version + 1", "cause = 'nobody'", "depth = 9"]
    {
        let Some(sealed) = Sealed::new(&open).await else { return };
        let sql = format!("UPDATE journal SET {change} WHERE id = {}", entry(":last"));
        assert_eq!(sealed.broken_by(&sql).await, Some(sealed.last), "{change}");
    }
    let Some(sealed) = Sealed::new(&open).await else { return };
    let first = format!("UPDATE journal SET version = 7 WHERE id = {}", entry("1"));
    assert_eq!(sealed.broken_by(&first).await, Some(1));
    let Some(sealed) = Sealed::new(&open).await else { return };
    let salt =
        format!("UPDATE journal SET salt = {} WHERE id = {}", D::bytes(&[0; chain::SALT_BYTES]), entry(":before"));
    assert_eq!(sealed.broken_by(&salt).await, Some(sealed.last - 1));
    let Some(sealed) = Sealed::new(&open).await else { return };
    let hash = format!("UPDATE journal_seals SET hash = {} WHERE seq = :before", D::bytes(&[0; 32]));
    assert_eq!(sealed.broken_by(&hash).await, Some(sealed.last - 1));
}

pub(crate) async fn a_removed_entry_is_found<D: Behind>(open: impl AsyncFn() -> Option<D>) {
    let Some(sealed) = Sealed::new(&open).await else { return };
    let content = format!("DELETE FROM journal WHERE id = {}", entry(":before"));
    assert_eq!(sealed.broken_by(&content).await, Some(sealed.last - 1));
    let Some(sealed) = Sealed::new(&open).await else { return };
    let end = "DELETE FROM journal_seals WHERE seq = :last";
    assert_eq!(sealed.broken_by(end).await, Some(sealed.last));
    // Where the later ones move up, the links do not fit.
    let Some(sealed) = Sealed::new(&open).await else { return };
    let closed_up = "DELETE FROM journal_seals WHERE seq = :before;
        UPDATE journal_seals SET seq = :before WHERE seq = :last;
        UPDATE journal_heads SET seq = :before";
    assert_eq!(sealed.broken_by(closed_up).await, Some(sealed.last - 1));
}

pub(crate) async fn reordered_entries_are_found<D: Behind>(open: impl AsyncFn() -> Option<D>) {
    let with_their_links = "UPDATE journal_seals SET seq = -1 WHERE seq = :last;
        UPDATE journal_seals SET seq = :last WHERE seq = :before;
        UPDATE journal_seals SET seq = :before WHERE seq = -1";
    let without = "CREATE TEMPORARY TABLE swapped AS
            SELECT seq, entry_id FROM journal_seals WHERE seq IN (:before, :last);
        UPDATE journal_seals SET entry_id = (SELECT entry_id FROM swapped WHERE seq = :last) WHERE seq = :before;
        UPDATE journal_seals SET entry_id = (SELECT entry_id FROM swapped WHERE seq = :before) WHERE seq = :last";
    for swap in [with_their_links, without] {
        let Some(sealed) = Sealed::new(&open).await else { return };
        assert_eq!(sealed.broken_by(swap).await, Some(sealed.last - 1), "{swap}");
    }
}

pub(crate) async fn an_erasure_that_no_purge_explains_is_found<D: Behind>(open: impl AsyncFn() -> Option<D>) {
    let Some(sealed) = Sealed::new(&open).await else { return };
    let mut sql = String::new();
    for entry in sealed.store.feed(sealed.workspace, sealed.last - 2, 2).await.unwrap() {
        let digest = D::bytes(&chain::content(&entry.salt.unwrap(), &chain::Texts::of(&entry.entry)));
        let which = self::entry(&entry.seq.to_string());
        write!(
            sql,
            "UPDATE journal SET digest = {digest}, before = NULL, after = NULL, events = NULL, salt = NULL
                WHERE id = {which};"
        )
        .unwrap();
    }
    assert_eq!(sealed.broken_by(&sql).await, Some(sealed.last - 1));
}

pub(crate) async fn a_chain_that_was_made_anew_shows_in_its_hash<D: Behind>(open: impl AsyncFn() -> Option<D>) {
    let Some(sealed) = Sealed::new(&open).await else { return };
    let head = async || sealed.store.feed(sealed.workspace, sealed.last - 1, 1).await.unwrap().remove(0);
    let before = head().await;
    let anew = format!(
        "UPDATE journal SET after = REPLACE(after, 'After', 'Forged') WHERE id = {};
        INSERT INTO journal_queue (workspace_id, record_id, entry_id)
            SELECT workspace_id, record_id, entry_id FROM journal_seals ORDER BY seq;
        DELETE FROM journal_seals;
        DELETE FROM journal_heads",
        entry(":last")
    );
    assert_eq!(sealed.broken_by(&anew).await, None);
    sealed.seal().await;
    // Whoever kept the head's hash elsewhere sees that it is another.
    assert!(sealed.store.verify(sealed.workspace).await.unwrap().holds());
    assert_ne!(head().await.hash, before.hash);
}
