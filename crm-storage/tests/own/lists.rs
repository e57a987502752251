//! Lists that thousands of records pass, which a store may walk in another way than short ones.

use std::sync::Arc;

use crm_core::contact::{Contact, ContactEdit};
use crm_core::filter::Filter;
use crm_core::{Edit, Id, ListRequest, Session, Store};

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
