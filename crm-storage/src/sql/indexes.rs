//! Whether indexes serve what the catalogues offer: every condition of a filter but some, every order of a list, and
//! the newest of one value where lists rely on that, as the database plans the statements of the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use crm_core::access::{Action, Grant};
use crm_core::activity::Note;
use crm_core::company::Company;
use crm_core::contact::Contact;
use crm_core::deal::Deal;
use crm_core::filter::{Check, CheckedFilter, FieldKind, Literal, Op};
use crm_core::task::Task;
use crm_core::user::User;
use crm_core::{Actor, Crm, Entity, ListRequest, NaiveDate, Session, Timestamp};
use uuid::Uuid;

use super::fragment::Fragment;
use super::list::{Plans, Segment};
use super::predicate::predicate;
use super::room::{self, Room};
use super::{Conn, Store, columns, dialect};

/// What filters may ask for without an index, and why. Each index costs every write of its table; what is not here
/// has one.
const WITHOUT_INDEX: [(Entity, &str, &str); 1] =
    [(Entity::Task, "description", "longer than an entry of PostgreSQL's indexes; people search it by its words")];

/// A field of a kind of record, and what is asked of it.
type Asked = (&'static str, String, &'static str);

/// The product itself in the first workspace of a store.
pub(crate) async fn first_workspace(store: &Store) -> Session {
    let crm = Crm::builder(Arc::new(store.clone())).build();
    let workspace = crm.create_workspace("Own").await.unwrap().id;
    crm.acting(Actor::system(workspace, "test")).await.unwrap()
}

/// The law of filters and lists: `store` knows how many rows share a value, and that it is worth an index to find
/// those of another.
pub(crate) async fn indexes_serve_what_filters_and_lists_may_ask_for(store: &Store, session: &Session) {
    let mut unserved = BTreeSet::new();
    unserved.extend(unserved_of::<User>(store, session).await);
    unserved.extend(unserved_of::<Contact>(store, session).await);
    unserved.extend(unserved_of::<Company>(store, session).await);
    unserved.extend(unserved_of::<Deal>(store, session).await);
    unserved.extend(unserved_of::<Task>(store, session).await);
    unserved.extend(unserved_of::<Note>(store, session).await);
    let is_excused = |(kind, field, _): &Asked| {
        WITHOUT_INDEX.iter().any(|(entity, without, _)| entity.name() == *kind && without == field)
    };
    let excused: BTreeSet<&Asked> = unserved.iter().filter(|asked| is_excused(asked)).collect();
    let fields: BTreeSet<&str> = excused.iter().map(|(_, field, _)| field.as_str()).collect();
    assert_eq!(fields.len(), WITHOUT_INDEX.len(), "an excuse that is needed no more");
    assert_eq!(unserved.iter().collect::<BTreeSet<_>>(), excused);
}

/// What no index serves of a kind of record.
async fn unserved_of<T: Room>(store: &Store, session: &Session) -> BTreeSet<Asked> {
    let mut unserved = BTreeSet::new();
    let grant = session.require(T::ENTITY, Action::Read).unwrap();
    let workspace = store.workspace_key(grant.workspace_id()).await.unwrap();
    for field in &T::catalogue().fields {
        // Tags have a table of their own, by tag.
        let Some(column) = columns::column(T::ENTITY, &field.key).unwrap().sorted_by() else { continue };
        let checks = if field.filterable { checks(&field.kind) } else { Vec::new() };
        for (what, check) in checks {
            let is_one_value = matches!(check, Check::Eq(_));
            let filter = predicate(room::place::<T>(workspace), &CheckedFilter::is(field.clone(), check));
            let found = selection::<T>().then(room::live::<T>(workspace).and(filter));
            if is_one_value && columns::is_ordered_by_making(T::ENTITY, &field.key) {
                let newest = found.clone().sql(" ORDER BY created_at DESC, id DESC LIMIT 51");
                if !is_found_in_order(store, newest, column).await {
                    unserved.insert((T::ENTITY.name(), field.key.to_string(), "order of making"));
                }
            }
            let plan = plan(store, found).await;
            let by = match field.kind {
                // An index of the true ones alone.
                FieldKind::Bool => plan.contains(&format!("{}_{column}", T::TABLE)),
                _ => ["=", "<", ">"].iter().any(|operator| plan.contains(&format!("{column}{operator}"))),
            };
            if !by {
                unserved.insert((T::ENTITY.name(), field.key.to_string(), what));
            }
        }
        for sort in [field.key.to_string(), format!("-{}", field.key)].into_iter().filter(|_| field.sortable) {
            if !is_walked_in_order::<T>(store, &grant, workspace, &sort).await {
                unserved.insert((T::ENTITY.name(), sort, "sort"));
            }
        }
    }
    unserved
}

/// Equality, a range and a beginning, as far as a field can be asked for them, for values that no record has.
fn checks(kind: &FieldKind) -> Vec<(&'static str, Check)> {
    let literal = match kind {
        FieldKind::Text => Literal::Text("zz".to_owned()),
        FieldKind::Choice(choices) => Literal::Text(choices.iter().last().unwrap().to_owned()),
        FieldKind::Integer => Literal::Integer(7_000_000),
        FieldKind::Real => Literal::Real(7e6),
        FieldKind::Time => Literal::Time("2999-01-01T00:00:00Z".parse().unwrap()),
        FieldKind::Date => Literal::Date(NaiveDate::from_ymd_opt(2999, 1, 1).unwrap()),
        FieldKind::Bool => Literal::Bool(true),
        FieldKind::Money => Literal::Money { amount_minor: 7_000_000, currency: "USD".to_owned() },
        FieldKind::Reference(_) => Literal::Id(Uuid::from_u128(7)),
        FieldKind::Tags => return Vec::new(),
    };
    let mut checks = vec![("equality", Check::Eq(literal.clone()))];
    if kind.ops().contains(&Op::Gt) {
        checks.push(("range", Check::Gt(literal)));
    }
    if kind.ops().contains(&Op::StartsWith) {
        checks.push(("beginning", Check::StartsWith("zz".to_owned())));
    }
    checks
}

/// Whether the pages of a list in this order, those with a value and those without, need no sorting.
async fn is_walked_in_order<T: Room>(store: &Store, grant: &Grant, workspace: i64, sort: &str) -> bool {
    let request = ListRequest { sort: Some(sort.to_owned()), ..ListRequest::default() };
    let query = grant.check_list::<T>(&request, Timestamp::from_micros(0)).unwrap();
    for Segment { which, order } in Plans::of::<T>(workspace, &query).unwrap().planned.segments {
        let page = selection::<T>().then(which).sql(" ORDER BY ").then(order).sql(" LIMIT 51");
        if sorts(&plan(store, page).await) {
            return false;
        }
    }
    true
}

/// Whether a statement finds its rows by this column and sorts nothing.
async fn is_found_in_order(store: &Store, statement: Fragment, column: &str) -> bool {
    let plan = plan(store, statement).await;
    plan.contains(&format!("{column}=")) && !sorts(&plan)
}

/// Whether rows are sorted.
fn sorts(plan: &str) -> bool {
    plan.contains("Sort") || plan.contains("TEMPB-TREE")
}

fn selection<T: Room>() -> Fragment {
    Fragment::new("SELECT ").sql(T::TABLE).sql(".id FROM ").sql(T::TABLE).sql(" WHERE ")
}

/// How a statement looks rows up and sorts them, without spaces; what rows are looked at for besides is left out.
async fn plan(store: &Store, statement: Fragment) -> String {
    let plan = store.pools.read(async move |conn: &mut Conn| dialect::plan(conn, statement).await).await.unwrap();
    let lines = plan.iter().filter(|line| !line.trim_start().starts_with("Filter:"));
    lines.flat_map(|line| line.split_whitespace()).collect()
}
