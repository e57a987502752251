//! The verbs: parse, one service call, print.

mod board;
mod deals;
mod deleted;
mod demo;
mod figures;
mod file;
mod input;
mod jobs;
mod mail;
mod many;
mod permissions;
mod pipelines;
mod rates;
mod record;
mod records;
mod settings;
mod tasks;
mod teams;
mod transfer;
mod watch;
mod webhooks;
mod workspace;

use crm_core::Entity;

use crate::args::change::Typed;
use crate::args::deals::Deals;
use crate::args::settings::Tags;
use crate::args::tasks::Tasks;
use crate::args::{Args, Command, Journal, Records, Workspace};
use crate::failure::Failure;
use crate::open::{open, session};
use crate::print::print_json;

/// Runs what was typed.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let acting = async || session(open(&args).await?.crm(), &args).await;
    match &args.command {
        Command::Serve(listen) => Ok(crm_server::serve(args.config(listen.listen.as_deref())?).await?),
        Command::Worker(worker) => Ok(crm_server::work(args.worker_config(worker.queues.as_deref())?).await?),
        Command::Demo(demo) => demo::run(demo).await,
        Command::Openapi(openapi) => {
            println!("{}", if openapi.postman { crm_server::postman() } else { crm_server::openapi() });
            Ok(())
        }
        // Opening brings the database up to date.
        Command::Migrate => open(&args).await.map(drop),
        Command::Register(register) => workspace::register(open(&args).await?.crm(), register).await,
        Command::Workspace(verb) => workspace(&args, verb).await,
        Command::Contacts(verb) => records(&args, Entity::Contact, verb).await,
        Command::Companies(verb) => records(&args, Entity::Company, verb).await,
        Command::Deals(Deals::Records(verb)) => records(&args, Entity::Deal, verb).await,
        Command::Deals(Deals::Own(verb)) => deals::run(&acting().await?, verb, args.output).await,
        Command::Tasks(Tasks::Records(verb)) => records(&args, Entity::Task, verb).await,
        Command::Tasks(Tasks::Own(verb)) => tasks::run(&acting().await?, verb, args.output).await,
        Command::Pipelines(verb) => pipelines::run(&acting().await?, verb, args.output).await,
        Command::Mail(verb) => mail::run(&acting().await?, verb, args.output).await,
        Command::Rates(verb) => rates::run(&acting().await?, verb, args.output).await,
        Command::Board(asked) => {
            board::print(&acting().await?.deals().board_of(&asked.request(), 0).await?, args.output)
        }
        Command::Conversion(asked) => figures::conversion(&acting().await?, asked, args.output).await,
        Command::Forecast(asked) => figures::forecast(&acting().await?, asked, args.output).await,
        Command::Velocity(asked) => figures::velocity(&acting().await?, asked, args.output).await,
        Command::Sales(asked) => figures::sales(&acting().await?, asked, args.output).await,
        Command::Revenue(asked) => figures::revenue(&acting().await?, asked, args.output).await,
        Command::Funnel(asked) => figures::funnel(&acting().await?, asked, args.output).await,
        Command::Activities(asked) => figures::activities(&acting().await?, asked, args.output).await,
        Command::Dashboard(asked) => figures::dashboard(&acting().await?, asked, args.output).await,
        Command::Leaderboard(asked) => figures::leaderboard(&acting().await?, asked, args.output).await,
        Command::Watch(asked) => {
            let booted = open(&args).await?;
            watch::run(&booted, &session(booted.crm(), &args).await?, asked).await
        }
        Command::Search(search) => settings::search(&acting().await?, search, args.output).await,
        Command::Users(verb) => settings::users(&acting().await?, verb, args.output).await,
        Command::Teams(verb) => teams::run(&acting().await?, verb, args.output).await,
        Command::Permissions(verb) => permissions::run(&acting().await?, verb, args.output).await,
        Command::Notes(verb) => settings::notes(&acting().await?, verb, args.output).await,
        Command::Tags(Tags::List) => settings::tags(&acting().await?, args.output).await,
        Command::Fields(verb) => settings::fields(&acting().await?, verb, args.output).await,
        Command::Jobs(verb) => {
            let booted = open(&args).await?;
            jobs::run(booted.crm(), &session(booted.crm(), &args).await?, verb, args.output).await
        }
        Command::Queues(verb) => jobs::queues(&acting().await?, verb, args.output).await,
        Command::Webhooks(verb) => {
            let booted = open(&args).await?;
            webhooks::run(booted.crm(), &session(booted.crm(), &args).await?, verb, args.output).await
        }
        Command::Imports(verb) => {
            let booted = open(&args).await?;
            jobs::imports(booted.crm(), &session(booted.crm(), &args).await?, verb, args.output).await
        }
        Command::Exports(verb) => jobs::exports(&acting().await?, verb, args.output).await,
        Command::Journal(Journal::Verify) => {
            let verification = acting().await?.workspace().verify_journal().await?;
            print_json(&verification)?;
            match verification.broken_at {
                None => Ok(()),
                Some(seq) => Err(Failure::new(format!("the journal is broken at entry {seq}"))),
            }
        }
    }
}

async fn workspace(args: &Args, verb: &Workspace) -> Result<(), Failure> {
    let booted = open(args).await?;
    match verb {
        Workspace::Create { name } => workspace::create(booted.crm(), name, args.output).await,
        Workspace::List => workspace::list(booted.crm(), args.output).await,
        Workspace::Show => settings::show_workspace(&session(booted.crm(), args).await?, args.output).await,
        Workspace::Update { fields, expected } => {
            let session = session(booted.crm(), args).await?;
            settings::update_workspace(&session, fields, *expected, args.output).await
        }
    }
}

async fn records<F: clap::Args + Typed>(args: &Args, entity: Entity, verb: &Records<F>) -> Result<(), Failure> {
    let booted = open(args).await?;
    let session = session(booted.crm(), args).await?;
    match verb {
        Records::Import(import) => transfer::import(&session, entity, import, args).await,
        Records::Export(export) => transfer::export(&session, entity, export, args.output).await,
        Records::List(list) => records::page(&session, entity, &list.request(), args.output).await,
        Records::Show(one) => record::show(&session, entity, *one, args.output).await,
        Records::Create(fields) => record::create(&session, entity, &fields.typed(), args.output).await,
        Records::Update { one, fields, expected } => {
            record::update(&session, entity, *one, &fields.typed(), expected.expect(), args.output).await
        }
        Records::Delete { one, expected } => {
            record::delete(&session, entity, *one, expected.expect(), args.output).await
        }
        Records::Restore(which) => deleted::restore(&session, entity, which, args.output).await,
        Records::Purge(which) => deleted::purge(&session, entity, which, args.output).await,
        Records::Timeline(history) => record::timeline(&session, entity, history, args.output).await,
        Records::Search(words) => record::search(&session, entity, words, args.output).await,
        Records::Bulk(bulk) => many::bulk(booted.crm(), &session, entity, bulk, args.output).await,
        Records::BulkCreate(bulk) => many::create(&session, entity, bulk, args.output).await,
        Records::BulkUpdate(bulk) => many::update(&session, entity, bulk, args.output).await,
    }
}
