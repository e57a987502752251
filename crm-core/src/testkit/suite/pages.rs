//! Pages neither skip nor repeat.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::naive;
use super::population::{InStore, Population, ids};
use super::support::{commit, contact, filtered, invalid_at, last_names, reading, refused, searched};
use crate::access::{Entity, Grant, Role};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::{Contact, ContactEdit};
use crate::deal::Deal;
use crate::error::ErrorKind::Invalid;
use crate::filter::{Filter, MAX_DEPTH, Op, Scalar};
use crate::id::Id;
use crate::page::{ListQuery, ListRequest};
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::task::Task;
use crate::testkit::{World, samples};
use crate::user::User;

/// Every sortable field of a kind, in both directions.
fn sorts<T: InStore>() -> Vec<String> {
    let fields = T::catalogue().fields.iter().filter(|field| field.sortable);
    fields.flat_map(|field| [field.key.to_string(), format!("-{}", field.key)]).collect()
}

fn query<T: InStore>(session: &Session, sort: &str, limit: u16) -> (Grant, ListQuery) {
    let grant = reading(session, T::ENTITY);
    let request = ListRequest { sort: Some(sort.to_owned()), limit: Some(limit), ..samples::list() };
    let query = grant.check_list::<T>(&request, session.now()).unwrap();
    (grant, query)
}

/// The ids on all pages of a list, in order.
async fn walk<T: InStore>(world: &World, grant: &Grant, query: &ListQuery) -> Vec<Uuid> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (page, _) = T::listed(world, grant, &query.from_position(after)).await.unwrap();
        assert!(page.rows.len() <= usize::from(query.limit()));
        seen.extend(ids(&page.rows));
        assert!(seen.len() <= 1_000, "the pages do not end");
        match page.next {
            Some(next) => {
                assert_eq!(page.rows.len(), usize::from(query.limit()), "a page before the last is full");
                after = Some(next);
            }
            None => return seen,
        }
    }
}

async fn pages_add_up<T: InStore>(world: &World, population: &Population, limits: &[u16]) {
    let session = world.session(Role::Admin).await;
    for sort in sorts::<T>() {
        let (_, whole) = query::<T>(&session, &sort, 200);
        let expected: Vec<Uuid> = naive::list::<T>(&population.mirror, &whole).iter().map(|row| row.uuid()).collect();
        for limit in limits {
            let (grant, query) = query::<T>(&session, &sort, *limit);
            assert_eq!(walk::<T>(world, &grant, &query).await, expected, "{} by {sort}, {limit} a page", T::ENTITY);
        }
    }
}

pub async fn pages_of_any_size_add_up_to_the_list(world: World) {
    let population = Population::settle(&world).await;
    pages_add_up::<Contact>(&world, &population, &[1, 2, 3, 4, 5, 6, 7]).await;
    pages_add_up::<Company>(&world, &population, &[1, 3, 7]).await;
    pages_add_up::<Deal>(&world, &population, &[2, 7]).await;
    pages_add_up::<Task>(&world, &population, &[1, 3, 7]).await;
    pages_add_up::<Note>(&world, &population, &[1, 5]).await;
    pages_add_up::<User>(&world, &population, &[1, 4]).await;
}

pub async fn pages_of_a_filter_that_most_rows_pass_are_the_list_without_the_others(world: World) {
    let admin = world.session(Role::Admin).await;
    let mut changes = admin.changes();
    for at in 0..80_u8 {
        let mut one = Contact::blank(Id::new_at(admin.now()), admin.now());
        one.last_name = Some(format!("Name {}", at % 13));
        one.title = (at % 7 > 0).then(|| format!("Title {}", at % 5));
        one.source = (at % 8 > 0).then(|| "web".to_owned());
        one.deleted_at = (at % 16 == 9).then(|| admin.now());
        changes.put(&mut Stored::new(one));
    }
    commit(&admin, changes).await.unwrap();
    for sort in ["-created_at", "last_name", "-last_name", "title", "-title"] {
        let request = ListRequest { sort: Some(sort.to_owned()), limit: Some(200), ..ListRequest::default() };
        let all = admin.contacts().list(&request).await.unwrap().data;
        let expected: Vec<_> = all.iter().filter(|one| one.source.is_some()).map(|one| one.id).collect();
        assert_eq!((all.len(), expected.len()), (75, 65));
        let filter = Some(Filter::is("source", Op::Eq, "WEB"));
        let mut request = ListRequest { filter, limit: Some(9), ..request };
        let mut found = Vec::new();
        loop {
            let page = admin.contacts().list(&request).await.unwrap();
            found.extend(page.data.iter().map(|one| one.id));
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "by {sort}");
    }
}

/// A contact that comes and goes; its values lie among those of the population.
fn visitor(at: usize, session: &Session) -> Contact {
    let texts = ["a", "Ünï", "istanbul", "z", "100%"];
    let text = (!at.is_multiple_of(3)).then(|| texts[at % texts.len()].to_owned());
    let now = session.now();
    Contact {
        first_name: text.clone(),
        last_name: text.clone(),
        title: text.clone(),
        source: text,
        created_at: if at.is_multiple_of(2) { crate::time::Timestamp::from_micros(1) } else { now },
        ..Contact::blank(Id::new_at(now), now)
    }
}

pub async fn pages_neither_skip_nor_repeat_while_rows_come_and_go(world: World) {
    let population = Population::settle(&world).await;
    let admin = world.session(Role::Admin).await;
    let other = world.second_session(Role::Admin).await;
    let lasting: BTreeSet<Uuid> =
        population.mirror.all::<Contact>().filter(|row| row.deleted_at.is_none()).map(|row| row.id.uuid()).collect();
    let mut visits = 0;
    // The time of change is left out: whoever changes a row moves it.
    for sort in sorts::<Contact>().into_iter().filter(|sort| !sort.ends_with("updated_at")) {
        let (grant, query) = query::<Contact>(&admin, &sort, 5);
        let (mut seen, mut after, mut guest) = (Vec::new(), None, None::<Stored<Contact>>);
        loop {
            let (page, _) = Contact::listed(&world, &grant, &query.from_position(after)).await.unwrap();
            seen.extend(ids(&page.rows));
            assert!(seen.len() <= 1_000, "the pages do not end");
            let mut changes = other.changes();
            if let Some(mut gone) = guest.take() {
                gone.deleted_at = Some(changes.now());
                changes.put(&mut gone);
            }
            let mut next_guest = Stored::new(visitor(visits, &other));
            changes.put(&mut next_guest);
            commit(&other, changes).await.unwrap();
            (guest, visits) = (Some(next_guest), visits + 1);
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        let once: BTreeSet<Uuid> = seen.iter().copied().collect();
        assert_eq!(once.len(), seen.len(), "by {sort} something came twice");
        assert!(once.is_superset(&lasting), "by {sort} something was skipped");
        // The last guest leaves as well.
        other.contacts().delete(guest.unwrap().id, Expect::Any).await.unwrap();
    }
}

pub async fn rows_without_a_value_come_last_in_both_directions(world: World) {
    let admin = world.session(Role::Admin).await;
    for (name, title) in [("B", Some("x")), ("A", None), ("C", Some("y"))] {
        let edit = ContactEdit { title: title.map(Into::into).unwrap_or_default(), ..samples::contact(name) };
        contact(&admin, edit).await;
    }
    for (sort, expected) in [("title", ["B", "C", "A"]), ("-title", ["C", "B", "A"])] {
        let request = ListRequest { sort: Some(sort.to_owned()), ..samples::list() };
        assert_eq!(last_names(&admin, &request).await, expected);
    }
}

pub async fn the_latest_comes_first_where_no_order_is_asked_for(world: World) {
    let admin = world.session(Role::Admin).await;
    for name in ["A", "B", "C"] {
        contact(&admin, samples::contact(name)).await;
    }
    assert_eq!(last_names(&admin, &samples::list()).await, ["C", "B", "A"]);
}

pub async fn a_cursor_opens_its_own_list_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    for name in ["A", "B", "C"] {
        let edit = ContactEdit { tags: vec!["vip".to_owned()].into(), ..samples::contact(name) };
        contact(&admin, edit).await;
    }
    let first = ListRequest { limit: Some(2), sort: Some("last_name".to_owned()), ..filtered("tags has_any [vip]") };
    let page = admin.contacts().list(&first).await.unwrap();
    let cursor = page.next_cursor.unwrap();
    let with = |request: &ListRequest| ListRequest { cursor: Some(cursor.clone()), ..request.clone() };
    assert_eq!(last_names(&admin, &with(&first)).await, ["C"]);

    let other_sort = ListRequest { sort: Some("first_name".to_owned()), ..first.clone() };
    let turned = ListRequest { sort: Some("-last_name".to_owned()), ..first.clone() };
    let other_filter = ListRequest { filter: None, ..first.clone() };
    let other_search = ListRequest { q: Some("a".to_owned()), ..first.clone() };
    for request in [other_sort, turned, other_filter, other_search] {
        invalid_at(admin.contacts().list(&with(&request)).await, "cursor");
    }
    let of_contacts = ListRequest { sort: None, filter: None, limit: Some(2), ..samples::list() };
    let cursor = admin.contacts().list(&of_contacts).await.unwrap().next_cursor;
    invalid_at(admin.companies().list(&ListRequest { cursor, ..of_contacts }).await, "cursor");
}

pub async fn a_forged_cursor_is_invalid(world: World) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let admin = world.session(Role::Admin).await;
    for name in ["A", "B"] {
        contact(&admin, samples::contact(name)).await;
    }
    let first = ListRequest { limit: Some(1), sort: Some("last_name".to_owned()), ..samples::list() };
    let genuine = admin.contacts().list(&first).await.unwrap().next_cursor.unwrap();
    let sealed = URL_SAFE_NO_PAD.decode(&genuine).unwrap();
    let forged = [
        String::new(),
        "?".to_owned(),
        "é".to_owned(),
        "A".repeat(100_000),
        genuine[..genuine.len() - 4].to_owned(),
        format!("{genuine}A"),
        URL_SAFE_NO_PAD.encode(&sealed[..16]),
        URL_SAFE_NO_PAD.encode(&sealed[16..]),
        URL_SAFE_NO_PAD.encode("[]"),
    ];
    for cursor in forged {
        let request = ListRequest { cursor: Some(cursor.clone()), ..first.clone() };
        let error = refused(admin.contacts().list(&request).await);
        assert_eq!((error.kind(), error.fields()[0].field.as_str()), (Invalid, "cursor"), "{cursor}");
    }
}

pub async fn a_page_of_no_or_too_many_rows_is_invalid(world: World) {
    let admin = world.session(Role::Admin).await;
    for limit in [0, 201] {
        let request = ListRequest { limit: Some(limit), ..samples::list() };
        invalid_at(admin.contacts().list(&request).await, "limit");
    }
    for sort in ["nothing", "tags", "company_id", "--last_name", ""] {
        let request = ListRequest { sort: Some(sort.to_owned()), ..samples::list() };
        invalid_at(admin.contacts().list(&request).await, "sort");
    }
}

pub async fn a_total_counts_all_pages(world: World) {
    let admin = world.session(Role::Admin).await;
    for name in ["Ann", "Anna", "Bob"] {
        contact(&admin, samples::contact(name)).await;
    }
    let request = ListRequest { count: true, limit: Some(1), ..searched("ann") };
    let page = admin.contacts().list(&request).await.unwrap();
    assert_eq!((page.data.len(), page.total, page.total_is_capped), (1, Some(2), Some(false)));
    assert!(page.next_cursor.is_some());
    let grant = reading(&admin, Entity::Contact);
    let everything = grant.check_list::<Contact>(&samples::list(), admin.now()).unwrap();
    assert_eq!(world.crm.ports.contacts.count_contacts(&grant, &everything, 2).await.unwrap(), 2);
}

pub async fn tags_beside_a_filter_leave_its_places_and_depth_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    for (name, tag) in [("Ann", "vip"), ("Bob", "vip"), ("Cyd", "navy"), ("Dan", "army")] {
        let edit = ContactEdit { tags: vec![tag.to_owned()].into(), ..samples::contact(name) };
        contact(&admin, edit).await;
    }
    let tagged = |tags: &[&str], filter: Option<Filter>| ListRequest {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        sort: Some("last_name".to_owned()),
        filter,
        ..samples::list()
    };
    let listed = async |request: ListRequest| {
        let page = admin.contacts().list(&request).await.unwrap();
        page.data.iter().filter_map(|contact| contact.last_name.clone()).collect::<Vec<_>>()
    };
    let not_ann = || Filter::is("last_name", Op::Ne, Scalar::Text("Ann".to_owned()));
    assert_eq!(listed(tagged(&["vip", "NAVY"], None)).await, ["Ann", "Bob", "Cyd"]);
    assert_eq!(listed(tagged(&["vip"], Some(not_ann()))).await, ["Bob"]);
    let deepest = (1..MAX_DEPTH).fold(not_ann(), |filter, _| Filter::All(vec![filter]));
    assert_eq!(listed(tagged(&["vip"], Some(deepest))).await, ["Bob"]);
    let unknown = Filter::is("nonsense", Op::Eq, Scalar::Text("x".to_owned()));
    invalid_at(admin.contacts().list(&tagged(&["vip"], Some(unknown))).await, "filter.field");
    invalid_at(admin.contacts().list(&tagged(&["a\u{0}b"], None)).await, "tags");
    invalid_at(admin.users().list(&tagged(&["vip"], None)).await, "tags");
    // A cursor belongs to its tags too.
    let first = admin.contacts().list(&ListRequest { limit: Some(1), ..tagged(&["vip"], None) }).await.unwrap();
    let other = ListRequest { cursor: first.next_cursor.clone(), ..tagged(&["navy"], None) };
    invalid_at(admin.contacts().list(&other).await, "cursor");
}
