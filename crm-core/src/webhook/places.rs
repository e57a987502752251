//! Who is on the way to which endpoint: one that hangs must not hold up what goes to others.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::model::WebhookEndpoint;
use crate::crm::Crm;
use crate::id::Id;
use crate::time::Timestamp;

/// Messages that a process has on the way to one endpoint at once.
pub(super) const AT_ONCE: i64 = 2;
/// How long a message is taken to be on its way at least, in microseconds: answers of nearby endpoints come so soon
/// that turns would be told by the noise.
const LEAST_TRIP: i64 = 10_000;
/// The longest wait for a turn, in seconds: an endpoint that hung may be well again.
const MOST_WAIT: i64 = 5 * 60;

/// The places on the way to each endpoint, of one process. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<BTreeMap<Id<WebhookEndpoint>, Way>>>);

/// The way to one endpoint.
#[derive(Debug)]
struct Way {
    /// Messages on it.
    taken: i64,
    /// How long they are on it by now, in microseconds.
    trip: i64,
    /// The last turn that was given to one that waits.
    given: Timestamp,
}

/// A place on the way to an endpoint; when it is dropped, whatever the reason, another has it.
pub(super) struct Place {
    places: Places,
    endpoint: Id<WebhookEndpoint>,
    crm: Crm,
    /// When its message set out; never where nothing is sent.
    sent: OnceLock<Timestamp>,
}

impl Places {
    /// A place on the way to an endpoint; where all are taken, the turn of whoever asks.
    pub(super) fn take(&self, endpoint: Id<WebhookEndpoint>, crm: &Crm) -> Result<Place, Timestamp> {
        let now = crm.now();
        let mut ways = self.0.lock();
        let way = ways.entry(endpoint).or_insert(Way { taken: 0, trip: LEAST_TRIP, given: now });
        if way.taken >= AT_ONCE {
            return Err(way.give_turn(now));
        }
        way.taken += 1;
        Ok(Place { places: self.clone(), endpoint, crm: crm.clone(), sent: OnceLock::new() })
    }

    fn free(&self, endpoint: Id<WebhookEndpoint>, trip: Option<i64>, now: Timestamp) {
        let mut ways = self.0.lock();
        let Some(way) = ways.get_mut(&endpoint) else { return };
        way.taken -= 1;
        if let Some(trip) = trip {
            way.trip = ((way.trip + trip) / 2).max(LEAST_TRIP);
        }
        if way.taken <= 0 && way.given <= now {
            ways.remove(&endpoint);
        }
    }
}

impl Way {
    /// The turn of one more that waits: after those before it, as fast as messages get there by now. So a thousand
    /// that wait for an endpoint which hangs do not all ask again at once.
    fn give_turn(&mut self, now: Timestamp) -> Timestamp {
        let turn = self.given.max(now).micros().saturating_add(self.trip / AT_ONCE);
        self.given = Timestamp::from_micros(turn).min(now.plus_seconds(MOST_WAIT));
        self.given
    }
}

impl Place {
    /// Says that a message sets out now. A place that none sets out from tells nothing of the way.
    pub(super) fn set_out(&self) {
        self.sent.get_or_init(|| self.crm.now());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.crm.now();
        // A clock that went back tells nothing.
        let trip = self.sent.get().map(|sent| now.micros().saturating_sub(sent.micros()).max(0));
        self.places.free(self.endpoint, trip, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{FakeClock, MemoryStore};

    fn endpoint(number: i64) -> Id<WebhookEndpoint> {
        Id::new_at(Timestamp::from_micros(number))
    }

    fn engine() -> (Crm, Arc<FakeClock>) {
        let clock = Arc::new(FakeClock::at("2026-03-02T12:00:00Z".parse().unwrap()));
        clock.tick_micros(0);
        (Crm::builder(MemoryStore::new()).clock(clock.clone()).build(), clock)
    }

    #[test]
    fn each_endpoint_has_its_own_places_and_gets_them_back() {
        let ((crm, _), places) = (engine(), Places::default());
        let (one, other) = (endpoint(1), endpoint(2));
        let held = [places.take(one, &crm), places.take(one, &crm)].map(Result::ok);
        assert!(held.iter().all(Option::is_some) && places.take(one, &crm).is_err());
        assert!(places.take(other, &crm).is_ok());
        drop(held);
        assert!(places.take(one, &crm).is_ok());
    }

    #[test]
    fn turns_come_as_fast_as_messages_get_there_and_never_too_late() {
        let ((crm, clock), places) = (engine(), Places::default());
        let one = endpoint(1);
        let _held = places.take(one, &crm).ok().unwrap();
        let hung = places.take(one, &crm).ok().unwrap();
        hung.set_out();
        clock.advance_seconds(16);
        drop(hung);
        // What sends nothing is on no way.
        (0..20).for_each(|_| drop(places.take(one, &crm).ok().unwrap()));
        let _again = places.take(one, &crm).ok().unwrap();
        let now = crm.now();
        let turns: Vec<Timestamp> = (0..200).map(|_| places.take(one, &crm).err().unwrap()).collect();
        assert!(turns.is_sorted() && turns[0] >= now.plus_seconds(4) && turns[1] >= now.plus_seconds(8));
        assert_eq!(turns[199], now.plus_seconds(MOST_WAIT));
    }

    #[test]
    fn an_endpoint_that_nobody_is_on_the_way_to_is_forgotten() {
        let ((crm, _), places) = (engine(), Places::default());
        drop(places.take(endpoint(1), &crm));
        assert!(places.0.lock().is_empty());
    }
}
