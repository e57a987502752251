//! From lead to customer: how far the contacts of a window have come.

use serde::Serialize;

use super::explain::Explainer;
use super::numbers::{count, share};
use super::window::Window;
use crate::contact::{Contact, Lifecycle};
use crate::id::Id;
use crate::time::Timestamp;

/// What the funnel is made of: a contact with few of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactFact {
    /// The contact.
    pub id: Id<Contact>,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How far contacts have come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Funnel {
    /// Contacts that were made in the window, those outside of the funnel included.
    pub contacts: u64,
    /// Lead, qualified, opportunity and customer, one after the other.
    pub steps: Vec<FunnelStep>,
    /// Of those who were customers, the ones who have left.
    pub churned: u64,
    /// Contacts outside of the funnel, as partners.
    pub other: u64,
}

/// One step of the funnel.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FunnelStep {
    /// Its lifecycle.
    pub lifecycle: Lifecycle,
    /// Contacts that stand here.
    pub here: u64,
    /// Contacts that stand here or further on; whoever has left was a customer.
    pub reached: u64,
    /// Of those, the share that reached the next step.
    pub next_rate: Option<f64>,
    /// Of the contacts in the funnel, the share that reached this step.
    pub cumulative_rate: Option<f64>,
}

const STEPS: [Lifecycle; 4] = [Lifecycle::Lead, Lifecycle::Qualified, Lifecycle::Opportunity, Lifecycle::Customer];
const CONTACTS: &str = "contacts that were made in the window";
const HERE: &str = "contacts made in the window that stand here";
const REACHED: &str = "contacts made in the window that stand here or further on; a churned one was a customer; one that \
    went back counts where it stands";
const NEXT: &str = "contacts that reached the next step divided by contacts that reached this one";
const CUMULATIVE: &str = "contacts that reached this step divided by all contacts in the funnel";

/// How far along a contact is; none for one outside of the funnel.
fn step(lifecycle: Lifecycle) -> Option<usize> {
    match lifecycle {
        Lifecycle::Lead => Some(0),
        Lifecycle::Qualified => Some(1),
        Lifecycle::Opportunity => Some(2),
        Lifecycle::Customer | Lifecycle::Churned => Some(3),
        Lifecycle::Other => None,
    }
}

/// How far the contacts of a window have come.
pub(crate) fn funnel(facts: &[ContactFact], window: Window, explainer: &mut Explainer) -> Funnel {
    let made: Vec<&ContactFact> = facts.iter().filter(|fact| window.holds(fact.created_at)).collect();
    let reached = |least: usize| made.iter().filter(move |fact| step(fact.lifecycle) >= Some(least));
    let standing = |at: Lifecycle| made.iter().filter(move |fact| fact.lifecycle == at);
    let all = count(reached(0).count());
    let steps = STEPS.iter().enumerate().map(|(at, lifecycle)| {
        let place = |figure: &str| format!("steps.{}.{figure}", lifecycle.name());
        let (here, here_or_on) = (count(standing(*lifecycle).count()), count(reached(at).count()));
        let further = (at + 1 < STEPS.len()).then(|| count(reached(at + 1).count()));
        explainer.say(place("here"), HERE, None, standing(*lifecycle).map(|fact| fact.id));
        explainer.say(place("reached"), REACHED, None, reached(at).map(|fact| fact.id));
        if further.is_some() {
            explainer.say(place("next_rate"), NEXT, Some(here_or_on), reached(at + 1).map(|fact| fact.id));
        }
        explainer.say(place("cumulative_rate"), CUMULATIVE, Some(all), reached(at).map(|fact| fact.id));
        FunnelStep {
            lifecycle: *lifecycle,
            here,
            reached: here_or_on,
            next_rate: further.and_then(|further| share(further, here_or_on)),
            cumulative_rate: share(here_or_on, all),
        }
    });
    let steps = steps.collect();
    explainer.say("contacts", CONTACTS, None, made.iter().map(|fact| fact.id));
    for (figure, lifecycle) in [("churned", Lifecycle::Churned), ("other", Lifecycle::Other)] {
        explainer.say(figure, HERE, None, standing(lifecycle).map(|fact| fact.id));
    }
    Funnel {
        contacts: count(made.len()),
        steps,
        churned: count(standing(Lifecycle::Churned).count()),
        other: count(standing(Lifecycle::Other).count()),
    }
}
