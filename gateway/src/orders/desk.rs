//! Where orders are placed and taken back, and where every authorization asks for them.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use fallback::Request;
use serde::Serialize;
use tracing::{error, info, warn};

use super::Moment;
use super::audit::{Audit, AuditError, Contents, Damage, Head};
use super::history::{Event, History};
use super::in_force::{InForce, ORDERS_MAX};
use super::order::{Draft, DraftError, Order, What, who_and_why};
use super::scope::Scope;
use crate::identity::Keys;

/// What may be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The longest time of an order, in seconds.
    pub seconds_max: u64,
}

/// The orders of a gateway.
pub struct Desk {
    keys: Arc<Keys>,
    terms: Terms,
    /// What authorizations and status pages look at: written after the audit file, and never held while
    /// somebody waits for the disk.
    seen: RwLock<Seen>,
    book: Mutex<Book>,
}

/// What follows from what is written down.
#[derive(Default)]
struct Seen {
    in_force: InForce,
    next_number: u64,
    lines: u64,
    head: Head,
    error: Option<AuditError>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

struct Book {
    history: History,
    audit: Result<Audit, AuditError>,
}

/// Why an order is not placed, or not taken back. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It says something that it cannot.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Every authorization is held against each of them.
    #[error("{ORDERS_MAX} orders are in force; cancel one of them")]
    TooMany,
    /// There is none in force with this number.
    #[error("no order in force has this number; list them")]
    Unknown,
    /// It could not be written down.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// An order, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its number.
    pub number: u64,
    /// What it says.
    pub what: What,
    /// Of which authorizations.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// By whom.
    pub author: String,
    /// What is left of its time, in seconds, rounded up.
    pub seconds_left: u64,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// The orders in force, the oldest first.
    pub orders: Vec<Shown>,
    /// The lines of the audit file.
    pub audit_lines: u64,
    /// The hash of the last one.
    pub audit_head: String,
    /// Why no order is taken, if none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_error: Option<String>,
}

impl Shown {
    /// As it is at this moment of the boot clock.
    pub fn of(order: &Order, now_ms: u64) -> Self {
        let draft = &order.draft;
        Self {
            number: order.number,
            what: draft.what,
            scope: draft.scope.clone(),
            reason: draft.reason.clone(),
            author: draft.author.clone(),
            seconds_left: order.left_ms(now_ms).div_ceil(1_000),
        }
    }
}

impl Desk {
    /// Reads what was ordered before from the audit file in this directory, and writes down that the
    /// gateway starts. Where the file is damaged or cannot be used no order is taken; the gateway serves
    /// all the same.
    pub fn open(directory: &Path, keys: Arc<Keys>, terms: Terms, now: Moment) -> Self {
        let (contents, mut audit) = Audit::open(directory);
        let mut history = History::default();
        if let Err(damage) = retell(&contents, &mut history, &keys)
            && audit.is_ok()
        {
            let path = directory.join(super::audit::FILE);
            audit = Err(AuditError::Damaged { path, damage });
        }
        if contents.torn > 0 && audit.is_ok() {
            warn!(
                bytes = contents.torn,
                "cut off the audit file of orders what a crash had left of a line: nothing of it counted"
            );
        }
        let started = history.started(now, audit.is_ok());
        if let Ok(file) = &mut audit
            && let Err(error) = file.append(now, &started)
        {
            audit = Err(error);
        }
        say_started(&started, &history, now);
        if let Err(error) = &audit {
            error!(%error, "no order of an operator is taken");
        }
        // Its scopes were read before: they cannot fail here.
        let _ = history.take(now, &started, &keys);
        let book = Book { history, audit };
        Self {
            keys,
            terms,
            seen: RwLock::new(book.seen()),
            book: Mutex::new(book),
        }
    }

    /// What the orders in force say of an authorization.
    pub fn ruling(&self, request: &Request, now_ms: u64) -> Option<What> {
        let in_force = &self.seen().in_force;
        if in_force.is_empty() {
            return None;
        }
        in_force.ruling(&request.id, request.circumstances.bin, now_ms)
    }

    /// Checks an order without placing it.
    ///
    /// # Errors
    /// It would not be placed.
    pub fn check(&self, draft: Draft, now: Moment) -> Result<Order, Refusal> {
        self.may_place(&self.seen(), draft, now)
    }

    /// Places an order. Returns once it is written down and counts; waits for the disk.
    ///
    /// # Errors
    /// It does not count.
    pub fn place(&self, draft: Draft, now: Moment) -> Result<Shown, Refusal> {
        let mut book = self.book();
        let order = self.may_place(&book.seen(), draft, now)?;
        let shown = Shown::of(&order, now.boot_ms);
        let event = Event::Placed {
            number: order.number,
            order: order.draft,
            ends_ms: order.ends_ms,
        };
        self.happens(&mut book, now, &event)?;
        let (number, what, seconds) = (shown.number, shown.what.name(), shown.seconds_left);
        warn!(
            number,
            what, seconds, "an order is in force; the audit file says by whom and why"
        );
        Ok(shown)
    }

    /// Takes an order back. Returns once that is written down and counts; waits for the disk.
    ///
    /// # Errors
    /// It goes on.
    pub fn cancel(
        &self,
        number: u64,
        author: String,
        reason: String,
        now: Moment,
    ) -> Result<Shown, Refusal> {
        who_and_why(&author, &reason)?;
        let mut book = self.book();
        let order = (book.history.in_force().at(now.boot_ms)).find(|order| order.number == number);
        let shown = Shown::of(order.ok_or(Refusal::Unknown)?, now.boot_ms);
        let event = Event::Cancelled {
            number,
            author,
            reason,
        };
        self.happens(&mut book, now, &event)?;
        warn!(
            number,
            "an order is taken back; the audit file says by whom and why"
        );
        Ok(shown)
    }

    /// Writes down what the time has brought: call it every second. Orders whose time is over do not wait
    /// for it.
    pub fn look_at_the_clock(&self, now: Moment) {
        let mut book = self.book();
        while let Some(event) = book.history.due(now) {
            if let Event::Expired { numbers } = &event {
                info!(?numbers, "the time of orders is over");
            }
            if self.happens(&mut book, now, &event).is_err() {
                // It is over all the same, and a start finds that out again.
                let _ = self.took(&mut book, now, &event);
            }
        }
    }

    /// All that there is to see.
    pub fn overview(&self, now: Moment) -> Overview {
        let seen = self.seen();
        let orders = seen.in_force.at(now.boot_ms);
        Overview {
            orders: orders.map(|order| Shown::of(order, now.boot_ms)).collect(),
            audit_lines: seen.lines,
            audit_head: seen.head.as_str().to_owned(),
            audit_error: seen.error.as_ref().map(ToString::to_string),
        }
    }

    fn may_place(&self, seen: &Seen, draft: Draft, now: Moment) -> Result<Order, Refusal> {
        let order = draft.order(
            seen.next_number,
            now.boot_ms,
            self.terms.seconds_max,
            &self.keys,
        )?;
        if let Some(error) = &seen.error {
            return Err(error.clone().into());
        }
        if seen.in_force.at(now.boot_ms).count() >= ORDERS_MAX {
            return Err(Refusal::TooMany);
        }
        Ok(order)
    }

    /// Writes down what happens; then it counts.
    fn happens(&self, book: &mut Book, now: Moment, event: &Event) -> Result<(), Refusal> {
        let audit = book.audit.as_mut().map_err(|error| error.clone())?;
        if let Err(error) = audit.append(now, event) {
            error!(%error, "no order of an operator is taken any more");
            book.audit = Err(error.clone());
            self.show(book);
            return Err(error.into());
        }
        self.took(book, now, event)
    }

    fn took(&self, book: &mut Book, now: Moment, event: &Event) -> Result<(), Refusal> {
        (book.history.take(now, event, &self.keys)).map_err(DraftError::Scope)?;
        self.show(book);
        Ok(())
    }

    fn show(&self, book: &Book) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        *seen = book.seen();
    }

    fn seen(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn seen(&self) -> Seen {
        let (lines, head, error) = match &self.audit {
            Ok(audit) => (audit.head().1, audit.head().0.clone(), None),
            Err(error) => (0, Head::default(), Some(error.clone())),
        };
        Seen {
            in_force: self.history.in_force().clone(),
            next_number: self.history.next_number(),
            lines,
            head,
            error,
        }
    }
}

/// Takes every line of the file.
fn retell(contents: &Contents, history: &mut History, keys: &Keys) -> Result<(), Damage> {
    for line in &contents.lines {
        let taken = history.take(line.moment(), &line.event, keys);
        taken.map_err(|_| Damage {
            line: line.line,
            what: "holds a scope that no order can have",
        })?;
    }
    Ok(())
}

fn say_started(started: &Event, history: &History, now: Moment) {
    let Event::Started { carried, ended } = started else {
        return;
    };
    for on in carried {
        let seconds_left = on.left_ms.div_ceil(1_000);
        warn!(number = on.number, seconds_left, "an order goes on");
    }
    for number in ended {
        // Over by its own time, or because of a start of the machine or damage: the audit file tells.
        let early = (history.in_force().at(now.boot_ms)).any(|order| order.number == *number);
        warn!(number, early, "an order is over");
    }
}

#[cfg(test)]
mod tests;
