//! What the walk counts, and that docs/TESTING.md tells it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::document::docs;

/// What a stranger is answered about their own workspace.
pub(super) const NOTHING_OF_OURS: &str = "nothing of ours";

/// The codes of answers, and what stands above them in the table.
const ANSWERS: [(&str, &str); 5] = [
    ("unauthenticated", "401"),
    ("denied", "403"),
    ("not_found", "404"),
    ("invalid", "422"),
    (NOTHING_OF_OURS, "2xx or 404, nothing of the workspace"),
];

/// How many requests were answered to whom with which code, and how often what is stored was compared.
#[derive(Default)]
pub(super) struct Counted {
    answers: BTreeMap<(&'static str, &'static str), usize>,
    compared: RefCell<BTreeMap<&'static str, usize>>,
}

impl Counted {
    /// One more answer.
    pub(super) fn note(&mut self, who: &'static str, code: &'static str) {
        assert!(ANSWERS.iter().any(|(known, _)| *known == code), "no column for {code}");
        *self.answers.entry((who, code)).or_default() += 1;
    }

    /// One more comparison, after a request of somebody's.
    pub(super) fn note_comparison(&self, who: &'static str) {
        *self.compared.borrow_mut().entry(who).or_default() += 1;
    }

    /// How many requests by whom.
    pub(super) fn by_asker(&self) -> BTreeMap<&'static str, usize> {
        let mut sums = BTreeMap::new();
        for ((who, _), count) in &self.answers {
            *sums.entry(*who).or_default() += count;
        }
        sums
    }

    /// All of it as a table, a line for each asker.
    fn table(&self, operations: usize) -> String {
        let heads = ANSWERS.map(|(_, head)| head).join(" | ");
        let mut table = format!("| who asks | operations | requests | {heads} | comparisons |\n");
        table.push_str(&format!("| --- |{}\n", " ---: |".repeat(ANSWERS.len() + 3)));
        let (requests, compared) = (self.by_asker(), self.compared.borrow());
        for (who, requests) in &requests {
            let answers = |code: &'static str| self.answers.get(&(*who, code)).copied().unwrap_or_default();
            table.push_str(&row(who, [operations, *requests], answers, compared[who]));
        }
        let answers = |code: &'static str| {
            self.answers.iter().filter(|((_, known), _)| *known == code).map(|(_, count)| count).sum::<usize>()
        };
        let all = [operations * requests.len(), requests.values().sum()];
        table.push_str(&row("all", all, answers, compared.values().sum()));
        table
    }

    /// Holds the document to what was counted in a walk through so many operations.
    pub(super) fn hold(&self, operations: usize) {
        assert_eq!(*self.compared.borrow(), self.by_asker(), "what is stored is compared after each request");
        let (path, table) = (docs("TESTING.md"), self.table(operations));
        let document = std::fs::read_to_string(&path).unwrap();
        let mark = |which: &str| format!("<!-- counted by the walk through the routes: {which} -->\n");
        let (begin, end) = (mark("begin"), mark("end"));
        let (before, rest) = document.split_once(&begin).unwrap();
        let (kept, after) = rest.split_once(&end).unwrap();
        let counted = format!("\n{table}\n");
        if kept == counted {
            return;
        }
        let may_write = std::env::var_os("UPDATE").is_some();
        assert!(may_write, "docs/TESTING.md tells other than was counted; run this test with UPDATE=1:\n{table}");
        std::fs::write(&path, format!("{before}{begin}{counted}{end}{after}")).unwrap();
    }
}

/// A line of the table: who asked, how many operations and requests there are, and how they ended.
fn row(
    who: &str,
    [operations, requests]: [usize; 2],
    answers: impl Fn(&'static str) -> usize,
    compared: usize,
) -> String {
    let cells = ANSWERS.map(|(code, _)| answers(code).to_string()).join(" | ");
    format!("| {who} | {operations} | {requests} | {cells} | {compared} |\n")
}
