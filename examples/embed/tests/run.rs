//! The example as people run it, on a new SQLite file.

use std::path::Path;
use std::process::Command;

#[test]
fn the_embedded_engine_finds_who_it_wrote() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("embed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_crm-embed")).arg(folder.join("example.sqlite")).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "Ada Lovelace is at version 2\n");
}

#[test]
fn the_example_fits_on_a_page() {
    assert!(include_str!("../src/main.rs").lines().count() <= 40);
}
