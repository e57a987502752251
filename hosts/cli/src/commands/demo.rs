//! `slackcrm demo`: a workspace with a real sales history, to look around in.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use chrono::NaiveDate;
use crm_core::auth::Register as Registration;
use crm_core::transfer::date::{self, DateFormat};
use crm_core::transfer::{BytesSource, ImportOptions};
use crm_core::{Actor, Crm, Entity, Session, Zone};

use super::board;
use crate::args::{Demo, Output};
use crate::failure::Failure;
use crate::open;

/// The CRM Sales Opportunities set; see examples/data/README.md.
const ACCOUNTS: &[u8] = include_bytes!("../../../../examples/data/accounts.csv");
/// Its 8,800 opportunities.
const PIPELINE: &str = include_str!("../../../../examples/data/sales_pipeline.csv");
/// What its seven products cost.
const PRODUCTS: &[u8] = include_bytes!("../../../../examples/data/products.csv");
/// Its 35 people and their managers.
const TEAMS: &[u8] = include_bytes!("../../../../examples/data/sales_teams.csv");

const EMAIL: &str = "admin@demo.example";
/// The file of the admin's password.
const PASSWORD: &str = "password";
/// Marks the folder as the demo's own, so that it may be emptied.
const MARKER: &str = ".slackcrm-demo";

/// Makes the demo workspace where there is none, prints it and serves it.
pub(crate) async fn run(demo: &Demo) -> Result<(), Failure> {
    if !demo.listen.ip().is_loopback() {
        return Err(Failure::new(format!("--listen {}: the demo stays on this machine", demo.listen)));
    }
    claim(&demo.data)?;
    let mut config = open::demo_config(&demo.data.join("demo.sqlite"), &demo.listen.to_string())?;
    let booted = crm_boot::boot_for_command(config.clone()).await?;
    let password = seed(booted.crm(), &demo.data).await?;
    let session = admin(booted.crm()).await?;
    let password_file = fs::canonicalize(demo.data.join(PASSWORD))?;
    config.demo = Some(crm_boot::Demo { actor: session.actor().clone(), email: EMAIL.to_owned(), password_file });
    board::print(&session.deals().board(None).await?, Output::Table)?;
    println!("\naddress   http://{}", demo.listen);
    println!("API       http://{}/api/v1/openapi.json", demo.listen);
    println!("mailbox   http://{}/dev/mailbox", demo.listen);
    println!("e-mail    {EMAIL}\npassword  {password}");
    show_where_to_look(demo)?;
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
    let file = folder.join(PASSWORD);
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
    import(&session, Entity::Company, ACCOUNTS, ImportOptions::default()).await?;
    let transfers = session.transfers();
    let aliases = [("GTXPro".to_owned(), "GTX Pro".to_owned())].into();
    let options = ImportOptions {
        products: transfers.products(PRODUCTS)?,
        teams: transfers.teams(TEAMS)?,
        values: [("product".to_owned(), aliases)].into(),
        date_format: Some(DateFormat::MonthDayYear),
        ..ImportOptions::default()
    };
    import(&session, Entity::Deal, ending_on(PIPELINE, Zone::UTC.day(crm.now())).as_bytes(), options).await?;
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

/// Says what there is to see beside the board, with the commands as they can be typed.
fn show_where_to_look(demo: &Demo) -> Result<(), Failure> {
    let database = fs::canonicalize(&demo.data)?.join("demo.sqlite");
    let program = std::env::current_exe()?;
    println!("\nWhere to look next:");
    println!("  http://{}/api/docs    the API, to read and to try out", demo.listen);
    println!("  export SLACKCRM_DATABASE_URL='sqlite://{}'", database.display());
    for (verb, what) in [
        ("forecast", "what the open deals will bring, month by month"),
        ("velocity", "how long deals take, and what a day brings"),
        ("conversion", "where deals get lost"),
        ("sales", "what was won, month by month"),
        ("leaderboard", "who sold it"),
    ] {
        println!("  {} {verb:<12}  {what}", program.display());
    }
    println!();
    Ok(())
}

/// The file with all of its dates moved by as many days, so that the last one is `today`.
fn ending_on(file: &str, today: NaiveDate) -> String {
    let date = |cell: &str| date::parse(cell, DateFormat::MonthDayYear).ok();
    let last = file.lines().flat_map(|line| line.split(',')).filter_map(date).max().unwrap_or(today);
    let moved = |cell: &str| match date(cell).and_then(|day| day.checked_add_signed(today - last)) {
        Some(day) => day.format("%-m/%-d/%Y").to_string(),
        None => cell.to_owned(),
    };
    let lines = file.lines().map(|line| line.split(',').map(moved).collect::<Vec<_>>().join(","));
    lines.collect::<Vec<_>>().join("\n")
}

async fn import(session: &Session, entity: Entity, file: &[u8], options: ImportOptions) -> Result<(), Failure> {
    let mut source = BytesSource::new(file.to_vec());
    let transfers = session.transfers();
    let import = transfers.start(entity, &mut source, options).await?;
    transfers.run(import.id, &mut source, &mut |_| {}).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_date_is_today_and_the_others_keep_their_distance() {
        let file = "id,engaged,closed\n1,12/30/2017,12/31/2017\n2,12/1/2017,\n3,,\n";
        let today = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
        assert_eq!(ending_on(file, today), "id,engaged,closed\n1,2/28/2024,2/29/2024\n2,1/30/2024,\n3,,");
    }
}
