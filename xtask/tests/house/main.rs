//! The house rules as tests: who may import whom, and what no file may hold.
//!
//! Each law loads the repository and asks one pure checker of [`rules`] or [`style`]; every checker
//! has a test beside it that shows that it can fail. A crate that does not exist yet breaks no rule.

mod code;
mod facade;
mod project;
mod rules;
mod style;

use anyhow::Result;

use crate::project::Project;

/// Fails with every violation, one a line.
fn hold(violations: Vec<String>) -> Result<()> {
    assert!(violations.is_empty(), "{} violation(s):\n{}", violations.len(), violations.join("\n"));
    Ok(())
}

#[test]
fn only_its_home_depends_on_a_framework() -> Result<()> {
    hold(rules::framework_outside_its_home(&Project::load()?.packages))
}

#[test]
fn only_its_home_names_a_framework() -> Result<()> {
    hold(rules::framework_named_outside_its_home(&Project::load()?.sources))
}

#[test]
fn core_depends_on_no_io() -> Result<()> {
    hold(rules::io_in_core(&Project::load()?.packages))
}

#[test]
fn core_pulls_in_no_runtime() -> Result<()> {
    let project = Project::load()?;
    hold(rules::crates_in_tree(&project.tree("crm-core")?, &["tokio", "hyper", "diesel", "actix-web", "reqwest"]))
}

#[test]
fn mobile_carries_no_server() -> Result<()> {
    let project = Project::load()?;
    let unwanted = ["actix-web", "tokio-postgres", "argon2", "async-openai"];
    hold(rules::crates_in_tree(&project.tree("crm-mobile")?, &unwanted))
}

#[test]
fn adapters_never_see_one_another() -> Result<()> {
    hold(rules::adapters_that_meet(&Project::load()?.packages))
}

#[test]
fn only_the_wiring_depends_on_adapters() -> Result<()> {
    hold(rules::adapters_outside_boot(&Project::load()?.packages))
}

#[test]
fn the_embedded_engine_needs_a_store_and_no_host() -> Result<()> {
    hold(rules::more_than_engine_and_store(&Project::load()?.packages))
}

#[test]
fn core_reaches_for_no_machine() -> Result<()> {
    hold(rules::machine_in_core(&Project::load()?.sources))
}

#[test]
fn one_clock_says_what_time_it_is() -> Result<()> {
    hold(rules::clocks_beside_the_port(&Project::load()?.texts()?))
}

#[test]
fn models_import_no_port_and_no_service() -> Result<()> {
    hold(rules::models_that_reach_up(&Project::load()?.sources))
}

#[test]
fn services_import_no_service_of_another_room() -> Result<()> {
    hold(rules::services_that_meet(&Project::load()?.sources))
}

/// What stands above the list of `docs/facade.txt`.
const FACADE: &str = "# Every method of the engine that a host may call, one a line; language packages are checked against it.\n\
    # UPDATE=1 cargo test -p xtask --test house facade writes it anew.\n";

#[test]
fn the_list_of_the_facade_is_what_the_services_offer() -> Result<()> {
    let project = Project::load()?;
    let found = facade::methods(&project.sources)?;
    if std::env::var_os("UPDATE").is_some() {
        project.write("docs/facade.txt", &format!("{FACADE}{}\n", found.join("\n")))?;
    }
    hold(facade::differences(&project.read("docs/facade.txt")?, &found))
}

#[test]
fn files_are_short() -> Result<()> {
    hold(rules::long_files(&Project::load()?.sources))
}

#[test]
fn no_long_file_is_excused_without_need() -> Result<()> {
    hold(rules::needless_excuses(&Project::load()?.sources))
}

#[test]
fn nothing_is_left_unfinished_or_ignored() -> Result<()> {
    hold(rules::unfinished(&Project::load()?.sources))
}

#[test]
fn no_file_names_a_folder_of_one_machine() -> Result<()> {
    let project = Project::load()?;
    hold(rules::machine_paths(&project.texts()?, &project.machine_folders()))
}

#[test]
fn every_crate_inherits_the_lints() -> Result<()> {
    hold(rules::own_lints(&Project::load()?.packages))
}

#[test]
fn every_dependency_comes_from_the_one_table() -> Result<()> {
    hold(rules::own_dependencies(&Project::load()?.packages))
}

#[test]
fn the_third_party_has_no_privileges() -> Result<()> {
    let project = Project::load()?;
    hold(rules::third_party_privileges(&project.read("examples/custom-adapter/Cargo.toml")?, &project.manifest))
}

#[test]
fn every_dependency_has_its_reason() -> Result<()> {
    hold(rules::dependencies_without_reason(&Project::load()?.manifest))
}

#[test]
fn names_say_what_something_is() -> Result<()> {
    hold(style::empty_names(&Project::load()?.sources))
}

#[test]
fn lints_are_expected_and_not_allowed() -> Result<()> {
    hold(style::allowed_lints(&Project::load()?.sources))
}

#[test]
fn unsafe_code_has_one_home() -> Result<()> {
    hold(style::unsafe_code(&Project::load()?.sources))
}

#[test]
fn every_room_tells_its_story() -> Result<()> {
    hold(style::rooms_without_story(&Project::load()?.sources))
}

#[test]
fn a_crate_has_one_program_of_integration_tests() -> Result<()> {
    hold(style::test_programs(&Project::load()?.sources))
}

#[test]
fn the_changelog_names_every_write() -> Result<()> {
    let project = Project::load()?;
    let writes = project.read("crm-core/src/store/write.rs")?;
    hold(style::writes_without_mention(&writes, &project.read("CHANGELOG.md")?))
}
