//! What people decide, and what time does: releases, expiry, advices that wait for a person.

use ledger_api::{
    AccountStatus, Action, AuthorizationId, Problem, Reason, ReleaseAnswer, ReleaseOutcome,
    Resolution, Resolved, Retry,
};

use super::Outcome;
use super::draft::{DraftOutcome, MarkAt};
use super::life::{Link, Stages};
use super::record::Record;
use super::working_set::{WorkingSet, refused, stored};

impl WorkingSet {
    /// The issuer lets go what is still held. Terminal states are immutable: on one it is refused.
    pub(super) fn release(&mut self, id: AuthorizationId) -> DraftOutcome {
        let Some(before) = self.record(&id) else {
            return not_released(id, no_such());
        };
        if before.life.stages.has(Stages::RELEASED) {
            return released(id, ReleaseOutcome::Already, MarkAt::Head);
        }
        if let Some(problem) = unreleasable(&before) {
            return not_released(id, problem);
        }
        let mut record = before.clone();
        record.life.stages.add(Stages::RELEASED);
        match self.book(record, Some(&before)) {
            Ok(mark) => released(id, ReleaseOutcome::Released, mark),
            Err(problem) => not_released(id, problem),
        }
    }

    /// Lets go what is still held and was placed by then; looked at again here, under the lock.
    pub(super) fn expire(&mut self, ids: &[AuthorizationId], held_by: u64) -> DraftOutcome {
        let mut expired = 0;
        for id in ids {
            let Some(before) = self.record(id) else {
                continue;
            };
            if !before.holds() || before.held_at > held_by {
                continue;
            }
            let mut record = before.clone();
            record.life.stages.add(Stages::EXPIRED);
            if self.book(record, Some(&before)).is_ok() {
                expired += 1;
            }
        }
        DraftOutcome {
            outcome: Outcome::Expired(expired),
            mark: MarkAt::Head,
        }
    }

    /// What a person has decided about an advice that waits. The same again changes nothing.
    pub(super) fn resolve(&mut self, id: &AuthorizationId, asked: &Resolution) -> DraftOutcome {
        let Some(before) = self.record(id) else {
            return refused(no_such());
        };
        let said = before.life.resolved.as_ref();
        if said.is_some_and(|said| said.action == asked.action && before.life.settled) {
            return stored(MarkAt::Head);
        }
        // What was settled may be decided otherwise, as long as it could wait.
        if before.parked.is_none() && !before.contested() {
            let detail = "it does not wait for anybody; look at it again";
            return refused(Problem::new("not_waiting", 409, Retry::Never, detail));
        }
        let mut record = before.clone();
        if let Err(problem) = self.apply(&mut record, asked.action) {
            return refused(problem);
        }
        record.life.resolved = Some(Resolved {
            action: asked.action,
            by: asked.by.clone(),
            note: asked.note.clone(),
            at: self.now.seconds,
        });
        record.life.settled = true;
        match self.book(record, Some(&before)) {
            Ok(mark) => stored(mark),
            Err(problem) => refused(problem),
        }
    }

    fn apply(&self, record: &mut Record, action: Action) -> Result<(), Problem> {
        let parked = record.parked.is_some();
        match action {
            Action::Seen if parked => Err(Problem::new(
                "parked",
                409,
                Retry::Never,
                "it is parked: book it or dismiss it",
            )),
            Action::Retry | Action::BookTo { .. } | Action::Dismiss if !parked => {
                Err(Problem::new(
                    "not_parked",
                    409,
                    Retry::Never,
                    "it is booked; it only wants to be seen",
                ))
            }
            Action::Seen | Action::Dismiss => Ok(()),
            Action::Retry => {
                let original = record.original().and_then(|id| self.record(&id));
                let of_card = self.card(&record.card).map(|card| card.state.account);
                let known = record.account.or(original.and_then(|it| it.account));
                record.account = known.or(of_card);
                self.unpark(record)
            }
            Action::BookTo { account } => {
                record.account = Some(account).filter(|account| !account.is_internal());
                self.unpark(record)?;
                self.detach(record);
                Ok(())
            }
        }
    }

    /// The hold of an increment is on its original's account: on another one it stands alone.
    fn detach(&self, record: &mut Record) {
        let original = record.original().and_then(|id| self.record(&id));
        let elsewhere = original.is_some_and(|it| it.account != record.account);
        if record.is_increment() && elsewhere {
            record.life.link = record.life.link.map(|link| Link {
                counts: false,
                ..link
            });
        }
    }

    fn unpark(&self, record: &mut Record) -> Result<(), Problem> {
        let account = record.account.and_then(|id| self.account(id));
        let cause = match account {
            None => Some(Reason::UnknownCard),
            Some(account) if account.status == AccountStatus::Closed => Some(Reason::AccountClosed),
            Some(account) if record.currency.is_some_and(|it| it != account.currency) => {
                Some(Reason::CurrencyMismatch)
            }
            Some(_) => None,
        };
        if let Some(cause) = cause {
            let detail = format!("it cannot be booked there ({cause}); nothing was done");
            return Err(Problem::new("still_parked", 409, Retry::Safe, detail));
        }
        record.parked = None;
        Ok(())
    }
}

fn unreleasable(record: &Record) -> Option<Problem> {
    let (name, detail) = if record.life.moved.is_some() {
        let detail = "it is a capture or a refund; reverse it";
        ("not_an_authorization", detail)
    } else if record.is_increment() {
        let detail = "its hold is with its original; release that one";
        ("held_by_original", detail)
    } else if record.is_over() {
        let detail = "it is captured, reversed, expired or declined; nothing is held for it";
        ("authorization_closed", detail)
    } else if record.standing().is_none() {
        let detail = "only messages about it are known, not the authorization itself";
        ("authorization_unknown", detail)
    } else {
        return None;
    };
    Some(Problem::new(name, 409, Retry::Never, detail))
}

fn no_such() -> Problem {
    let detail = "the books hold nothing under this id";
    Problem::new("not_found", 404, Retry::Never, detail)
}

fn not_released(id: AuthorizationId, problem: Problem) -> DraftOutcome {
    released(id, ReleaseOutcome::Refused { problem }, MarkAt::Head)
}

fn released(id: AuthorizationId, outcome: ReleaseOutcome, mark: MarkAt) -> DraftOutcome {
    let answer = ReleaseAnswer {
        id,
        outcome,
        mark: Default::default(),
    };
    DraftOutcome {
        outcome: Outcome::Released(answer),
        mark,
    }
}
