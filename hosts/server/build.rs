//! Takes the files of Swagger UI that the server serves out of the archive that its crate carries,
//! so that neither building nor serving fetches anything.

use std::error::Error;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The archive also has other builds of the same code, its sources and its tests.
const SERVED: [&str; 5] =
    ["dist/swagger-ui.css", "dist/swagger-ui-bundle.js", "dist/favicon-32x32.png", "LICENSE", "NOTICE"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").ok_or("cargo names no folder for what is made")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    // Its outermost folder has the version in its name.
    let root = archive.file_names().find_map(|path| Some(path.ok()?.split('/').next()?.to_owned()));
    let root = root.ok_or("the archive of Swagger UI is empty")?;
    for path in SERVED {
        let mut bytes = Vec::new();
        archive.by_name(&format!("{root}/{path}"))?.read_to_end(&mut bytes)?;
        let name = Path::new(path).file_name().unwrap_or_default();
        fs::write(Path::new(&folder).join(name), bytes)?;
    }
    Ok(())
}
