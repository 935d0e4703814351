//! What happened to orders, event by event, and what follows from it: the same while the gateway runs and
//! when it reads its audit file at the start.

use serde::{Deserialize, Serialize};

use super::Moment;
use super::in_force::InForce;
use super::order::{Draft, Order};
use super::scope::ScopeError;
use crate::identity::Keys;

/// While an order is in force there is a line in the audit file at least so often, which says that the
/// machine was still on.
const NOTED_EVERY_MS: u64 = 60_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The gateway started.
    Started {
        /// What is in force from now on.
        carried: Vec<Carried>,
        /// What is not any more.
        ended: Vec<u64>,
    },
    /// An order was placed.
    Placed {
        /// Its number.
        number: u64,
        /// What was ordered.
        order: Draft,
        /// When it ends, in milliseconds since the machine started.
        ends_ms: u64,
    },
    /// An order was taken back.
    Cancelled {
        /// Its number.
        number: u64,
        /// By whom.
        author: String,
        /// Why.
        reason: String,
    },
    /// The time of orders was over.
    Expired {
        /// Their numbers.
        numbers: Vec<u64>,
    },
    /// The machine is still on.
    Noted,
}

/// An order that goes on after a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// Its number.
    pub number: u64,
    /// What is left of its time, in milliseconds.
    pub left_ms: u64,
}

/// What follows from all events so far.
#[derive(Debug, Clone, Default)]
pub struct History {
    in_force: InForce,
    /// When the last event was: of which start of the machine, and milliseconds since then.
    last: Option<(u128, u64)>,
    /// The highest number of an order.
    number: u64,
}

impl History {
    /// The orders that are not over as far as is known.
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// The number of the next order.
    pub fn next_number(&self) -> u64 {
        self.number.saturating_add(1)
    }

    /// Takes an event.
    ///
    /// # Errors
    /// An order has a scope that none can have. Nothing was changed.
    pub fn take(&mut self, at: Moment, event: &Event, keys: &Keys) -> Result<(), ScopeError> {
        match event {
            Event::Started { carried, .. } => self.go_on_with(carried, at.boot_ms),
            Event::Placed {
                number,
                order,
                ends_ms,
            } => {
                let bins = order.scope.digests(keys)?;
                self.number = self.number.max(*number);
                self.in_force.add(Order {
                    number: *number,
                    draft: order.clone(),
                    ends_ms: *ends_ms,
                    bins,
                });
            }
            Event::Cancelled { number, .. } => self.in_force.remove(*number),
            Event::Expired { numbers } => {
                numbers
                    .iter()
                    .for_each(|number| self.in_force.remove(*number));
            }
            Event::Noted => {}
        }
        self.last = Some((at.boot, at.boot_ms));
        Ok(())
    }

    /// What a start makes of the orders; see [`super`]. `whole` says that nothing may have happened which
    /// is not known here.
    pub fn started(&self, now: Moment, whole: bool) -> Event {
        let (mut carried, mut ended) = (Vec::new(), Vec::new());
        for order in self.in_force.clone().into_orders() {
            let number = order.number;
            match self.left_ms(&order, now, whole) {
                0 => ended.push(number),
                left_ms => carried.push(Carried { number, left_ms }),
            }
        }
        Event::Started { carried, ended }
    }

    fn left_ms(&self, order: &Order, now: Moment, whole: bool) -> u64 {
        let risks_money = order.draft.what.risks_money();
        match self.last {
            _ if risks_money && !whole => 0,
            Some((boot, last_ms)) if boot == now.boot && boot != 0 && last_ms <= now.boot_ms => {
                order.left_ms(now.boot_ms)
            }
            Some((_, last_ms)) if !risks_money => {
                order.left_ms(last_ms.saturating_add(NOTED_EVERY_MS))
            }
            _ => 0,
        }
    }

    /// What is to be written down now, if anything: orders whose time is over, or that the machine is on.
    pub fn due(&self, now: Moment) -> Option<Event> {
        let numbers = self.in_force.over(now.boot_ms);
        if !numbers.is_empty() {
            return Some(Event::Expired { numbers });
        }
        let (_, last_ms) = self.last?;
        let is_due = now.boot_ms.saturating_sub(last_ms) >= NOTED_EVERY_MS;
        (is_due && !self.in_force.is_empty()).then_some(Event::Noted)
    }

    fn go_on_with(&mut self, carried: &[Carried], now_ms: u64) {
        let orders = std::mem::take(&mut self.in_force).into_orders();
        let on = orders.into_iter().filter_map(|order| {
            let on = carried.iter().find(|on| on.number == order.number)?;
            Some(Order {
                ends_ms: now_ms.saturating_add(on.left_ms),
                ..order
            })
        });
        self.in_force = InForce::of(on.collect());
    }
}

#[cfg(test)]
mod tests;
