//! `slackcrm pipelines`.

use crm_core::Session;

use super::input::{self, Reading};
use super::records;
use super::settings::whole;
use crate::args::Output;
use crate::args::settings::Pipelines;
use crate::failure::Failure;
use crate::print;

/// Pipelines and their stages.
pub(crate) async fn run(session: &Session, verb: &Pipelines, output: Output) -> Result<(), Failure> {
    let pipelines = session.pipelines();
    match verb {
        Pipelines::List => {
            let page = whole(pipelines.list().await?);
            records::print(&["Id", "Name", "Default", "Stages"], &page, output, |pipeline| {
                let stages: Vec<&str> = pipeline.stages.iter().map(|stage| stage.name.as_str()).collect();
                let default = if pipeline.is_default { "yes" } else { "" };
                vec![pipeline.id.to_string(), pipeline.name.clone(), default.to_owned(), stages.join(", ")]
            })
        }
        Pipelines::Show(one) => print::record(output, &pipelines.read(one.id()).await?),
        Pipelines::Create(fields) => {
            let new = input::read(input::object(fields, of_pipeline)?)?;
            print::record(output, &pipelines.create(new).await?)
        }
        Pipelines::Update { one, fields, expected } => {
            let change = input::read(input::object(fields, of_pipeline)?)?;
            print::record(output, &pipelines.update(one.id(), change, expected.expect()).await?)
        }
        Pipelines::Delete { one, expected } => {
            pipelines.delete(one.id(), expected.expect()).await?;
            print::deleted(output, one.id::<()>())
        }
    }
}

/// How the parts of a pipeline are read.
fn of_pipeline(key: &str) -> Reading {
    match key {
        "stages" | "targets" => Reading::Json,
        _ => Reading::Text,
    }
}
