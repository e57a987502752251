//! The verbs: parse, one service call, print.

mod board;
mod demo;
mod file;
mod jobs;
mod many;
mod records;
mod transfer;
mod workspace;

use crm_core::Entity;

use crate::args::{Args, Command, Journal, Records};
use crate::failure::Failure;
use crate::open::{open, session};
use crate::print::print_json;

/// Runs what was typed.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match &args.command {
        Command::Serve(listen) => Ok(crm_server::serve(args.config(listen.listen.as_deref())?).await?),
        Command::Demo(demo) => demo::run(demo).await,
        Command::Openapi(openapi) => {
            println!("{}", if openapi.postman { crm_server::postman() } else { crm_server::openapi() });
            Ok(())
        }
        // Opening brings the database up to date.
        Command::Migrate => open(&args).await.map(drop),
        Command::Register(register) => workspace::register(open(&args).await?.crm(), register).await,
        Command::Workspace(verb) => workspace::run(open(&args).await?.crm(), verb, args.output).await,
        Command::Contacts(verb) => records(&args, Entity::Contact, verb).await,
        Command::Companies(verb) => records(&args, Entity::Company, verb).await,
        Command::Deals(verb) => records(&args, Entity::Deal, verb).await,
        Command::Jobs(verb) => {
            let booted = open(&args).await?;
            jobs::run(booted.crm(), &session(booted.crm(), &args).await?, verb, args.output).await
        }
        Command::Imports(verb) => {
            let booted = open(&args).await?;
            jobs::imports(booted.crm(), &session(booted.crm(), &args).await?, verb).await
        }
        Command::Board => {
            let session = session(open(&args).await?.crm(), &args).await?;
            board::print(&session.deals().board(None).await?, args.output)
        }
        Command::Journal(Journal::Verify) => {
            let session = session(open(&args).await?.crm(), &args).await?;
            let verification = session.workspace().verify_journal().await?;
            print_json(&verification)?;
            match verification.broken_at {
                None => Ok(()),
                Some(seq) => Err(Failure::new(format!("the journal is broken at entry {seq}"))),
            }
        }
    }
}

async fn records(args: &Args, entity: Entity, verb: &Records) -> Result<(), Failure> {
    let session = session(open(args).await?.crm(), args).await?;
    match verb {
        Records::Import(import) => transfer::import(&session, entity, import, args).await,
        Records::Export(export) => transfer::export(&session, entity, export).await,
        Records::List(list) => records::list(&session, entity, list, args.output).await,
        Records::Bulk(bulk) => many::bulk(&session, entity, bulk, args.output).await,
    }
}
