//! What people did: notes, tasks, moves of deals and new records, by person and period.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::explain::Explainer;
use super::numbers::count;
use super::port::WorkKind;
use super::window::Window;
use crate::id::Id;
use crate::task::TaskKind;
use crate::time::{Period, Timestamp};
use crate::user::User;

/// What people did in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Activity {
    /// All of it.
    pub total: Done,
    /// How long a period is.
    pub every: Period,
    /// Period by period; those in which nothing was done are absent.
    pub periods: Vec<PeriodActivity>,
    /// By person, who did most first.
    pub people: Vec<PersonActivity>,
}

/// What was done. Kinds that the caller may not read are absent, as are new contacts and companies where
/// the question is about some deals.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Done {
    /// All of what follows.
    pub all: u64,
    /// Notes written, by their author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<u64>,
    /// Tasks done, by their assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TasksDone>,
    /// Moves of deals, by the deals' owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deals: Option<DealMoves>,
    /// Contacts made, by their owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_contacts: Option<u64>,
    /// Companies made, by their owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_companies: Option<u64>,
    /// Deals made, by their owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_deals: Option<u64>,
}

/// Tasks done, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TasksDone {
    /// Of all kinds.
    pub done: u64,
    /// Anything.
    pub to_do: u64,
    /// Telephone calls.
    pub call: u64,
    /// E-mails.
    pub email: u64,
    /// Meetings.
    pub meeting: u64,
    /// Coming back to somebody.
    pub follow_up: u64,
}

/// Moves of deals, by the stage that they led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DealMoves {
    /// From one stage to another that is open.
    pub moved: u64,
    /// Into a won stage.
    pub won: u64,
    /// Into a lost stage.
    pub lost: u64,
}

/// What was done in one period.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PeriodActivity {
    /// Its first day.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub period: NaiveDate,
    /// What was done.
    #[serde(flatten)]
    pub done: Done,
}

/// What one person did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonActivity {
    /// Who; absent for what nobody stands behind.
    pub user_id: Option<Id<User>>,
    /// Their name; absent where the caller does not see members.
    pub name: Option<String>,
    /// What they did.
    #[serde(flatten)]
    pub done: Done,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    Note,
    Task(TaskKind),
    DealMoved,
    DealWon,
    DealLost,
    NewContact,
    NewCompany,
    NewDeal,
}

/// One thing that somebody did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed {
    pub(super) act: Act,
    /// The note, the task, the deal or whatever it was done to.
    pub(super) record: Uuid,
    pub(super) person: Option<Id<User>>,
    pub(super) at: Timestamp,
}

/// What activities are made of.
pub(super) struct Log<'a> {
    pub(super) deeds: &'a [Deed],
    /// The kinds of work that are told.
    pub(super) told: BTreeSet<WorkKind>,
    pub(super) every: Period,
    pub(super) names: &'a BTreeMap<Id<User>, String>,
}

const ALL: &str = "all that is told below, added up; the records behind it, each once";
const NOTES: &str = "notes written in the window that are still there, by their author";
const TASKS: &str = "tasks that are done and were done in the window, by their assignee";
const MOVED: &str = "steps of deals in the window from one stage to another that is open, or is there no more, by the \
    deal's owner of today; the deals behind them";
const WON: &str = "steps of deals in the window into a won stage, by the deal's owner of today; the deals behind them";
const LOST: &str =
    "steps of deals in the window into a lost stage, by the deal's owner of today; the deals behind them";
const MADE: &str = "records made in the window that are still there, by their owner of today";

impl Log<'_> {
    fn counted(&self, place: &str, deeds: &[&Deed], explainer: &mut Explainer) -> Done {
        explainer.say(format!("{place}.all"), ALL, None, deeds.iter().map(|deed| Id::<()>::from(deed.record)));
        let mut tell = |kind: WorkKind, figure: &str, definition: &'static str, holds: &dyn Fn(Act) -> bool| {
            let own = || deeds.iter().filter(|deed| holds(deed.act));
            self.told.contains(&kind).then(|| {
                let records = own().map(|deed| Id::<()>::from(deed.record));
                explainer.say(format!("{place}.{figure}"), definition, None, records);
                count(own().count())
            })
        };
        let notes = tell(WorkKind::Notes, "notes", NOTES, &|act| act == Act::Note);
        let done = tell(WorkKind::Tasks, "tasks.done", TASKS, &|act| matches!(act, Act::Task(_)));
        let mut task = |kind: TaskKind| {
            let figure = format!("tasks.{}", kind.name());
            tell(WorkKind::Tasks, &figure, TASKS, &|act| act == Act::Task(kind)).unwrap_or(0)
        };
        let tasks = done.map(|done| TasksDone {
            done,
            to_do: task(TaskKind::ToDo),
            call: task(TaskKind::Call),
            email: task(TaskKind::Email),
            meeting: task(TaskKind::Meeting),
            follow_up: task(TaskKind::FollowUp),
        });
        let moved = tell(WorkKind::Deals, "deals.moved", MOVED, &|act| act == Act::DealMoved);
        let won = tell(WorkKind::Deals, "deals.won", WON, &|act| act == Act::DealWon);
        let lost = tell(WorkKind::Deals, "deals.lost", LOST, &|act| act == Act::DealLost);
        let deals = moved.zip(won).zip(lost).map(|((moved, won), lost)| DealMoves { moved, won, lost });
        Done {
            all: count(deeds.len()),
            notes,
            tasks,
            deals,
            new_contacts: tell(WorkKind::Contacts, "new_contacts", MADE, &|act| act == Act::NewContact),
            new_companies: tell(WorkKind::Companies, "new_companies", MADE, &|act| act == Act::NewCompany),
            new_deals: tell(WorkKind::Deals, "new_deals", MADE, &|act| act == Act::NewDeal),
        }
    }
}

/// What people did in a window.
pub(super) fn activity(log: &Log<'_>, window: Window, explainer: &mut Explainer) -> Activity {
    let deeds: Vec<&Deed> = log.deeds.iter().filter(|deed| window.holds(deed.at)).collect();
    let mut periods: BTreeMap<NaiveDate, Vec<&Deed>> = BTreeMap::new();
    let mut people: BTreeMap<Option<Id<User>>, Vec<&Deed>> = BTreeMap::new();
    let zone = window.time_zone;
    for deed in &deeds {
        periods.entry(zone.day(zone.start_of(log.every, deed.at))).or_default().push(deed);
        people.entry(deed.person).or_default().push(deed);
    }
    let total = log.counted("total", &deeds, explainer);
    let period = |(period, own): (NaiveDate, Vec<&Deed>)| {
        let done = log.counted(&format!("periods.{period}"), &own, explainer);
        PeriodActivity { period, done }
    };
    let periods = periods.into_iter().map(period).collect();
    let person = |(user_id, own): (Option<Id<User>>, Vec<&Deed>)| {
        let key = user_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        let done = log.counted(&format!("people.{key}"), &own, explainer);
        PersonActivity { user_id, name: user_id.and_then(|id| log.names.get(&id).cloned()), done }
    };
    let mut people: Vec<PersonActivity> = people.into_iter().map(person).collect();
    people.sort_by_key(|person| std::cmp::Reverse(person.done.all));
    Activity { total, every: log.every, periods, people }
}
