//! Lists that thousands of records pass, which a store may walk in another way than short ones, and
//! filters of more values than a statement takes.

use std::sync::Arc;

use crm_core::contact::{Contact, ContactEdit};
use crm_core::filter::Filter;
use crm_core::{Edit, ErrorKind, Id, ListRequest, Session, Store};

const PEOPLE: usize = 3_000;

/// Those whom a filter leaves, page by page, are those of the whole list that pass, in its order.
pub(crate) async fn a_list_that_thousands_pass_is_what_its_filter_says<S: Store>(store: Arc<S>) {
    let (crm, workspace) = super::engine(store).await;
    let session = super::session(&crm, workspace).await;
    fill(&session).await;
    type Passes = fn(&Contact) -> bool;
    let filters: [(&str, Passes); 4] = [
        (r#"{"field": "source", "op": "eq", "value": "web"}"#, |contact| contact.source.as_deref() == Some("web")),
        (r#"{"not": {"field": "source", "op": "eq", "value": "web"}}"#, |contact| {
            contact.source.as_deref() != Some("web")
        }),
        (
            r#"{"any": [{"field": "title", "op": "is_null"}, {"field": "source", "op": "eq", "value": "web"}]}"#,
            |contact| contact.title.is_none() || contact.source.as_deref() == Some("web"),
        ),
        (r#"{"field": "last_name", "op": "starts_with", "value": "lovelace"}"#, |_| true),
    ];
    for sort in ["last_name", "-title", "-created_at"] {
        let everybody = walk(&session, sort, None).await;
        assert_eq!(everybody.len(), PEOPLE);
        for (filter, passes) in filters {
            let expected: Vec<Id<Contact>> =
                everybody.iter().filter(|contact| passes(contact)).map(|contact| contact.id).collect();
            let filter: Filter = serde_json::from_str(filter).unwrap();
            let found = walk(&session, sort, Some(filter.clone())).await;
            let found: Vec<Id<Contact>> = found.into_iter().map(|contact| contact.id).collect();
            assert!(expected == found, "{filter} by {sort}: {} of {}", found.len(), expected.len());
        }
    }
}

/// A filter with so many values, each an instant.
fn instants(values: usize) -> ListRequest {
    let list =
        |length| format!(r#"{{"field": "created_at", "op": "in", "value": [{}]}}"#, vec![NOON; length].join(", "));
    let lists: Vec<String> = (0..values).step_by(1_000).map(|at| list((values - at).min(1_000))).collect();
    let filter = serde_json::from_str(&format!(r#"{{"any": [{}]}}"#, lists.join(", "))).unwrap();
    ListRequest { filter: Some(filter), ..ListRequest::default() }
}

const NOON: &str = r#""2026-03-02T12:00:00Z""#;

/// What a statement does not take is the caller's fault, and what it takes is answered.
pub(crate) async fn a_filter_of_more_values_than_a_statement_takes_is_refused<S: Store>(store: Arc<S>, most: usize) {
    let (crm, workspace) = super::engine(store).await;
    let contacts = super::session(&crm, workspace).await.contacts();
    assert!(contacts.list(&instants(most - 100)).await.unwrap().data.is_empty());
    for values in [most, most + 1_000] {
        let error = contacts.list(&instants(values)).await.unwrap_err();
        let field = error.fields().first().map(|fault| fault.field.as_str());
        assert_eq!((error.kind(), field), (ErrorKind::Invalid, Some("filter")));
    }
}

async fn fill(session: &Session) {
    let create = |number: usize| {
        let session = session.clone();
        async move {
            let edit = ContactEdit {
                last_name: Edit::Set(format!("Lovelace {}", number * 7_919 % PEOPLE)),
                title: if number.is_multiple_of(5) { Edit::Clear } else { Edit::Set(format!("Title {}", number % 11)) },
                source: Edit::Set(if number.is_multiple_of(4) { "event" } else { "web" }.into()),
                ..ContactEdit::default()
            };
            session.contacts().create(edit).await.unwrap();
        }
    };
    futures::future::join_all((0..PEOPLE).map(create)).await;
}

async fn walk(session: &Session, sort: &str, filter: Option<Filter>) -> Vec<Contact> {
    let mut request = ListRequest { limit: Some(200), sort: Some(sort.to_owned()), filter, ..ListRequest::default() };
    let mut people = Vec::new();
    loop {
        let page = session.contacts().list(&request).await.unwrap();
        people.extend(page.data.into_iter().map(crm_core::access::View::into_inner));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return people;
        }
    }
}
