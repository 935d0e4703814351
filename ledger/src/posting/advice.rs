//! Booking what was told: verbatim, in any order, at least once → exactly one effect (I2, I13).

use ledger_api::{
    AccountStatus, Action, Advice, AdviceAnswer, AdviceItem, AdviceOutcome, AdviceSource, Amount,
    Currency, Fingerprint, GatewayId, Problem, Reason, Resolved, Retry, Reversal, Verdict,
};

use super::draft::{DraftOutcome, MarkAt};
use super::life::{Moved, MovedKind};
use super::record::Record;
use super::working_set::WorkingSet;

/// What came of adding a message to the facts.
#[derive(Debug, Clone, Copy, Default)]
struct Merged {
    /// Why it cannot be booked.
    parked: Option<Reason>,
    /// It contradicts what is known under its id.
    conflict: bool,
}

impl WorkingSet {
    pub(super) fn advise(&mut self, gateway: &GatewayId, item: &AdviceItem) -> DraftOutcome {
        let before = match self.record(&item.id()) {
            Some(known) if matches!(item, AdviceItem::Reversal(_)) => Some(known),
            Some(known) => match self.adopt(known, item.card()) {
                Ok(known) => Some(known),
                Err(problem) => return failed(item, problem),
            },
            None => None,
        };
        let mut record = before
            .clone()
            .unwrap_or_else(|| Record::new(item.id(), item.card(), None));
        if record.account.is_none() && record.parked.is_none() {
            record.account = self.card(&record.card).map(|card| card.state.account);
        }
        let mut merged = self.merge(&mut record, gateway, item, before.as_ref());
        if let Some(known) = before.as_ref().filter(|it| it.only_parked_again(&record)) {
            record = known.clone();
            merged.parked = None;
        }
        let unchanged = before.as_ref() == Some(&record);
        // Something new was told about what a person had settled.
        record.life.settled &= unchanged;
        let settled = record.life.settled;
        let mark = match self.book(record, before.as_ref()) {
            Ok(mark) => mark,
            Err(problem) => return failed(item, problem),
        };
        // Parked again for a repeat: the gateway keeps charging what nobody has booked (rule 14).
        let outcome = match merged.parked {
            Some(reason) if !settled => AdviceOutcome::Parked { reason },
            _ if unchanged => AdviceOutcome::Duplicate,
            _ => AdviceOutcome::Applied,
        };
        advised(item, outcome, merged.conflict, mark)
    }

    /// A capture or a refund that its caller can still correct: what makes no sense is refused by name,
    /// and nothing is kept of it.
    pub(super) fn settle(&mut self, gateway: &GatewayId, item: &AdviceItem) -> DraftOutcome {
        match senseless(item) {
            Some(problem) => failed(item, problem),
            None => self.advise(gateway, item),
        }
    }

    fn merge(
        &self,
        record: &mut Record,
        gateway: &GatewayId,
        item: &AdviceItem,
        before: Option<&Record>,
    ) -> Merged {
        let mut merged = match item {
            AdviceItem::Advice(advice) => self.merge_advice(record, gateway, advice),
            AdviceItem::Reversal(reversal) => {
                return merge_reversal(record, reversal);
            }
            AdviceItem::Capture(_) | AdviceItem::Refund(_) => self.merge_moved(record, item),
        };
        if merged.parked.is_none() && record.parked.is_none() && self.closed(record, before) {
            record.parked = Some(Reason::AccountClosed);
            merged.parked = record.parked;
        }
        merged
    }

    /// True where an account that is closed would have to bear more than it does. What it bore when it
    /// was closed, it may be told again.
    fn closed(&self, record: &Record, before: Option<&Record>) -> bool {
        let account = record.account.and_then(|id| self.account(id));
        let was = before.map(Record::contribution).unwrap_or_default();
        account.is_some_and(|account| account.status == AccountStatus::Closed)
            && (record.effect() > record.effect_minor
                || record.contribution().holds_more_than(&was))
    }

    /// A capture or a refund says all of itself at once, so a message with other content under its id
    /// adds nothing: the first one stands.
    fn merge_moved(&self, record: &mut Record, item: &AdviceItem) -> Merged {
        let Some(said) = Said::of(item) else {
            return Merged::default();
        };
        if record.is_told() {
            let same = record.moved_as(&said)
                && record.card == item.card()
                && record.life.link.map(|link| link.original) == item.original();
            record.differing |= !same;
            let parked = record.parked;
            return Merged {
                parked,
                conflict: !same,
            };
        }
        record.differing |= record.card != item.card();
        record.life.moved = Some(said.moved);
        record.fingerprint = Some(said.fingerprint);
        record.requested = said.moved.amount;
        self.attach(record, item.original());
        if said.moved.amount.is_zero() {
            return Merged::default();
        }
        record.currency = Some(said.currency);
        record.parked = self.unbookable(record, said.currency, said.exponent);
        Merged {
            parked: record.parked,
            conflict: false,
        }
    }

    /// Adds what an advice tells to the facts, all of it and in any order; says why it cannot be
    /// booked, if it cannot. Only money has a currency: a decline neither sets one nor contradicts
    /// one. Money in another currency than the account's parks the record.
    fn merge_advice(&self, record: &mut Record, gateway: &GatewayId, advice: &Advice) -> Merged {
        // An authorization under the id of a capture: the capture stands.
        if record.life.moved.is_some() {
            record.differing = true;
            let parked = record.parked;
            return Merged {
                parked,
                conflict: true,
            };
        }
        let same_original = self.attach(record, advice.original);
        let same_card = record.card == advice.card;
        let same_content = record
            .fingerprint
            .is_none_or(|known| known == advice.fingerprint);
        let conflict = !same_card || !same_content || !same_original;
        record.differing |= conflict;
        record.fingerprint = match record.fingerprint {
            // What the ledger decided, repeats of the request must match.
            Some(known) if record.decided.is_some() => Some(known),
            Some(known) if known.0 <= advice.fingerprint.0 => Some(known),
            _ => Some(advice.fingerprint),
        };
        record.requested = record.requested.max(advice.requested_minor);
        let told = told(advice);
        let moves_money = !told.approved_minor.is_zero();
        if moves_money {
            self.merge_currency(record, advice.currency);
        }
        match (advice.source, told.approved) {
            (AdviceSource::Network, _) => merge_network(record, told),
            (AdviceSource::StandIn, true) => {
                record.differing |= record
                    .approval
                    .is_some_and(|known| known.approved_minor != told.approved_minor);
                record.approval = Some(record.approval.map_or(told, |known| larger(known, told)));
                record.approved_by.insert(gateway);
            }
            (AdviceSource::StandIn, false) => {
                record.decline = Some(record.decline.map_or(told, |known| larger(known, told)));
                record.declined_by.insert(gateway);
            }
        }
        let unbookable = self
            .unbookable(record, advice.currency, advice.exponent)
            .filter(|_| moves_money);
        if let Some(reason) = unbookable {
            record.parked = Some(record.parked.map_or(reason, |known| known.min(reason)));
        }
        Merged {
            parked: unbookable,
            conflict,
        }
    }

    /// Of several currencies the record names one that explains why it is parked: not the account's,
    /// and of those the one with the lowest code.
    fn merge_currency(&self, record: &mut Record, told: Currency) {
        let account = record.account.and_then(|id| self.account(id));
        let rank = |currency: Currency| {
            let own = account.is_some_and(|account| account.currency == currency);
            (own, currency.numeric())
        };
        record.differing |= record.currency.is_some_and(|known| known != told);
        record.currency = match record.currency {
            Some(known) if rank(known) <= rank(told) => Some(known),
            _ => Some(told),
        };
    }

    /// Why money in this currency cannot be booked for this record. Who takes the minor unit for
    /// something else than ISO 4217 does means another amount.
    fn unbookable(&self, record: &Record, told: Currency, exponent: Option<u8>) -> Option<Reason> {
        match record.account.and_then(|id| self.account(id)) {
            None => Some(Reason::UnknownCard),
            Some(account) if told != account.currency => Some(Reason::CurrencyMismatch),
            Some(_) if !told.has_exponent(exponent) => Some(Reason::CurrencyMismatch),
            Some(_) => record.parked,
        }
    }
}

/// What a capture or a refund says of itself.
struct Said {
    moved: Moved,
    currency: Currency,
    exponent: Option<u8>,
    fingerprint: Fingerprint,
}

impl Said {
    fn of(item: &AdviceItem) -> Option<Self> {
        match item {
            AdviceItem::Capture(capture) => Some(Self {
                moved: Moved {
                    kind: MovedKind::Capture,
                    amount: capture.amount_minor,
                    more: capture.more,
                },
                currency: capture.currency,
                exponent: capture.exponent,
                fingerprint: capture.fingerprint,
            }),
            AdviceItem::Refund(refund) => Some(Self {
                moved: Moved {
                    kind: MovedKind::Refund,
                    amount: refund.amount_minor,
                    more: false,
                },
                currency: refund.currency,
                exponent: refund.exponent,
                fingerprint: refund.fingerprint,
            }),
            AdviceItem::Advice(_) | AdviceItem::Reversal(_) => None,
        }
    }
}

impl Record {
    /// True where a person has booked it, and `merged` says nothing else than that it should wait again.
    fn only_parked_again(&self, merged: &Self) -> bool {
        let said = self.life.resolved.as_ref();
        let is_booked =
            |said: &Resolved| matches!(said.action, Action::Retry | Action::BookTo { .. });
        let same = || Self {
            parked: self.parked,
            currency: self.currency,
            ..merged.clone()
        };
        self.parked.is_none() && said.is_some_and(is_booked) && same() == *self
    }

    fn moved_as(&self, said: &Said) -> bool {
        self.life.moved == Some(said.moved)
            && self.fingerprint == Some(said.fingerprint)
            && self
                .currency
                .is_none_or(|currency| currency == said.currency)
    }
}

fn senseless(item: &AdviceItem) -> Option<Problem> {
    let said = Said::of(item)?;
    if said.moved.amount.is_zero() {
        return Some(zero_amount());
    }
    if item.original() == Some(item.id()) {
        return Some(own_original());
    }
    (!said.currency.has_exponent(said.exponent)).then(|| wrong_exponent(said.currency))
}

pub(super) fn zero_amount() -> Problem {
    let detail = "an amount of zero moves nothing; nothing was done";
    Problem::new("zero_amount", 422, Retry::Never, detail)
}

pub(super) fn own_original() -> Problem {
    let detail = "it names itself as its original; nothing was done";
    Problem::new("own_original", 422, Retry::Never, detail)
}

pub(super) fn wrong_exponent(currency: Currency) -> Problem {
    let exponent = currency.exponent();
    let detail = format!(
        "the minor unit of {currency} has {exponent} decimals (ISO 4217); nothing was done"
    );
    Problem::new("wrong_exponent", 422, Retry::Never, detail)
}

fn told(advice: &Advice) -> Verdict {
    let approved_minor = if advice.approved {
        advice.approved_minor
    } else {
        Amount::ZERO
    };
    Verdict {
        approved: advice.approved,
        approved_minor,
        reason: advice.reason,
    }
}

/// The network outranks us (rule 5); where it contradicts itself the approval, and the larger one,
/// wins, and a person looks.
fn merge_network(record: &mut Record, told: Verdict) {
    if let Some(known) = record.network {
        record.differing |=
            (known.approved, known.approved_minor) != (told.approved, told.approved_minor);
        record.network = Some(larger(known, told));
    } else {
        record.network = Some(told);
    }
}

/// Approval before decline, then the larger amount, then the reason that comes first.
fn larger(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: Verdict| {
        (
            verdict.approved,
            verdict.approved_minor,
            std::cmp::Reverse(verdict.reason),
        )
    };
    if rank(other) > rank(one) { other } else { one }
}

/// A reversal of another card than the one that was told counts, as its id does; and a person looks.
fn merge_reversal(record: &mut Record, reversal: &Reversal) -> Merged {
    let remaining = reversal.remaining_minor;
    record.reversed_to = Some(
        record
            .reversed_to
            .map_or(remaining, |known| known.min(remaining)),
    );
    let conflict = record.is_told() && record.card != reversal.card;
    record.differing |= conflict;
    Merged {
        parked: None,
        conflict,
    }
}

fn failed(item: &AdviceItem, problem: Problem) -> DraftOutcome {
    advised(item, AdviceOutcome::Failed { problem }, false, MarkAt::Head)
}

fn advised(
    item: &AdviceItem,
    outcome: AdviceOutcome,
    conflict: bool,
    mark: MarkAt,
) -> DraftOutcome {
    let answer = AdviceAnswer {
        id: item.id(),
        seq: item.seq(),
        outcome,
        conflict,
        mark: Default::default(),
    };
    DraftOutcome {
        outcome: super::Outcome::Advised(answer, 0),
        mark,
    }
}
