//! Every law, on the store in memory.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crm_core::Crm;
use crm_core::testkit::MemoryStore;

async fn open() -> Arc<MemoryStore> {
    MemoryStore::new()
}

crm_core::testkit::suite!(open);

#[tokio::test]
async fn every_workspace_is_told_however_many_there_are() {
    let crm = Crm::builder(MemoryStore::new()).build();
    for at in 0..2_001 {
        crm.create_workspace(&format!("Workspace {at:04}")).await.unwrap();
    }
    let names: Vec<String> = crm.workspaces().await.unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, (0..2_001).map(|at| format!("Workspace {at:04}")).collect::<Vec<_>>());
}

/// A law that is written but not listed in the macro would hold nobody to anything.
#[test]
fn every_law_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testkit/suite");
    let listed = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let laws = text.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
        for law in laws {
            let (_, rest) =
                listed.split_once(&format!("\n            {room} {{")).unwrap_or_else(|| panic!("no {room}"));
            let list = rest.split('}').next().unwrap();
            assert!(list.lines().any(|line| line.trim() == format!("{law},")), "{room} does not list {law}");
            count += 1;
        }
    }
    assert!(count > 140, "only {count} laws");
}

/// Whoever follows the guide to one law must find it.
#[test]
fn the_laws_that_the_guide_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("../docs/TESTING.md")).unwrap();
    let listed = std::fs::read_to_string(root.join("src/testkit/suite/mod.rs")).unwrap();
    let words = guide.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    // Laws are sentences; no other name of the guide has so many words.
    let laws: BTreeSet<&str> = words.filter(|word| word.matches('_').count() >= 4).collect();
    assert!(!laws.is_empty());
    for law in laws {
        assert!(listed.contains(&format!(" {law},")), "no law is named {law}");
    }
}
