//! The guides to the HTTP API, run as a reader would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::serving::Serving;
use crate::support::{Product, on_each_store};

/// What separates the outputs of blocks; no command of the guide prints it.
const SEPARATOR: char = '\u{1e}';

/// The root of the repository, where the guide's commands are run.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guides() -> PathBuf {
    root().join("docs/guides")
}

/// A text cut into what stands between fences and what stands in fences, by turns; a piece in fences
/// begins with the line that opens it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut is_open = false;
    for line in text.split_inclusive('\n') {
        let is_fence = line.starts_with("```");
        if is_fence && !is_open {
            pieces.push(String::new());
        }
        pieces.last_mut().unwrap().push_str(line);
        if is_fence && is_open {
            pieces.push(String::new());
        }
        is_open ^= is_fence;
    }
    pieces
}

/// What stands in the fences, if it is of this language.
fn inside<'a>(piece: &'a str, language: &str) -> Option<&'a str> {
    piece.strip_prefix("```")?.strip_prefix(language)?.strip_prefix('\n')?.strip_suffix("```\n")
}

/// The guide with what each of its commands printed below it.
fn with_outputs(pieces: &[String], outputs: &[String]) -> String {
    let mut outputs = outputs.iter();
    let mut text = String::new();
    let mut former = 0;
    for (at, piece) in pieces.iter().enumerate() {
        if former > 0 {
            former -= 1;
            continue;
        }
        text.push_str(piece);
        if inside(piece, "sh").is_none() {
            continue;
        }
        let output = outputs.next().unwrap();
        if !output.is_empty() {
            text.push_str(&format!("\n```text\n{output}```\n"));
        }
        // The former output, and the empty line before it.
        if pieces.get(at + 1).is_some_and(|between| between == "\n")
            && pieces.get(at + 2).is_some_and(|next| inside(next, "text").is_some())
        {
            former = 2;
        }
    }
    text
}

/// What each of the blocks prints against a server on the product's database.
fn printed(product: &Product, blocks: &[&str]) -> Vec<String> {
    let mut serving = Serving::start(product.command());
    // One shell, as at a reader's desk: what a block sets holds in the next.
    let script = blocks.join(&format!("printf '{SEPARATOR}'\n"));
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).env("CRM", format!("http://{}", serving.address()));
    let output = shell.current_dir(root()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}{printed}", product.url());
    serving.signal("TERM");
    serving.ended();
    printed.split(SEPARATOR).map(str::to_owned).collect()
}

/// Runs a guide of at least so many blocks on each store.
fn prints_what_it_shows(name: &str, least: usize) {
    let guide = guides().join(name);
    on_each_store(|product| {
        let text = std::fs::read_to_string(&guide).unwrap();
        let pieces = pieces(&text);
        let blocks: Vec<_> = pieces.iter().filter_map(|piece| inside(piece, "sh")).collect();
        assert!(blocks.len() >= least, "docs/guides/{name} has {} blocks", blocks.len());
        let true_text = with_outputs(&pieces, &printed(product, &blocks));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&guide, &true_text).unwrap();
        } else if text != true_text {
            let other = text.lines().zip(true_text.lines()).find(|(shown, printed)| shown != printed);
            let store = product.url();
            panic!("docs/guides/{name} shows other than {store} prints, look at it after UPDATE=1: {other:?}");
        }
    });
}

#[test]
fn the_tour_of_the_api_prints_what_it_shows_on_each_store() {
    prints_what_it_shows("http.md", 20);
}

#[test]
fn the_guide_to_imports_prints_what_it_shows_on_each_store() {
    prints_what_it_shows("import.md", 10);
}

/// The guide to embedding is run by the examples, whose programs it shows.
#[test]
fn every_guide_is_run_by_a_test() {
    let names = std::fs::read_dir(guides()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let run = ["embed.md", "http.md", "import.md"].map(str::to_owned);
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(run));
    let elsewhere = std::fs::read_to_string(root().join("examples/tests/it/guide.rs")).unwrap();
    assert!(elsewhere.contains("docs/guides/embed.md"));
}

#[test]
fn outputs_take_the_place_of_former_ones() {
    let text = "a\n\n```sh\nb\n```\n\n```text\nold\n```\n\nc\n\n```sh\nd\n```\n\ne\n";
    let outputs = ["new\n".to_owned(), String::new()];
    let expected = text.replace("old", "new");
    assert_eq!(with_outputs(&pieces(text), &outputs), expected);
    assert_eq!(with_outputs(&pieces(&text.replace("\n```text\nold\n```\n", "")), &outputs), expected);
}
