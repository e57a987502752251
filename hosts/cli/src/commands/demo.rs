//! `slackcrm demo`: a workspace with a real sales history, to look around in.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crm_core::auth::Register as Registration;
use crm_core::transfer::{BytesSource, ImportOptions};
use crm_core::{Actor, Crm, Entity, Session};

use super::board;
use crate::args::{Demo, Output};
use crate::failure::Failure;
use crate::open;

/// The CRM Sales Opportunities set; see examples/data/README.md.
const ACCOUNTS: &[u8] = include_bytes!("../../../../examples/data/accounts.csv");
/// Its 8,800 opportunities.
const PIPELINE: &[u8] = include_bytes!("../../../../examples/data/sales_pipeline.csv");

const EMAIL: &str = "admin@demo.example";
/// Marks the folder as the demo's own, so that it may be emptied.
const MARKER: &str = ".slackcrm-demo";

/// Makes the demo workspace where there is none, prints it and serves it.
pub(crate) async fn run(demo: &Demo) -> Result<(), Failure> {
    if !demo.listen.ip().is_loopback() {
        return Err(Failure::new(format!("--listen {}: the demo stays on this machine", demo.listen)));
    }
    claim(&demo.data)?;
    let config = open::demo_config(&demo.data.join("demo.sqlite"), &demo.listen.to_string())?;
    let booted = crm_boot::boot_for_command(config.clone()).await?;
    let password = seed(booted.crm(), &demo.data).await?;
    let deals = admin(booted.crm()).await?.deals();
    board::print(&deals.board(None).await?, Output::Table)?;
    println!("\naddress   http://{}", demo.listen);
    println!("API       http://{}/api/v1/openapi.json", demo.listen);
    println!("e-mail    {EMAIL}\npassword  {password}\n");
    std::io::stdout().flush()?;
    booted.close().await;
    Ok(crm_server::serve(config).await?)
}

/// Makes the folder and marks it as the demo's own; a folder with somebody else's files is refused,
/// for what is marked may be emptied.
fn claim(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let marker = folder.join(MARKER);
    if marker.is_file() {
        return Ok(());
    }
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let refusal = format!("{} is not empty and no folder of the demo", folder.display());
        return Err(Failure::new(refusal).hint("name an empty or a new folder with --data"));
    }
    fs::write(marker, "the demo's own folder: its content may be deleted\n").map_err(failed)
}

/// Registers the admin and reads the data in, unless an earlier run did; the password is kept in
/// the demo's folder, readable by its owner alone.
async fn seed(crm: &Crm, folder: &Path) -> Result<String, Failure> {
    let file = folder.join("password");
    let password = match fs::read_to_string(&file) {
        Ok(password) => password,
        Err(_) => new_password(&file)?,
    };
    if crm.workspaces().await?.is_empty() {
        let registration = Registration {
            workspace_name: "Demo".to_owned(),
            email: EMAIL.parse()?,
            password: password.clone().into(),
            name: "Demo Admin".to_owned(),
        };
        crm.auth().register(registration, "demo").await?;
    }
    // An import that was interrupted is made up for: known rows change nothing.
    let session = admin(crm).await?;
    import(&session, Entity::Company, ACCOUNTS).await?;
    import(&session, Entity::Deal, PIPELINE).await?;
    Ok(password)
}

/// A random password, written to a file of the owner's alone.
fn new_password(file: &Path) -> Result<String, Failure> {
    use rand::distr::{Alphanumeric, SampleString as _};

    let password = Alphanumeric.sample_string(&mut rand::rng(), 20);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(password.as_bytes())?;
    Ok(password)
}

/// The admin's session.
async fn admin(crm: &Crm) -> Result<Session, Failure> {
    let workspaces = crm.workspaces().await?;
    let workspace = workspaces.first().ok_or_else(|| Failure::new("the demo workspace is missing"))?;
    let user = open::member(crm, workspace.id, EMAIL).await?;
    let user = user.ok_or_else(|| Failure::new("the demo admin is missing"))?;
    Ok(crm.acting(Actor::user(workspace.id, user)).await?)
}

async fn import(session: &Session, entity: Entity, file: &[u8]) -> Result<(), Failure> {
    let mut source = BytesSource::new(file.to_vec());
    let transfers = session.transfers();
    let import = transfers.start(entity, &mut source, ImportOptions::default()).await?;
    transfers.run(import.id, &mut source, &mut |_| {}).await?;
    Ok(())
}
