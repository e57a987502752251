//! Every checker can fail: each meets a violation, and something close that is none.

use std::slice;

use super::*;
use crate::project::Dependency;

fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
    let dependencies = dependencies.iter().map(|name| Dependency { name: (*name).to_owned(), is_normal: true });
    Package { name: name.into(), folder: folder.into(), dependencies: dependencies.collect(), manifest: String::new() }
}

fn in_tests(mut package: Package) -> Package {
    package.dependencies.iter_mut().for_each(|dependency| dependency.is_normal = false);
    package
}

fn source(path: &str, text: &str) -> Text {
    Text { path: path.into(), text: text.into() }
}

#[test]
fn a_framework_outside_its_home_is_found() {
    for (name, folder, dependency) in [
        ("crm-server", "hosts/server", "diesel"),
        ("crm-core", "crm-core", "libsqlite3-sys"),
        ("crm-cli", "hosts/cli", "diesel-async"),
        ("crm-cli", "hosts/cli", "actix-web"),
        ("crm-boot", "hosts/boot", "utoipa-actix-web"),
        ("crm-facade", "crm-facade", "uniffi"),
        ("crm-storage-two", "crm-storage-two", "diesel"),
        ("crm-cli", "hosts/cli", "tokio-postgres"),
        ("crm-server", "hosts/server", "tokio-postgres"),
        ("crm-server", "hosts/server", "axum"),
        ("crm-examples", "examples", "diesel"),
    ] {
        assert_eq!(framework_outside_its_home(&[package(name, folder, &[dependency])]).len(), 1, "{name} {dependency}");
    }
    let fine = [
        package("crm-storage", "crm-storage", &["diesel", "diesel_migrations", "libsqlite3-sys"]),
        package("crm-server", "hosts/server", &["actix-web", "utoipa"]),
        package("crm-python", "bindings/python", &["pyo3"]),
        package("crm-boot", "hosts/boot", &["napier"]),
    ];
    assert!(framework_outside_its_home(&fine).is_empty());
    let tested = in_tests(package("crm-cli", "hosts/cli", &["tokio-postgres"]));
    assert!(framework_outside_its_home(&[tested]).is_empty());
    assert_eq!(framework_outside_its_home(&[in_tests(package("crm-boot", "hosts/boot", &["diesel"]))]).len(), 1);
}

#[test]
fn a_framework_that_is_named_outside_its_home_is_found() {
    for text in ["use diesel::prelude::*;", "fn f() -> actix_web::HttpResponse { g() }", "use ::diesel_async::x;"] {
        assert_eq!(framework_named_outside_its_home(&[source("hosts/cli/src/main.rs", text)]).len(), 1, "{text}");
    }
    let fine = "// use diesel::x\nuse crate::diesel::x; const A: &str = \"diesel::x\";";
    assert!(framework_named_outside_its_home(&[source("hosts/cli/src/main.rs", fine)]).is_empty());
    assert!(framework_named_outside_its_home(&[source("crm-storage/src/lib.rs", "use diesel::x;")]).is_empty());
}

#[test]
fn io_in_the_core_is_found() {
    assert_eq!(io_in_core(&[package("crm-core", "crm-core", &["serde", "tokio", "reqwest"])]).len(), 2);
    let tested = in_tests(package("crm-core", "crm-core", &["tokio"]));
    assert!(io_in_core(&[tested, package("crm-boot", "hosts/boot", &["tokio"])]).is_empty());
}

#[test]
fn an_unwanted_crate_in_a_tree_is_found() {
    let tree = "crm-core v0.1.0 (somewhere)\nserde v1.0.0\ntokio v1.50.0\ntokio v1.50.0 (*)\ntokio-util v0.7.0\n";
    assert_eq!(crates_in_tree(tree, &["tokio", "hyper"]), ["tokio"]);
    assert!(crates_in_tree(tree, &["hyper"]).is_empty());
}

#[test]
fn adapters_that_see_one_another_are_found() {
    assert_eq!(adapters_that_meet(&[package("crm-ai", "crm-ai", &["crm-core", "crm-storage"])]).len(), 1);
    assert!(adapters_that_meet(&[package("crm-boot", "hosts/boot", &["crm-ai", "crm-storage"])]).is_empty());
}

#[test]
fn an_adapter_outside_the_wiring_is_found() {
    assert_eq!(adapters_outside_boot(&[package("crm-server", "hosts/server", &["crm-core", "crm-storage"])]).len(), 1);
    assert_eq!(adapters_outside_boot(&[package("crm-boots", "hosts/boots", &["crm-integrations"])]).len(), 1);
    let fine = [
        package("crm-boot", "hosts/boot", &["crm-storage", "crm-integrations"]),
        package("crm-examples", "examples", &["crm-storage"]),
        in_tests(package("crm-server", "hosts/server", &["crm-storage"])),
    ];
    assert!(adapters_outside_boot(&fine).is_empty());
}

#[test]
fn an_embedded_engine_with_a_host_is_found() {
    let example = |dependencies: &[&'static str]| package("crm-embed", "examples/embed", dependencies);
    assert_eq!(more_than_engine_and_store(&[example(&["crm-core", "crm-boot", "axum"])]).len(), 2);
    assert_eq!(more_than_engine_and_store(&[in_tests(example(&["actix-web"]))]).len(), 1);
    assert_eq!(more_than_engine_and_store(&[package("crm-examples", "examples", &[])]).len(), 1);
    assert!(more_than_engine_and_store(&[example(&["crm-core", "crm-storage", "tokio"])]).is_empty());
}

#[test]
fn a_core_that_reaches_for_the_machine_is_found() {
    for text in ["use std::fs;", "use std::{sync::Arc, env};", "fn f() { std::thread::spawn(g); }"] {
        assert_eq!(machine_in_core(&[source("crm-core/src/deal/model.rs", text)]).len(), 1, "{text}");
    }
    let fine = "use std::sync::Arc; use crate::fs;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}";
    assert!(machine_in_core(&[source("crm-core/src/deal/model.rs", fine)]).is_empty());
    for path in ["crm-core/src/testkit/world.rs", "crm-core/src/filter/tests.rs", "hosts/boot/src/sources.rs"] {
        assert!(machine_in_core(&[source(path, "use std::env;")]).is_empty(), "{path}");
    }
}

#[test]
fn a_clock_beside_the_port_is_found() {
    for (path, text) in [
        ("crm-core/src/job/model.rs", "fn f() -> Timestamp { Utc::now().into() }"),
        ("hosts/boot/src/floor.rs", "let at = std::time::SystemTime::now();"),
        ("hosts/cli/src/open.rs", "let age = SystemTime::UNIX_EPOCH.elapsed();"),
        ("crm-storage/src/sql/job.rs", "const DUE: &str = \"due_at <= now()\";"),
        ("crm-storage/migrations/postgres/0001/up.sql", "at timestamptz DEFAULT CURRENT_TIMESTAMP"),
        ("crm-storage/migrations/sqlite/0001/up.sql", "at DEFAULT (unixepoch('now'))"),
    ] {
        assert_eq!(clocks_beside_the_port(&[source(path, text)]).len(), 1, "{text}");
    }
    for (path, text) in [
        ("crm-core/src/time.rs", "fn now(&self) -> Timestamp { Timestamp::from(Utc::now()) }"),
        ("crm-core/src/job/model.rs", "let at = SystemTime::UNIX_EPOCH + wait; let now = self.crm.now();"),
        ("crm-storage/src/sqlite/pool.rs", "let until = Instant::now() + patience; let now = changes.now();"),
        ("hosts/cli/tests/it/serve.rs", "let at = SystemTime::now();"),
        ("crm-core/src/job/model.rs", "#[cfg(test)]\nmod tests {\n    fn f() { Utc::now(); }\n}"),
    ] {
        assert!(clocks_beside_the_port(&[source(path, text)]).is_empty(), "{text}");
    }
}

#[test]
fn a_model_that_imports_a_port_or_a_service_is_found() {
    let others = [
        source("crm-core/src/deal/port.rs", "pub trait DealStore: Send {}\npub struct DealPage;"),
        source("crm-core/src/deal/service.rs", "pub(crate) struct Deals; struct Hidden;"),
    ];
    let violations = |text: &str| {
        let mut sources = others.to_vec();
        sources.push(source("crm-core/src/pipeline/model.rs", text));
        models_that_reach_up(&sources).len()
    };
    assert_eq!(violations("use super::port::PipelineStore;"), 1);
    assert_eq!(violations("use crate::deal::{model::Deal, service::MoveStage};"), 1);
    assert_eq!(violations("fn f(store: &dyn crate::deal::port::DealStore) {}"), 1);
    assert_eq!(violations("use crate::deal::{Deal, DealStore, Deals};"), 2);
    assert_eq!(violations("use crate::deal::{Deal, DealPage, Hidden}; use serde::service::X; // super::port"), 0);
}

#[test]
fn a_service_that_imports_another_rooms_service_is_found() {
    let others = [
        source("crm-core/src/task/service.rs", "pub struct Tasks { session: Session }"),
        source("crm-core/src/deal/port.rs", "pub trait DealStore {}"),
    ];
    let violations = |text: &str| {
        let mut sources = others.to_vec();
        sources.push(source("crm-core/src/deal/service.rs", text));
        services_that_meet(&sources).len()
    };
    assert_eq!(violations("use crate::task::service::Tasks;"), 1);
    assert_eq!(violations("use super::super::task::service::Tasks;"), 1);
    assert_eq!(violations("use crate::{task::Tasks, deal::Deal};"), 1);
    assert_eq!(violations("use crate::{task::TaskStore, deal::service::moves};"), 0);
}

#[test]
fn a_long_file_is_found() {
    let long = "let a = 1;\n".repeat(MOST_LINES + 1);
    assert_eq!(long_files(&[source("crm-core/src/deal/model.rs", &long)]).len(), 1);
    for (path, text) in [
        ("crm-core/src/deal/model.rs", "let a = 1;\n".repeat(MOST_LINES)),
        ("crm-core/src/deal/model.rs", format!("#[cfg(test)]\nmod tests {{\n{long}}}")),
        ("crm-core/src/deal/model.rs", format!("// @generated by a tool\n{long}")),
        ("crm-storage/src/schema.rs", long.clone()),
        ("crm-core/tests/laws.rs", long.clone()),
        ("crm-core/src/testkit/suite/deal.rs", long.clone()),
    ] {
        assert!(long_files(&[source(path, &text)]).is_empty(), "{path}");
    }
}

#[test]
fn every_excuse_names_a_file_and_a_reason() {
    assert_eq!(needless_excuses(&[]).len(), LONG_FILES.len());
    assert!(LONG_FILES.iter().all(|(file, why)| !file.is_empty() && why.contains(' ')));
}

#[test]
fn unfinished_code_and_ignored_tests_are_found() {
    let ignored_example = ["/// ```", "ignore\n/// x\n/// ```"].concat();
    for text in [
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"later\") }",
        "#[test]\n#[ignore]\nfn f() {}",
        "#[ignore = \"slow\"]\nfn f() {}",
        "#[cfg_attr(miri, ignore)]\nfn f() {}",
        &ignored_example,
    ] {
        assert_eq!(unfinished(&[source("a.rs", text)]).len(), 1, "{text}");
    }
    let fine = "// todo!()\n#[cfg_attr(feature = \"x\", schema(a, ignore))]\n#[test]\nfn f(ignore: bool) { let todo = [ignore]; g(\"todo!\", todo != x) }";
    assert!(unfinished(&[source("a.rs", fine)]).is_empty());
}

#[test]
fn a_folder_of_one_machine_is_found() {
    let folder = "/srv/clone/".to_owned();
    for line in [format!("cd {folder}main"), format!("\"{folder}x\""), format!("{folder}x"), format!("A={folder}")] {
        assert_eq!(machine_paths(&[source("a.sh", &line)], slice::from_ref(&folder)).len(), 1, "{line}");
    }
    for line in [format!("https://example.com{folder}x"), format!("net{folder}x"), format!("~{folder}")] {
        assert!(machine_paths(&[source("a.sh", &line)], slice::from_ref(&folder)).is_empty(), "{line}");
    }
}

#[test]
fn a_crate_with_lints_of_its_own_is_found() {
    let with = |manifest: &str| Package { manifest: manifest.into(), ..package("a", "a", &[]) };
    assert_eq!(own_lints(&[with("[package]\nname = \"a\"\n"), with("[lints]\nworkspace = false\n")]).len(), 2);
    assert!(own_lints(&[with("[lints]\nworkspace = true\n"), with("lints.workspace = true\n")]).is_empty());
}

#[test]
fn a_dependency_outside_the_one_table_is_found() {
    let with = |manifest: &str| Package { manifest: manifest.into(), ..package("a", "a", &[]) };
    let own = "[dependencies]\nx = \"1\"\n[dev-dependencies]\ny = { path = \"../y\" }\n[target.'cfg(unix)'.dependencies]\nz = \"1\"\n";
    assert_eq!(own_dependencies(&[with(own)]).len(), 3);
    assert!(
        own_dependencies(&[with("[dependencies]\nx.workspace = true\ny = { workspace = true, optional = true }\n")])
            .is_empty()
    );
}

#[test]
fn a_dependency_without_reason_is_found() {
    let manifest = "[workspace.dependencies]\na = { path = \"a\" }\nb = \"1\" # what b is for\nc = \"1\"\nd = \"1\" #\n\n[profile.dev]\ne = 1\n";
    assert_eq!(dependencies_without_reason(manifest), ["c = \"1\"", "d = \"1\" #"]);
}

#[test]
fn a_privilege_of_the_third_party_is_found() {
    let ours = "[workspace.lints.rust]\nunsafe_code = \"deny\"\n";
    let fine = "[workspace]\n[dependencies]\ncrm-core = { path = \"x\" }\n[lints.rust]\nunsafe_code = \"deny\"\n";
    assert!(third_party_privileges(fine, ours).is_empty());
    for (from, to) in [
        ("crm-core =", "crm-storage ="),
        ("{ path = \"x\" }", "{ workspace = true }"),
        ("[workspace]\n", ""),
        ("\"deny\"", "\"warn\""),
    ] {
        assert_eq!(third_party_privileges(&fine.replace(from, to), ours).len(), 1, "{to}");
    }
}
