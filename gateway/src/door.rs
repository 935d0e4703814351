//! What a door lets in: a rate for all callers together, and a number in flight.
//!
//! Whoever is refused here was not accepted: nothing is recorded, and a retry is safe (I9).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Both doors share one: an attack through one door must not be cheaper than through two.
#[derive(Clone)]
pub struct Door {
    rate: Arc<RateLimiter<NotKeyed, InMemoryState, DefaultClock>>,
    in_flight: Arc<Semaphore>,
    in_flight_max: usize,
    shed: Arc<Counts>,
}

/// How many were not let in.
#[derive(Default)]
struct Counts {
    rate: AtomicU64,
    in_flight: AtomicU64,
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// More per second than configured.
    #[error("more requests per second than this gateway is configured for; try again in a second")]
    Rate,
    /// More in flight than configured.
    #[error("too many requests in flight at this gateway; try again in a second")]
    InFlight,
}

impl Door {
    /// A door for `per_second` requests, with a burst of as many, and `in_flight_max` at once.
    pub fn new(per_second: NonZeroU32, in_flight_max: usize) -> Self {
        Self {
            rate: Arc::new(RateLimiter::direct(Quota::per_second(per_second))),
            in_flight: Arc::new(Semaphore::new(in_flight_max)),
            in_flight_max,
            shed: Arc::default(),
        }
    }

    /// Lets one request in for as long as the permit lives.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, Shed> {
        let admitted = self.try_admit();
        if let Err(shed) = &admitted {
            self.count(*shed).fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// How many are in.
    pub fn in_flight(&self) -> usize {
        self.in_flight_max
            .saturating_sub(self.in_flight.available_permits())
    }

    /// How many may be in.
    pub fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    /// How many were not let in for this cause.
    pub fn shed(&self, cause: Shed) -> u64 {
        self.count(cause).load(Ordering::Relaxed)
    }

    /// As [`Door::admit`], without counting who is not let in: they ask again.
    pub fn try_admit(&self) -> Result<OwnedSemaphorePermit, Shed> {
        self.rate.check().map_err(|_| Shed::Rate)?;
        Arc::clone(&self.in_flight)
            .try_acquire_owned()
            .map_err(|_| Shed::InFlight)
    }

    fn count(&self, cause: Shed) -> &AtomicU64 {
        match cause {
            Shed::Rate => &self.shed.rate,
            Shed::InFlight => &self.shed.in_flight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_over_the_rate_is_shed_and_permits_come_back() {
        let two = NonZeroU32::new(2).unwrap();
        let door = Door::new(two, 10);
        let _first = door.admit().unwrap();
        let _second = door.admit().unwrap();
        assert_eq!(door.admit().err(), Some(Shed::Rate));

        let narrow = Door::new(NonZeroU32::new(100).unwrap(), 1);
        let only = narrow.admit().unwrap();
        assert_eq!(narrow.in_flight(), 1);
        assert_eq!(narrow.admit().err(), Some(Shed::InFlight));
        drop(only);
        assert_eq!(narrow.in_flight(), 0);
        assert!(narrow.admit().is_ok());
        assert_eq!(
            (narrow.shed(Shed::Rate), narrow.shed(Shed::InFlight)),
            (0, 1)
        );
    }
}
