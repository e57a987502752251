//! Tables that chores keep in docs/TESTING.md, between marks; what stands around them is people's.

use std::fs;

use anyhow::{Context, Result};

use crate::workspace::root;

const DOCUMENT: &str = "docs/TESTING.md";

/// Writes the table of a chore into the document, in the place of the one before.
pub(crate) fn keep(chore: &str, table: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).with_context(|| format!("read {DOCUMENT}"))?;
    let kept = kept_in(&document, chore, table);
    let kept = kept.with_context(|| format!("{DOCUMENT} lacks the marks around the table of {chore}"))?;
    fs::write(&path, kept).with_context(|| format!("write {DOCUMENT}"))?;
    println!("kept in {DOCUMENT}");
    Ok(())
}

/// The document with this table between the chore's marks, where it has them.
fn kept_in(document: &str, chore: &str, table: &str) -> Option<String> {
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- counted by cargo xtask {chore}: {which} -->\n"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before_and_of_nothing_else() {
        let mark = |which: &str| format!("<!-- counted by cargo xtask fuzz: {which} -->");
        let (begin, end) = (mark("begin"), mark("end"));
        let document = format!("Prose.\n\n{begin}\n\n| old |\n\n{end}\nMore prose.\n");
        let kept = kept_in(&document, "fuzz", "| new |\n");
        assert_eq!(kept, Some(format!("Prose.\n\n{begin}\n\n| new |\n\n{end}\nMore prose.\n")));
        assert_eq!(kept_in(&document, "faults", "| new |\n"), None);
    }

    #[test]
    fn the_document_has_the_marks_of_each_chore() {
        for chore in ["fuzz", "faults"] {
            assert!(kept_in(include_str!("../../docs/TESTING.md"), chore, "").is_some(), "{chore}");
        }
    }
}
