//! The codes of refusals: the guide lists all that the sources can say, with their statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::StatusCode;

use crate::document::docs;

/// Sources whose refusals come to whoever asks over HTTP.
const SOURCES: [&str; 6] = [
    "crm-core/src",
    "crm-storage/src",
    "crm-integrations/src/auth",
    "crm-integrations/src/webhook",
    "hosts/boot/src/live",
    "hosts/server/src",
];
/// Codes of fields that a source does not give where it makes the fault, by what makes it.
const SAID_ELSEWHERE: [(&str, &[&str]); 8] = [
    // A record of bulk work as a whole: the codes of problems.
    ("crm-core/src/bulk/model.rs", &[]),
    ("crm-core/src/custom_field/value.rs", &["choice", "value_type"]),
    ("crm-core/src/filter/wire.rs", &["filter", "json"]),
    ("crm-core/src/transfer/references.rs", &["stage", "unknown_stage", "required"]),
    ("crm-core/src/transfer/survey.rs", &["ambiguous_dates", "mixed_dates"]),
    // What the reader of files says of rows.
    ("crm-core/src/transfer/prepare.rs", &[]),
    ("crm-integrations/src/webhook/sender.rs", &["https", "unreachable", "url"]),
    ("hosts/server/src/extract/body.rs", &["unknown_field", "required", "duplicate", "text", "value_type", "value"]),
];
/// Where rows of files are refused, whose codes stand in front of their messages.
const ROWS: [(&str, &[&str]); 2] = [
    ("crm-core/src/transfer/reader.rs", &["record_too_long", "unclosed_quote"]),
    ("crm-core/src/transfer/reader/record.rs", &["cell_too_long", "nul", "ragged", "too_many_columns"]),
];
/// Faults of who runs the server, who reads them in the log.
const OF_SETTINGS: [&str; 2] = ["crm-storage/src/sqlite.rs", "hosts/server/src/logging.rs"];

/// All sources of these folders without their tests, by their paths.
fn sources(folders: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for folder in folders {
        collect(Path::new(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(docs("..").join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        let name = path.to_str().unwrap().to_owned();
        if docs("..").join(&path).is_dir() {
            if !name.ends_with("/testkit") && !name.ends_with("/tests") && !name.ends_with("/examples") {
                collect(&path, found);
            }
        } else if name.ends_with(".rs") && !name.ends_with("/tests.rs") {
            let source = std::fs::read_to_string(docs("..").join(&path)).unwrap();
            let product = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.insert(name, product.to_owned());
        }
    }
}

/// The second argument of each call, where there are three.
fn second_arguments<'a>(source: &'a str, call: &str) -> Vec<&'a str> {
    let calls = source.match_indices(call).filter(|(at, _)| !source[..*at].ends_with("fn "));
    calls
        .filter_map(|(at, _)| match arguments(&source[at + call.len()..]).as_slice() {
            [_, second, _, ..] => Some(*second),
            _ => None,
        })
        .collect()
}

/// The arguments at the beginning of a text, up to the bracket that closes them.
fn arguments(text: &str) -> Vec<&str> {
    let (mut all, mut begin, mut depth, mut is_text) = (Vec::new(), 0, 0, false);
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => is_text = !is_text,
            _ if is_text => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            b')' | b',' if depth == 0 => {
                all.push(text[begin..at].trim());
                begin = at + 1;
                if byte == b')' {
                    return all;
                }
            }
            _ => {}
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    all
}

/// The code that a literal is.
fn literal(argument: &str) -> Option<&str> {
    let code = argument.strip_prefix('"')?.strip_suffix('"')?;
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_code.then_some(code)
}

/// The rows of the guide's table with this heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<String>> {
    let guide = std::fs::read_to_string(docs("API.md")).unwrap();
    let (_, table) = guide.split_once(&format!("| {heading} |")).unwrap();
    let rows = table.split_once("\n\n").unwrap().0.lines().skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect()
}

/// Whether the guide lists a code that stands in `errors`.
pub(crate) fn is_of_a_field(code: &str) -> bool {
    ["Code in `errors`", "Code"].into_iter().flat_map(table).any(|row| row[0] == code)
}

#[test]
fn the_guide_lists_every_code_of_a_field() {
    let mut codes = BTreeSet::new();
    let sources = sources(&SOURCES);
    for (path, source) in sources.iter().filter(|(path, _)| !OF_SETTINGS.contains(&path.as_str())) {
        for call in ["Error::invalid(", "FieldError::new(", "faults.add("] {
            for argument in second_arguments(source, call) {
                if let Some(code) = literal(argument) {
                    codes.insert(code);
                    continue;
                }
                // The two that make faults of what they are given.
                let is_maker = ["crm-core/src/error.rs", "crm-core/src/faults.rs"].contains(&path.as_str());
                let is_known = SAID_ELSEWHERE.iter().any(|(known, _)| known == path);
                assert!(is_maker || is_known, "{path} gives a code that nobody can list: {argument}");
            }
        }
    }
    for (path, said) in SAID_ELSEWHERE.iter().chain(&ROWS) {
        for code in *said {
            assert!(sources[*path].contains(&format!("\"{code}\"")), "{path} does not say {code}");
            codes.insert(code);
        }
    }
    assert!(codes.contains("out_of_range") && codes.contains("too_long") && codes.contains("nul"));
    let rows = table("Code in `errors`");
    let listed: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(listed, codes, "the codes of fields in docs/API.md are not those of the sources");
}

/// The number of a status that is named as in `StatusCode::NOT_FOUND`.
fn status(name: &str) -> u16 {
    let is_it = |status: &StatusCode| {
        status.canonical_reason().is_some_and(|reason| reason.to_uppercase().replace([' ', '-'], "_") == name)
    };
    let mut all = (400..600).filter_map(|number| StatusCode::from_u16(number).ok());
    all.find(is_it).unwrap().as_u16()
}

/// The first word of a text.
fn word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap()
}

/// The status of each kind of error, as the server maps it.
fn statuses(refusals: &str) -> BTreeMap<&str, u16> {
    let arms = refusals.split("ErrorKind::").skip(1);
    let mapped =
        arms.filter_map(|arm| arm.strip_prefix(word(arm))?.strip_prefix(" => StatusCode::").map(|to| (arm, to)));
    // Whatever else there is is a defect.
    mapped.map(|(arm, to)| (word(arm), status(word(to)))).chain([("Internal", 500)]).collect()
}

/// The kind of the error that is made last in a text.
fn kind(text: &str) -> &str {
    let makers = [
        ("Error::conflict(", "Conflict"),
        ("Error::denied(", "Denied"),
        ("Error::invalid(", "Invalid"),
        ("Error::not_found(", "NotFound"),
        ("Error::unauthenticated(", "Unauthenticated"),
        ("Error::unavailable(", "Unavailable"),
    ];
    let named = text.rfind("ErrorKind::").map(|at| (at, word(&text[at + "ErrorKind::".len()..])));
    let made = makers.into_iter().filter_map(|(maker, kind)| Some((text.rfind(maker)?, kind)));
    made.chain(named).max().unwrap().1
}

#[test]
fn the_guide_lists_every_code_with_its_status() {
    let sources =
        sources(&["crm-core/src", "crm-storage/src", "crm-integrations/src", "hosts/boot/src", "hosts/server/src"]);
    let refusals = &sources["hosts/server/src/refusal.rs"];
    let statuses = statuses(refusals);
    let mut codes: BTreeSet<(String, u16)> = BTreeSet::new();
    let of_kinds = sources["crm-core/src/error.rs"].split("ErrorKind::").skip(1);
    for arm in of_kinds {
        if let Some(code) = arm.strip_prefix(word(arm)).and_then(|rest| rest.strip_prefix(" => \"")) {
            codes.insert((word(code).to_owned(), statuses[word(arm)]));
        }
    }
    for source in sources.values() {
        for (at, mark) in source.match_indices("with_code(\"") {
            codes.insert((word(&source[at + mark.len()..]).to_owned(), statuses[kind(&source[..at])]));
        }
    }
    for made in refusals.split("Self::new(StatusCode::").skip(1) {
        codes.insert((made.split('"').nth(1).unwrap().to_owned(), status(word(made))));
    }
    // These never leave the engine: one is answered with what the first request made, the other becomes
    // a denial.
    assert!(codes.remove(&("idempotency_replay".to_owned(), 409)));
    assert!(codes.remove(&("signup_closed".to_owned(), 409)));
    let listed = table("Code").into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap()));
    assert_eq!(listed.collect::<BTreeSet<(String, u16)>>(), codes);
}
