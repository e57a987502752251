//! `slackcrm mail`.

use crm_core::Session;
use crm_core::access::View;
use crm_core::job::Job;
use crm_core::mail::{MailDraft, MailsRequest, PreviewRequest, Rendered, SuppressionsRequest, TemplateMail};
use serde_json::{Map, Value};

use super::input::{Reading, object};
use super::records;
use crate::args::Output;
use crate::args::change::Fields;
use crate::args::mail::{Log, Mail, Outgoing, Suppressions, Variables};
use crate::failure::Failure;
use crate::print::{self, Sheet, plain};

/// Mail.
pub(crate) async fn run(session: &Session, verb: &Mail, output: Output) -> Result<(), Failure> {
    let mails = session.mails();
    match verb {
        Mail::Templates => {
            let all = mails.templates().await?;
            let mut sheet = Sheet::new(&["Name", "Subject", "Whose", "Version#"]);
            for template in &all {
                let whose = if template.built_in { "product" } else { "workspace" };
                let version = template.version.map(|version| version.to_string()).unwrap_or_default();
                sheet.row(vec![template.name.to_string(), template.subject.clone(), whose.to_owned(), version]);
            }
            sheet.print(output, &all)
        }
        Mail::Preview { name, variables } => {
            let request = PreviewRequest { content: None, variables: read(variables)? };
            preview(&mails.preview(name, request).await?, output)
        }
        Mail::Send(mail) => print::record(output, &send(session, mail).await?),
        Mail::Log(asked) => log(session, asked, output).await,
        Mail::Suppressions(verb) => suppressions(session, verb, output).await,
    }
}

async fn send(session: &Session, mail: &Outgoing) -> Result<View<Job>, Failure> {
    let Outgoing { to, contact, template, variables, subject, text, html, reply_to } = mail;
    let (contact_id, reply_to) = (contact.map(|id| id.cast()), reply_to.clone());
    let mails = session.mails();
    let Some(template) = template else {
        let (subject, text, html) = (subject.clone().unwrap_or_default(), text.clone(), html.clone());
        let draft = MailDraft { to: to.clone(), cc: Vec::new(), contact_id, reply_to, subject, text, html };
        return Ok(mails.send(draft).await?);
    };
    let to = match to.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => return Err(Failure::new("a template is sent to one address").hint("send it to each by itself")),
    };
    let variables = read(variables)?;
    Ok(mails.send_template(TemplateMail { template: template.clone(), to, contact_id, reply_to, variables }).await?)
}

/// The variables that were typed.
fn read(variables: &Variables) -> Result<Map<String, Value>, Failure> {
    match variables.set.is_empty() {
        true => Ok(Map::new()),
        false => object(&Fields { set: variables.set.clone(), json: None }, |_| Reading::Text),
    }
}

fn preview(rendered: &Rendered, output: Output) -> Result<(), Failure> {
    if output != Output::Table {
        return print::record(output, rendered);
    }
    println!("Subject: {}", plain(&rendered.subject));
    for part in [&rendered.text, &rendered.html].into_iter().flatten() {
        println!();
        part.lines().for_each(|line| println!("{}", plain(line)));
    }
    Ok(())
}

async fn log(session: &Session, asked: &Log, output: Output) -> Result<(), Failure> {
    let Log { state, recipient, limit, cursor } = asked;
    let request =
        MailsRequest { state: *state, recipient: recipient.clone(), limit: Some(*limit), cursor: cursor.clone() };
    let page = session.mails().log(&request).await?;
    records::print(&["Id", "To", "State", "Template", "At", "Error"], &page, output, |row| {
        vec![
            row.id.to_string(),
            row.recipients.clone(),
            row.state.name().to_owned(),
            row.template.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.at.to_string(),
            row.error.clone().unwrap_or_default(),
        ]
    })
}

async fn suppressions(session: &Session, verb: &Suppressions, output: Output) -> Result<(), Failure> {
    let mails = session.mails();
    match verb {
        Suppressions::List { limit, cursor } => {
            let request = SuppressionsRequest { limit: Some(*limit), cursor: cursor.clone() };
            let page = mails.suppressions(&request).await?;
            records::print(&["Id", "E-mail", "Reason", "Since"], &page, output, |row| {
                vec![row.id.to_string(), row.email.to_string(), row.reason.name().to_owned(), row.since.to_string()]
            })
        }
        Suppressions::Add { email } => {
            let new = crm_core::mail::NewSuppression { email: email.clone() };
            print::record(output, &mails.suppress(new).await?)
        }
        Suppressions::Remove { id } => {
            mails.unsuppress((*id).into()).await?;
            print::deleted(output, id)
        }
    }
}
