//! Everything that the store holds, table by table, for tests that compare it before and after.

use std::fmt::Debug;

use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::rows::Rows;
use super::{MemoryStore, State};
use crate::testkit::Holdings;

impl MemoryStore {
    /// Everything that is held, in tables that are called as those of a database.
    pub async fn holdings(&self) -> Holdings {
        self.read(State::holdings).await
    }
}

/// Whoever takes what the store holds.
pub(super) struct Taker<'a> {
    held: &'a mut Holdings,
    workspace: Option<Uuid>,
}

impl<'a> Taker<'a> {
    /// Takes what a workspace holds; what none does, without one.
    pub(super) fn of(held: &'a mut Holdings, workspace: Option<Uuid>) -> Self {
        Self { held, workspace }
    }

    /// Adds rows of a table.
    pub(super) fn take<T: Debug>(&mut self, table: &str, rows: impl IntoIterator<Item = T>) {
        for row in rows {
            self.held.add(table, self.workspace, &format!("{row:?}"));
        }
    }
}

impl State {
    fn holdings(&self) -> Holdings {
        // By name, so that a field more is not forgotten.
        let Self { accounts, spaces, sign_ins, uploads, throttles } = self;
        let mut held = Holdings::default();
        let mut global = Taker::of(&mut held, None);
        global.take("accounts", accounts.values().map(|account| (account, account.password_hash.expose_secret())));
        global.take("throttles", throttles);
        sign_ins.hold(&mut held);
        for ((workspace, upload), pieces) in uploads {
            Taker::of(&mut held, Some(*workspace)).take("upload_pieces", [(upload, pieces)]);
        }
        for (id, space) in spaces {
            let mut taker = Taker::of(&mut held, Some(*id));
            hold(&space.rows, &mut taker);
            space.journal.hold(&mut taker);
            space.hooks.hold(&mut taker);
        }
        held
    }
}

fn hold(rows: &Rows, taker: &mut Taker<'_>) {
    let Rows {
        workspaces,
        users,
        teams,
        contacts,
        companies,
        deals,
        tasks,
        pipelines,
        tags,
        notes,
        custom_fields,
        exchange_rates,
        webhook_endpoints,
        mail_templates,
        suppressions,
        imports,
        jobs,
        moves,
        failed_rows,
        fingerprints,
        mails,
        guards,
        job_keys,
        paused,
        replays,
    } = rows;
    taker.take("workspaces", workspaces);
    taker.take("users", users);
    taker.take("teams", teams);
    taker.take("contacts", contacts);
    taker.take("companies", companies);
    taker.take("deals", deals);
    taker.take("tasks", tasks);
    taker.take("pipelines", pipelines);
    taker.take("tags", tags);
    taker.take("notes", notes);
    taker.take("custom_fields", custom_fields);
    taker.take("exchange_rates", exchange_rates);
    taker.take("webhook_endpoints", webhook_endpoints);
    taker.take("mail_templates", mail_templates);
    taker.take("mail_suppressions", suppressions);
    taker.take("imports", imports);
    taker.take("jobs", jobs);
    taker.take("deal_moves", moves);
    taker.take("failed_rows", failed_rows);
    taker.take("fingerprints", fingerprints);
    taker.take("mails", mails);
    taker.take("guards", guards);
    taker.take("job_keys", job_keys);
    taker.take("paused_queues", paused);
    taker.take("idempotency_keys", replays);
}
