//! The document of events says what the code says.

use std::path::Path;

#[test]
fn events_md_lists_every_event() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/EVENTS.md");
    let wanted = crm_core::webhook::events_document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == wanted, "docs/EVENTS.md is old: run this test with UPDATE=1");
}
