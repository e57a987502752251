//! What can be typed.

pub(crate) mod change;
pub(crate) mod deals;
pub(crate) mod figures;
pub(crate) mod mail;
mod many;
mod queued;
pub(crate) mod settings;
pub(crate) mod tasks;
pub(crate) mod webhooks;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use crm_core::filter::Filter;
use crm_core::transfer::DuplicatePolicy;
use crm_core::transfer::date::DateFormat;
use crm_core::transfer::format::Encoding;

use self::change::{Deleted, Expected, Fields, History, One, Purge, Words};
pub(crate) use many::{Bulk, BulkCreate, BulkUpdate, Changed, Chosen, Exports, Imports, Watching};
pub(crate) use queued::{Jobs, Queues};

/// A CRM for sales teams: engine, server and command line in one binary.
#[derive(Debug, Parser)]
#[command(name = "slackcrm", version, propagate_version = true)]
pub(crate) struct Args {
    /// Where the data is: `sqlite://PATH` or `postgres://…` [env: SLACKCRM_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Act as the member with this e-mail address, with that member's permissions
    #[arg(long = "as", global = true, value_name = "EMAIL")]
    pub(crate) acting_as: Option<String>,
    /// The workspace, by id or name; alone it acts as the product itself, with every permission
    #[arg(long, global = true, value_name = "WORKSPACE")]
    pub(crate) workspace: Option<String>,
    /// Form of what is printed
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns for people.
    Table,
    /// JSON, as over HTTP.
    Json,
    /// CSV.
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the HTTP API
    Serve(Listen),
    /// Do jobs and nothing else, until a signal ends it
    Worker(Worker),
    /// Serve a demo workspace with 8,800 deals from a folder of its own
    Demo(Demo),
    /// Bring the database up to date
    Migrate,
    /// Print the OpenAPI document
    Openapi(Openapi),
    /// Create a workspace and its first admin; asks for the password, or reads it from standard input
    Register(Register),
    /// Workspaces and their settings
    #[command(subcommand)]
    Workspace(Workspace),
    /// Contacts
    #[command(subcommand)]
    Contacts(Records),
    /// Companies
    #[command(subcommand)]
    Companies(Records),
    /// Deals
    #[command(subcommand)]
    Deals(deals::Deals),
    /// Tasks
    #[command(subcommand)]
    Tasks(tasks::Tasks),
    /// Work that goes on after its request
    #[command(subcommand)]
    Jobs(Jobs),
    /// The queues that jobs wait in
    #[command(subcommand)]
    Queues(Queues),
    /// Where events are sent
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// Imports that were made
    #[command(subcommand)]
    Imports(Imports),
    /// Exports whose files jobs write
    #[command(subcommand)]
    Exports(Exports),
    /// Pipelines and their stages
    #[command(subcommand)]
    Pipelines(settings::Pipelines),
    /// Mail: sending, templates, and who gets none
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Exchange rates, by which sums are told in the workspace's currency
    #[command(subcommand)]
    Rates(settings::Rates),
    /// The stages of a pipeline with their deals, also of those alone that were opened in some days
    Board(figures::Question),
    /// Who goes on from stage to stage, who is lost and who is still there
    Conversion(figures::ConversionOf),
    /// What deals will bring, month by month
    Forecast(figures::Question),
    /// Days in each stage, the length of a sale and what a day brings
    Velocity(figures::Question),
    /// What was won and lost, period by period
    Sales(figures::SalesOf),
    /// What came in, by period, owner, source and currency
    Revenue(figures::SalesOf),
    /// How far the contacts that were made in the window have come from lead to customer
    Funnel(figures::Question),
    /// What people did: notes, tasks done, moves of deals and new records, by period and person
    Activities(figures::SalesOf),
    /// The figures of sales, forecast, conversion, velocity and leaderboard at once
    Dashboard(figures::SalesOf),
    /// The members by what they sold
    Leaderboard(figures::Question),
    /// Tell what happens while it happens, one event a line as JSON
    Watch(many::Watching),
    /// Search contacts, companies, deals and tasks; the best hits come first
    Search(settings::Search),
    /// Members
    #[command(subcommand)]
    Users(settings::Users),
    /// Teams, whose ids figures and filters take
    #[command(subcommand)]
    Teams(settings::Teams),
    /// What each role may do
    #[command(subcommand)]
    Permissions(settings::Permissions),
    /// Notes on records
    #[command(subcommand)]
    Notes(settings::Notes),
    /// Tags
    #[command(subcommand)]
    Tags(settings::Tags),
    /// Custom fields
    #[command(subcommand)]
    Fields(settings::CustomFields),
    /// The journal of every change
    #[command(subcommand)]
    Journal(Journal),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Listen {
    /// Address to listen on [env: SLACKCRM_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Worker {
    /// The queues, how many jobs of each at once, and how many are begun in a second, minute or hour, as in
    /// `email=10,ai=4@60/minute,webhook`; the standard ones where absent [env: SLACKCRM_QUEUES]
    #[arg(long, value_name = "QUEUES")]
    pub(crate) queues: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Openapi {
    /// Print its requests as a Postman collection (version 2.1) instead
    #[arg(long)]
    pub(crate) postman: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Folder for the demo's database
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub(crate) data: PathBuf,
    /// Address to listen on; stays on this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Register {
    /// What the workspace is called
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace_name: String,
    /// E-mail address of the admin
    #[arg(long)]
    pub(crate) email: String,
    /// Full name of the admin
    #[arg(long)]
    pub(crate) name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    /// Make a workspace without members
    Create {
        /// What it is called
        name: String,
    },
    /// All workspaces
    List,
    /// The workspace's settings
    Show,
    /// Change settings: name, time_zone, currency
    Update {
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        expected: Expected,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Check that no entry was changed, removed or moved
    Verify,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Records<F: ClapArgs = Fields> {
    /// Read a CSV file in; a file that was read in before changes nothing
    Import(Box<Import>),
    /// Write a list as CSV
    Export(Export),
    /// One page of a list
    List(List),
    /// One record
    Show(One),
    /// Make a record
    Create(F),
    /// Change some fields of a record
    Update {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        fields: F,
        #[command(flatten)]
        expected: Expected,
    },
    /// Delete a record; it is kept until it is purged
    Delete {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        expected: Expected,
    },
    /// Bring deleted records back
    Restore(Deleted),
    /// Erase deleted records and the content of their history for ever, with the notes and tasks on them
    Purge(Purge),
    /// The history of a record and of its notes, newest first
    Timeline(History),
    /// The latest records that hold all of these words
    Search(Words),
    /// Do the same to many records, in one commit where they are at most 10,000
    Bulk(Box<Bulk>),
    /// Make many records in one commit, at most 10,000; deals are imported
    BulkCreate(BulkCreate),
    /// Change many records, each in its own way, in one commit, at most 10,000
    BulkUpdate(BulkUpdate),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Import {
    /// The file
    pub(crate) file: PathBuf,
    /// Go on with an import that was interrupted, the way it began
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = [
            "dry_run", "mapping", "values", "on_duplicate", "no_create_missing", "create_fields", "date_format",
            "encoding", "delimiter", "companies", "products", "teams",
        ]
    )]
    pub(crate) resume: Option<String>,
    /// Read this file of companies in first (deals alone)
    #[arg(long, value_name = "FILE")]
    pub(crate) companies: Option<PathBuf>,
    /// A list of products with their prices: open deals without a value get the price, marked as
    /// estimated (deals alone)
    #[arg(long, value_name = "FILE")]
    pub(crate) products: Option<PathBuf>,
    /// A list of people with their managers and offices: they are put into teams (deals alone)
    #[arg(long, value_name = "FILE")]
    pub(crate) teams: Option<PathBuf>,
    /// Say what would happen, with the first 100 bad rows, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Read this column into this field, as in `--map "Job Title=title"`; an empty field leaves the
    /// column out
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    pub(crate) mapping: Vec<String>,
    /// Read one spelling as another, as in `--value "stage:Closed=Won"`
    #[arg(long = "value", value_name = "FIELD:FROM=TO")]
    pub(crate) values: Vec<String>,
    /// What to do with records that are known: skip, update or create
    #[arg(long, value_name = "POLICY", value_parser = policy, default_value = "skip")]
    pub(crate) on_duplicate: DuplicatePolicy,
    /// Do not make stages, members, companies or tags that the file names
    #[arg(long)]
    pub(crate) no_create_missing: bool,
    /// Define a custom field for each column that matches nothing
    #[arg(long)]
    pub(crate) create_fields: bool,
    /// Order of day, month and year, as in `mdy`; guessed where absent
    #[arg(long, value_name = "ORDER")]
    pub(crate) date_format: Option<DateFormat>,
    /// utf-8, utf-16le, utf-16be or windows-1252; guessed where absent
    #[arg(long)]
    pub(crate) encoding: Option<Encoding>,
    /// What separates cells; guessed where absent
    #[arg(long, value_name = "CHARACTER")]
    pub(crate) delimiter: Option<char>,
    /// Where to write the refused rows; beside the file where absent
    #[arg(long, value_name = "FILE")]
    pub(crate) failed: Option<PathBuf>,
}

/// What to do with records that are known.
fn policy(name: &str) -> Result<DuplicatePolicy, String> {
    match name {
        "skip" => Ok(DuplicatePolicy::Skip),
        "update" => Ok(DuplicatePolicy::Update),
        "create" => Ok(DuplicatePolicy::Create),
        _ => Err("is not skip, update or create".to_owned()),
    }
}

/// Which records.
#[derive(Debug, ClapArgs)]
pub(crate) struct Which {
    /// Only those that match, as in `lifecycle = lead and created_at >= ago P7D`
    #[arg(long)]
    pub(crate) filter: Option<Filter>,
    /// Only those that contain these words
    #[arg(long)]
    pub(crate) q: Option<String>,
    /// In the order of this field; `-` first for descending
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The file to write; standard output where absent
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// Let a job write the file, for `slackcrm exports fetch`
    #[arg(long, conflicts_with = "to")]
    pub(crate) job: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Rows, 1 to 200
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u16,
    /// Where the page before said the next one starts
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_themselves() {
        Args::command().debug_assert();
    }

    /// As one of 64 does.
    #[test]
    fn every_cursor_may_begin_with_a_hyphen() {
        fn cursors(command: &clap::Command) -> usize {
            let own: Vec<_> = command.get_arguments().filter(|argument| argument.get_id() == "cursor").collect();
            assert!(own.iter().all(|cursor| cursor.is_allow_hyphen_values_set()), "{}", command.get_name());
            own.len() + command.get_subcommands().map(cursors).sum::<usize>()
        }
        assert!(cursors(&Args::command()) > 8);
    }

    #[test]
    fn what_an_import_began_with_is_not_typed_again_when_it_resumes() {
        let resume = ["slackcrm", "contacts", "import", "people.csv", "--resume", "0", "--failed", "refused.csv"];
        assert!(Args::try_parse_from(resume).is_ok());
        for other in [
            &["--dry-run"] as &[&str],
            &["--map", "A=title"],
            &["--value", "stage:A=B"],
            &["--on-duplicate", "skip"],
            &["--no-create-missing"],
            &["--create-fields"],
            &["--date-format", "mdy"],
            &["--encoding", "utf-8"],
            &["--delimiter", ";"],
        ] {
            let error = Args::try_parse_from(resume.iter().chain(other)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{other:?}");
        }
    }
}
