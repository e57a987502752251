//! `slackcrm contacts list` and its like.

use crm_core::deal::Deal;
use crm_core::{Entity, ListRequest, Page, Session};
use serde::Serialize;

use super::tasks;
use crate::args::{List, Output};
use crate::cell::amount;
use crate::failure::Failure;
use crate::print::Sheet;

impl List {
    /// The page as it was typed.
    pub(crate) fn request(&self) -> ListRequest {
        ListRequest { limit: Some(self.limit), cursor: self.cursor.clone(), ..self.which.request() }
    }
}

/// Prints one page of a list.
pub(crate) async fn page(
    session: &Session,
    entity: Entity,
    request: &ListRequest,
    output: Output,
) -> Result<(), Failure> {
    match entity {
        Entity::Contact => contacts(session, request, output).await,
        Entity::Company => companies(session, request, output).await,
        Entity::Task => tasks::page(session.tasks().list(request).await, output),
        _ => deals(session, request, output).await,
    }
}

/// Prints one page of the members.
pub(crate) async fn users(session: &Session, request: &ListRequest, output: Output) -> Result<(), Failure> {
    let page = session.users().list(request).await?;
    print(&["Id", "Name", "E-mail", "Role", "Status", "Last seen"], &page, output, |user| {
        vec![
            user.id.to_string(),
            user.name.clone(),
            text(user.email.as_ref()),
            user.role.name().to_owned(),
            user.status.name().to_owned(),
            text(user.last_seen_at.as_ref()),
        ]
    })
}

async fn contacts(session: &Session, request: &ListRequest, output: Output) -> Result<(), Failure> {
    let page = session.contacts().list(request).await?;
    print(&["Id", "Name", "E-mail", "Phone", "Title", "Lifecycle"], &page, output, |contact| {
        vec![
            contact.id.to_string(),
            contact.display_name(),
            text(contact.email.as_ref()),
            text(contact.phone.as_ref()),
            text(contact.title.as_ref()),
            contact.lifecycle.name().to_owned(),
        ]
    })
}

async fn companies(session: &Session, request: &ListRequest, output: Output) -> Result<(), Failure> {
    let page = session.companies().list(request).await?;
    print(&["Id", "Name", "Domain", "Industry", "Employees#"], &page, output, |company| {
        vec![
            company.id.to_string(),
            company.name.clone(),
            text(company.domain.as_ref()),
            text(company.industry.as_ref()),
            text(company.employees.as_ref()),
        ]
    })
}

async fn deals(session: &Session, request: &ListRequest, output: Output) -> Result<(), Failure> {
    let page = session.deals().list(request).await?;
    let headers: &[&str] = match output {
        Output::Csv => &["Id", "Title", "Status", "Value#", "Currency", "Estimated", "Opened", "Closed"],
        Output::Table | Output::Json => &["Id", "Title", "Status", "Value#", "Opened", "Closed"],
    };
    print(headers, &page, output, |deal| {
        let mut row = vec![deal.id.to_string(), deal.title.clone(), deal.status.name().to_owned()];
        row.extend(worth(deal, output));
        row.extend([text(deal.opened_at.as_ref()), text(deal.closed_at.as_ref())]);
        row
    })
}

/// Prints a page, a row a record.
pub(crate) fn print<T: Serialize>(
    headers: &[&'static str],
    page: &Page<T>,
    output: Output,
    row: impl Fn(&T) -> Vec<String>,
) -> Result<(), Failure> {
    let mut sheet = Sheet::new(headers);
    for record in &page.data {
        sheet.row(row(record));
    }
    sheet.print(output, page)?;
    if let (Output::Table, Some(cursor)) = (output, &page.next_cursor) {
        println!("\nmore: --cursor {cursor}");
    }
    Ok(())
}

/// What a deal is worth: for eyes in one cell, where an estimate is marked; in CSV the amount, its currency
/// and whether it is an estimate.
fn worth(deal: &Deal, output: Output) -> Vec<String> {
    let value = text(deal.value.as_ref());
    match output {
        Output::Csv => {
            let currency = deal.value.map(|value| value.currency);
            vec![deal.value.map(amount).unwrap_or_default(), text(currency.as_ref()), deal.value_estimated.to_string()]
        }
        Output::Table | Output::Json if deal.value_estimated => vec![format!("~{value}")],
        Output::Table | Output::Json => vec![value],
    }
}

/// A value that may be absent.
fn text(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}
