//! The checkers: pure functions from what the repository holds to what breaks a rule.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::code::{code_lines, paths, without_tests, words};
use crate::project::{Package, Text};

/// Crates that only some folders may depend on or name.
struct Framework {
    /// First words of the crates' names, with `_`.
    crates: &'static [&'static str],
    /// Folders, or `tests` in them where only tests may.
    homes: &'static [&'static str],
}

/// `benches` measures each floor against the bare framework below it, and is no floor itself;
/// `examples` are other people's programs, which have frameworks of their own.
const FRAMEWORKS: [Framework; 5] = [
    Framework { crates: &["diesel", "libsqlite3_sys"], homes: &["crm-storage", "benches"] },
    // The tests of the hosts make databases of their own, and hold their tables.
    Framework { crates: &["tokio_postgres"], homes: &["crm-storage", "hosts/cli/tests", "hosts/server/tests"] },
    Framework { crates: &["actix", "utoipa_actix"], homes: &["hosts/server", "benches", "examples"] },
    Framework { crates: &["axum"], homes: &["examples"] },
    Framework { crates: &["pyo3", "napi", "uniffi"], homes: &["bindings"] },
];

const ADAPTERS: [&str; 3] = ["crm-storage", "crm-integrations", "crm-ai"];
/// What may put adapters together: the wiring itself, and programs that show or measure them.
const WIRING: [&str; 4] = ["hosts/boot", "examples", "examples/embed", "benches"];
/// Modules of the standard library that reach outside the program.
const MACHINE: [&str; 5] = ["fs", "env", "net", "process", "thread"];
const IO: [&str; 5] = ["diesel", "diesel-async", "actix-web", "reqwest", "tokio"];
const MOST_LINES: usize = 400;
/// What reads the machine's clock: the port's own adapter, and a figure of the process.
const CLOCKS: [(&str, &str); 2] = [
    ("crm-core/src/time.rs", "the machine's clock as the engine's"),
    ("hosts/server/src/app.rs", "when the process started, by the clock of whoever reads that figure"),
];
/// What a database calls the present.
const PRESENT: [&str; 6] =
    ["current_timestamp", "localtimestamp", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "'now'"];
/// Files that may be longer, each with its reason; a file that has become short must leave the list.
const LONG_FILES: [(&str, &str); 0] = [];

/// Packages that depend on a framework outside its home, for tests and builds too.
pub(crate) fn framework_outside_its_home(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            let place = if dependency.is_normal { package.folder.clone() } else { format!("{}/tests", package.folder) };
            if let Some(homes) = forbidden(&dependency.name, &place) {
                violations.push(format!("{} depends on {}, which belongs in {homes}", package.name, dependency.name));
            }
        }
    }
    violations
}

/// Sources that name a framework outside its home, through a re-export for instance.
pub(crate) fn framework_named_outside_its_home(sources: &[Text]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        for path in paths(&source.text) {
            let Some(first) = path.first() else { continue };
            if let Some(homes) = forbidden(first, &source.path) {
                violations.push(format!("{} names {}, which belongs in {homes}", source.path, path.join("::")));
            }
        }
    }
    violations
}

/// The homes of a framework, when `place` is none of them.
fn forbidden(name: &str, place: &str) -> Option<String> {
    let name = name.replace('-', "_");
    let framework =
        FRAMEWORKS.iter().find(|framework| framework.crates.iter().any(|start| is_word_start(start, &name)))?;
    let is_home = framework.homes.iter().any(|home| is_below(place, home));
    (!is_home).then(|| framework.homes.join(" or "))
}

fn is_word_start(start: &str, name: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn is_below(place: &str, folder: &str) -> bool {
    place.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the core depends on outside its tests although it does I/O.
pub(crate) fn io_in_core(packages: &[Package]) -> Vec<String> {
    let core = packages.iter().filter(|package| package.name == "crm-core");
    let normal = core.flat_map(|core| &core.dependencies).filter(|dependency| dependency.is_normal);
    let io = normal.filter(|dependency| IO.contains(&&*dependency.name));
    io.map(|dependency| format!("crm-core depends on {}", dependency.name)).collect()
}

/// Unwanted crates in the output of `cargo tree --prefix none`.
pub(crate) fn crates_in_tree(tree: &str, unwanted: &[&str]) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let mut found: Vec<String> = names.filter(|name| unwanted.contains(name)).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

/// Adapters that depend on another adapter.
pub(crate) fn adapters_that_meet(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages.iter().filter(|package| ADAPTERS.contains(&&*package.name)) {
        for dependency in package.dependencies.iter().filter(|dependency| ADAPTERS.contains(&&*dependency.name)) {
            violations.push(format!("{} depends on {}", package.name, dependency.name));
        }
    }
    violations
}

/// Packages that depend on an adapter although wiring is not what they are for; tests may.
pub(crate) fn adapters_outside_boot(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages.iter().filter(|package| !WIRING.contains(&&*package.folder)) {
        let normal = package.dependencies.iter().filter(|dependency| dependency.is_normal);
        for dependency in normal.filter(|dependency| ADAPTERS.contains(&&*dependency.name)) {
            violations.push(format!("{} depends on {}", package.name, dependency.name));
        }
    }
    violations
}

/// What the example that embeds the engine needs beside the engine, a store and a runtime.
pub(crate) fn more_than_engine_and_store(packages: &[Package]) -> Vec<String> {
    let Some(example) = packages.iter().find(|package| package.folder == "examples/embed") else {
        return vec!["there is no examples/embed".to_owned()];
    };
    let more = example.dependencies.iter().filter(|one| !["crm-core", "crm-storage", "tokio"].contains(&&*one.name));
    more.map(|dependency| format!("{} depends on {}", example.name, dependency.name)).collect()
}

/// Sources of the core that reach for the machine outside tests.
pub(crate) fn machine_in_core(sources: &[Text]) -> Vec<String> {
    let is_core = |path: &str| path.starts_with("crm-core/src/") && !path.starts_with("crm-core/src/testkit/");
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| is_core(&source.path) && !source.path.ends_with("/tests.rs")) {
        for path in paths(&without_tests(&source.text)) {
            if let [first, second, ..] = path.as_slice()
                && first == "std"
                && MACHINE.contains(&&**second)
            {
                violations.push(format!("{} uses {}", source.path, path.join("::")));
            }
        }
    }
    violations
}

/// What asks another clock than the engine's what time it is: where that one jumps, or is a test's, they would differ.
pub(crate) fn clocks_beside_the_port(texts: &[Text]) -> Vec<String> {
    let mut violations = Vec::new();
    for text in texts.iter().filter(|text| is_product(&text.path)) {
        let is_excused = CLOCKS.iter().any(|(path, _)| *path == text.path);
        if text.path.ends_with(".rs") && reads_a_clock(&without_tests(&text.text)) && !is_excused {
            violations.push(format!("{} reads the machine's clock", text.path));
        }
        let sql = text.text.to_lowercase();
        if text.path.starts_with("crm-storage/") && (calls_now(&sql) || PRESENT.iter().any(|name| sql.contains(name))) {
            violations.push(format!("{} asks the database what time it is", text.path));
        }
    }
    violations
}

/// Sources and migrations, without tests and what serves them alone.
fn is_product(path: &str) -> bool {
    let is_ours = path.starts_with("crm-") || path.starts_with("hosts/") || path.starts_with("bindings/");
    let is_source = path.contains("/src/") || path.contains("/migrations/");
    let is_test = path.contains("/testkit/") || path.contains("/tests/") || path.ends_with("/tests.rs");
    is_ours && is_source && !is_test
}

fn reads_a_clock(source: &str) -> bool {
    words(source).windows(3).any(|three| match three {
        [clock, colons, now] if colons == "::" && (now == "now" || now == "now_utc") => {
            ["SystemTime", "Utc", "Local", "OffsetDateTime"].contains(&&**clock)
        }
        [epoch, dot, elapsed] => epoch == "UNIX_EPOCH" && dot == "." && elapsed == "elapsed",
        _ => false,
    })
}

/// Whether SQL calls `now()`, and no path or value has a function of that name.
fn calls_now(sql: &str) -> bool {
    sql.match_indices("now()").any(|(at, _)| {
        let before = sql.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|sign| !(sign.is_alphanumeric() || "_.:".contains(sign)))
    })
}

/// Models of the core that import a port or a service, by module or by a name re-exported from one.
pub(crate) fn models_that_reach_up(sources: &[Text]) -> Vec<String> {
    let mut above = declared(sources, "port", &["trait"]);
    above.append(&mut declared(sources, "service", &["struct", "enum", "trait"]));
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| room_of(&source.path, "model").is_some()) {
        for path in imports(&source.text) {
            let is_module = path.iter().skip(1).any(|segment| segment == "port" || segment == "service");
            let is_name = path.last().is_some_and(|name| above.contains_key(name));
            if is_module || is_name {
                violations.push(format!("{} imports {}", source.path, path.join("::")));
            }
        }
    }
    violations
}

/// Services of the core that import the service of another room.
pub(crate) fn services_that_meet(sources: &[Text]) -> Vec<String> {
    let services = declared(sources, "service", &["struct"]);
    let mut violations = Vec::new();
    for source in sources {
        let Some(own) = room_of(&source.path, "service") else { continue };
        for path in imports(&source.text) {
            let by_module = path.iter().zip(path.iter().skip(1)).any(|(room, module)| {
                let is_own = room == own || ["crate", "self", "super"].contains(&&**room);
                module == "service" && !is_own
            });
            let by_name = path.last().and_then(|name| services.get(name)).is_some_and(|rooms| {
                // A path through one's own room, or a room that re-exports its own type of this name.
                let through = path.iter().find(|segment| rooms.contains(segment));
                through.is_some_and(|room| room != own)
            });
            if by_module || by_name {
                violations.push(format!("{} imports {}", source.path, path.join("::")));
            }
        }
    }
    violations
}

/// Paths that stay inside the crate.
fn imports(source: &str) -> Vec<Vec<String>> {
    let is_inside =
        |path: &Vec<String>| path.first().is_some_and(|first| ["crate", "self", "super"].contains(&&**first));
    paths(source).into_iter().filter(is_inside).collect()
}

/// The room of a file such as `crm-core/src/deal/model.rs` or `crm-core/src/deal/model/stage.rs`.
fn room_of<'a>(path: &'a str, module: &str) -> Option<&'a str> {
    let (room, file) = path.strip_prefix("crm-core/src/")?.split_once('/')?;
    let is_module = file.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'));
    is_module.then_some(room)
}

/// Public names that the modules of that kind declare, with the rooms that declare them.
fn declared(sources: &[Text], module: &str, kinds: &[&str]) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources {
        let Some(room) = room_of(&source.path, module) else { continue };
        for triple in words(&source.text).windows(3) {
            if let [visible, kind, name] = triple
                && (visible == "pub" || visible == ")")
                && kinds.contains(&&**kind)
            {
                names.entry(name.clone()).or_default().push(room.to_owned());
            }
        }
    }
    names
}

/// Files with too many lines of code.
pub(crate) fn long_files(sources: &[Text]) -> Vec<String> {
    let excused = |path: &str| LONG_FILES.iter().any(|(file, _)| *file == path);
    let long = sources.iter().filter(|source| is_long(source) && !excused(&source.path));
    long.map(|source| format!("{} has {} lines of code", source.path, code_lines(&source.text))).collect()
}

/// Excuses for files that are short or gone.
pub(crate) fn needless_excuses(sources: &[Text]) -> Vec<String> {
    let is_needed = |file: &str| sources.iter().any(|source| source.path == file && is_long(source));
    LONG_FILES.iter().filter(|(file, _)| !is_needed(file)).map(|(file, why)| format!("{file} ({why})")).collect()
}

/// Tests, schemas and generated files may have any length.
fn is_long(source: &Text) -> bool {
    let path = format!("/{}", source.path);
    let is_test = ["/tests/", "/tests.rs", "/testkit/suite/"].iter().any(|part| path.contains(part));
    let is_generated =
        path.ends_with("/schema.rs") || source.text.lines().take(5).any(|line| line.contains("@generated"));
    !is_test && !is_generated && code_lines(&source.text) > MOST_LINES
}

/// Macros that stand for missing code, and tests that never run.
pub(crate) fn unfinished(sources: &[Text]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        let words = words(&source.text);
        for triple in words.windows(3) {
            if let [name, sign, next] = triple
                && sign == "!"
                && next != "="
                && ["todo", "unimplemented"].contains(&&**name)
            {
                violations.push(format!("{} holds {name}!", source.path));
            }
        }
        if has_ignored_test(&words) || has_ignored_example(&source.text) {
            violations.push(format!("{} ignores a test", source.path));
        }
    }
    violations
}

/// `#[ignore]`, also with a reason or behind `cfg_attr`.
fn has_ignored_test(words: &[String]) -> bool {
    let text: Vec<&str> = words.iter().map(String::as_str).collect();
    text.windows(3).enumerate().any(|(at, triple)| match triple {
        ["#", "[", "ignore"] => true,
        ["#", "[", "cfg_attr"] => applies_ignore(text.get(at + 3..).unwrap_or_default()),
        _ => false,
    })
}

/// Whether `(condition, attribute, …)` applies `ignore` itself, and not `schema(ignore)` or the like.
fn applies_ignore(attribute: &[&str]) -> bool {
    let mut depth = 0_usize;
    for word in attribute.iter().take_while(|word| **word != "]") {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "ignore" if depth == 1 => return true,
            _ => {}
        }
    }
    false
}

fn has_ignored_example(source: &str) -> bool {
    let documented = source.lines().filter_map(|line| line.trim().strip_prefix("//"));
    documented
        .map(|line| line.trim_start_matches(['/', '!']).trim())
        .any(|line| line.starts_with("```") && line.contains("ignore"))
}

/// Files that name a folder which exists on one machine only.
pub(crate) fn machine_paths(texts: &[Text], folders: &[String]) -> Vec<String> {
    let mut violations = Vec::new();
    for text in texts {
        for (number, line) in text.text.lines().enumerate() {
            if folders.iter().any(|folder| starts_in(line, folder)) {
                violations.push(format!("{}:{}: {}", text.path, number + 1, line.trim()));
            }
        }
    }
    violations
}

/// Whether an absolute path into the folder stands in the line; `https://host/work/` is none.
fn starts_in(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|char| char.is_whitespace() || "\"'`(<[=:,;".contains(char))
    })
}

/// Packages that do not inherit the lints of the workspace.
pub(crate) fn own_lints(packages: &[Package]) -> Vec<String> {
    let inherits = |manifest: &str| {
        let manifest: Table = manifest.parse().unwrap_or_default();
        manifest.get("lints").is_some_and(comes_from_workspace)
    };
    packages.iter().filter(|package| !inherits(&package.manifest)).map(|package| package.name.clone()).collect()
}

/// Dependencies that a package names by itself and not by the workspace's table.
pub(crate) fn own_dependencies(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        let manifest: Table = package.manifest.parse().unwrap_or_default();
        let for_targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let parts = std::iter::once(&manifest).chain(for_targets.filter_map(Value::as_table));
        let tables = parts
            .flat_map(|part| ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| part.get(kind)));
        for (name, value) in tables.flatten().filter_map(Value::as_table).flatten() {
            if !comes_from_workspace(value) {
                violations.push(format!("{}: {name}", package.name));
            }
        }
    }
    violations
}

fn comes_from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Lines of the workspace's table that do not say why the dependency is there.
pub(crate) fn dependencies_without_reason(manifest: &str) -> Vec<String> {
    let table = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let entries = table
        .take_while(|line| !line.starts_with('['))
        .filter(|line| line.starts_with(|char: char| char.is_alphanumeric()));
    let is_own = |line: &str| line.contains("path = ");
    let has_reason = |line: &str| line.rsplit_once('#').is_some_and(|(_, reason)| reason.trim().contains(' '));
    entries.filter(|line| !is_own(line) && !has_reason(line)).map(str::to_owned).collect()
}

/// What a third party's package may not have: dependencies on ours beside the engine, inheritance
/// from our workspace, laxer lints than ours.
pub(crate) fn third_party_privileges(manifest: &str, ours: &str) -> Vec<String> {
    let (manifest, ours): (Table, Table) = (manifest.parse().unwrap_or_default(), ours.parse().unwrap_or_default());
    let mut violations = Vec::new();
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| manifest.get(kind));
    for (name, value) in tables.into_iter().flatten().filter_map(Value::as_table).flatten() {
        if name.starts_with("crm-") && name != "crm-core" {
            violations.push(format!("it depends on {name}"));
        }
        if comes_from_workspace(value) {
            violations.push(format!("it inherits {name}"));
        }
    }
    if !manifest.get("workspace").is_some_and(Value::is_table) {
        violations.push("it is no workspace of its own".to_owned());
    }
    let lints = ours.get("workspace").and_then(|workspace| workspace.get("lints"));
    if manifest.get("lints") != lints {
        violations.push("its lints are not ours".to_owned());
    }
    violations
}

#[path = "can_fail.rs"]
mod can_fail;
