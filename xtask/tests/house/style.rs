//! The checkers of what a source may hold, whatever it is about.

use std::collections::BTreeMap;

use crate::code::words;
use crate::project::Text;

/// Names that say nothing about what a type is.
const EMPTY_NAMES: [&str; 5] = ["Manager", "Helper", "Helpers", "Util", "Utils"];
/// Gives SQLite the methods of `diesel_async::RunQueryDsl`, by their names.
const MIRROR: &str = "crm-storage/src/sqlite.rs";
/// Where a lint may be allowed, because `expect` cannot hold: what is compiled twice, and what runs
/// as a part of many test crates.
const ALLOWING: [&str; 4] =
    ["crm-storage/src/sql/", "crm-storage/src/lib.rs", "crm-core/src/testkit/", "crm-storage/src/testkit"];
/// Packages with two programs of integration tests: each store can be asked alone, and faults at length.
const TWO_PROGRAMS: [&str; 2] = ["crm-storage", "hosts/cli"];
/// The one file that talks to SQLite itself.
const UNSAFE: &str = "crm-storage/src/sqlite/deadline.rs";

/// Functions called `get_…` and types whose name says nothing.
pub(crate) fn empty_names(sources: &[Text]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        for pair in words(&source.text).windows(2) {
            let [kind, name] = pair else { continue };
            let is_getter = kind == "fn" && name.starts_with("get_") && source.path != MIRROR;
            let is_type = ["struct", "enum", "trait", "type"].contains(&&**kind);
            if is_getter || is_type && EMPTY_NAMES.iter().any(|empty| name.ends_with(empty)) {
                violations.push(format!("{} names a {kind} {name}", source.path));
            }
        }
    }
    violations
}

/// Lints that are allowed where `expect` with its reason would hold.
pub(crate) fn allowed_lints(sources: &[Text]) -> Vec<String> {
    let may = |path: &str| ALLOWING.iter().any(|home| path.starts_with(home)) || path.contains("/tests/");
    let allows = |source: &&Text| {
        let words = words(&source.text);
        words.windows(3).any(|triple| matches!(triple, [before, allow, open] if ["[", ","].contains(&&**before) && allow == "allow" && open == "("))
    };
    let allowing = sources.iter().filter(|source| !may(&source.path)).filter(allows);
    allowing.map(|source| format!("{} allows a lint", source.path)).collect()
}

/// Unsafe code outside its home.
pub(crate) fn unsafe_code(sources: &[Text]) -> Vec<String> {
    let others = sources.iter().filter(|source| source.path != UNSAFE);
    let found = others.filter(|source| words(&source.text).iter().any(|word| word == "unsafe"));
    found.map(|source| format!("{} holds unsafe code", source.path)).collect()
}

/// Files `mod.rs` that do not open with the room's story.
pub(crate) fn rooms_without_story(sources: &[Text]) -> Vec<String> {
    let rooms = sources.iter().filter(|source| source.path.ends_with("/mod.rs"));
    let silent = rooms.filter(|source| !source.text.starts_with("//!"));
    silent.map(|source| format!("{} does not open with //!", source.path)).collect()
}

/// Packages with more programs of integration tests than they may have: each links the whole engine.
pub(crate) fn test_programs(sources: &[Text]) -> Vec<String> {
    let mut programs: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        let Some((package, file)) = source.path.split_once("/tests/") else { continue };
        let is_program = match file.split_once('/') {
            Some((_, file)) => file == "main.rs",
            None => true,
        };
        if is_program && !package.contains("/src/") {
            *programs.entry(package).or_default() += 1;
        }
    }
    let most = |package: &str| if TWO_PROGRAMS.contains(&package) { 2 } else { 1 };
    let many = programs.into_iter().filter(|(package, count)| *count > most(package));
    many.map(|(package, count)| format!("{package}/tests makes {count} programs: let them be modules of one")).collect()
}

/// Variants of `Write` that the changelog does not name; also that there is no such enum.
pub(crate) fn writes_without_mention(source: &str, changelog: &str) -> Vec<String> {
    let variants = variants(source, "Write");
    if variants.is_empty() {
        return vec!["there is no enum Write".to_owned()];
    }
    variants.into_iter().filter(|variant| !changelog.contains(&format!("`{variant}`"))).collect()
}

/// The variants of an enum.
fn variants(source: &str, name: &str) -> Vec<String> {
    let words = words(source);
    let begins = words
        .windows(3)
        .position(|triple| matches!(triple, [kind, own, open] if kind == "enum" && own == name && open == "{"));
    let Some(begin) = begins else { return Vec::new() };
    let (mut depth, mut variants, mut before) = (1_usize, Vec::new(), "{");
    for word in words.iter().skip(begin + 3) {
        match word.as_str() {
            "(" | "{" | "[" | "<" => depth += 1,
            ")" | "}" | "]" | ">" => depth -= 1,
            variant if depth == 1 && ["{", ",", "]"].contains(&before) && variant != "#" => {
                variants.push(variant.to_owned())
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        before = word;
    }
    variants
}

mod can_fail {
    use super::*;

    fn source(path: &str, text: &str) -> Text {
        Text { path: path.into(), text: text.into() }
    }

    #[test]
    fn an_empty_name_is_found() {
        for text in ["pub fn get_deal() {}", "struct DealManager;", "pub trait TextUtils {}", "type Helper = u8;"] {
            assert_eq!(empty_names(&[source("crm-core/src/deal/model.rs", text)]).len(), 1, "{text}");
        }
        let fine = "fn deal() { row.get_result() } fn getter() {} struct Managers; // struct DealManager";
        assert!(empty_names(&[source("crm-core/src/deal/model.rs", fine)]).is_empty());
        assert!(empty_names(&[source(MIRROR, "fn get_result() {}")]).is_empty());
    }

    #[test]
    fn an_allowed_lint_is_found() {
        for text in ["#[allow(dead_code)]\nfn f() {}", "#![allow(x, reason = \"y\")]", "#[cfg_attr(test, allow(x))]"] {
            assert_eq!(allowed_lints(&[source("hosts/cli/src/main.rs", text)]).len(), 1, "{text}");
            assert!(allowed_lints(&[source("crm-storage/src/sql/deal.rs", text)]).is_empty());
            assert!(allowed_lints(&[source("crm-core/tests/it/wire.rs", text)]).is_empty());
        }
        let fine = "#[expect(x)] fn allow() { allow(); self.allow(1) } // #[allow(x)]";
        assert!(allowed_lints(&[source("hosts/cli/src/main.rs", fine)]).is_empty());
    }

    #[test]
    fn unsafe_code_is_found() {
        assert_eq!(unsafe_code(&[source("crm-storage/src/sqlite.rs", "fn f() { unsafe { g() } }")]).len(), 1);
        let fine = source("crm-storage/src/sqlite.rs", "#![deny(unsafe_code)] // unsafe");
        assert!(unsafe_code(&[fine, source(UNSAFE, "unsafe fn f() {}")]).is_empty());
    }

    #[test]
    fn a_silent_room_is_found() {
        assert_eq!(rooms_without_story(&[source("crm-core/src/deal/mod.rs", "mod model;")]).len(), 1);
        let fine = [source("a/mod.rs", "//! Deals."), source("a/model.rs", "struct Deal;")];
        assert!(rooms_without_story(&fine).is_empty());
    }

    #[test]
    fn a_second_program_of_tests_is_found() {
        let one =
            [source("a/tests/it/main.rs", ""), source("a/tests/it/deals.rs", ""), source("a/src/b/tests/c.rs", "")];
        assert!(test_programs(&one).is_empty());
        for second in ["a/tests/deals.rs", "a/tests/http/main.rs"] {
            assert_eq!(test_programs(&[source("a/tests/it/main.rs", ""), source(second, "")]).len(), 1, "{second}");
        }
        let two = ["sqlite", "postgres"].map(|store| source(&format!("crm-storage/tests/{store}.rs"), ""));
        assert!(test_programs(&two).is_empty());
    }

    #[test]
    fn a_write_that_the_changelog_lacks_is_found() {
        let writes = "/// A change.\npub enum Write {\n    /// A deal.\n    Deal(Put<Deal>),\n    #[cfg(x)]\n    Tag { a: Map<B, C>, d: E },\n    Gone,\n}\nenum Other { Else }";
        assert_eq!(variants(writes, "Write"), ["Deal", "Tag", "Gone"]);
        assert_eq!(writes_without_mention(writes, "`Deal`, `Tag`, Gone"), ["Gone"]);
        assert!(writes_without_mention(writes, "`Deal`, `Tag`, `Gone`").is_empty());
        assert_eq!(writes_without_mention("enum Reads {}", "").len(), 1);
    }
}
