//! Booking what was told: verbatim, in any order, at least once → exactly one effect (I2, I13).

use ledger_api::{
    Advice, AdviceAnswer, AdviceItem, AdviceOutcome, AdviceSource, Amount, Currency, GatewayId,
    Reason, Reversal, Verdict,
};

use super::draft::{DraftOutcome, MarkAt};
use super::record::Record;
use super::working_set::WorkingSet;

impl WorkingSet {
    pub(super) fn advise(&mut self, gateway: &GatewayId, item: &AdviceItem) -> DraftOutcome {
        let before = self.record(&item.id());
        let mut record = before.clone().unwrap_or_else(|| {
            let card = match item {
                AdviceItem::Advice(advice) => advice.card,
                AdviceItem::Reversal(reversal) => reversal.card,
            };
            Record::new(item.id(), card, None)
        });
        if record.account.is_none() && record.parked.is_none() {
            record.account = self.card(&record.card).map(|card| card.state.account);
        }
        let parked = match item {
            AdviceItem::Advice(advice) => self.merge_advice(&mut record, gateway, advice),
            AdviceItem::Reversal(reversal) => {
                merge_reversal(&mut record, reversal);
                None
            }
        };
        let unchanged = before.as_ref() == Some(&record);
        let mark = match self.book(record, before.as_ref()) {
            Ok(mark) => mark,
            Err(problem) => return failed(item, problem),
        };
        // Parked again for a repeat: the gateway keeps charging what nobody has booked (rule 14).
        let outcome = match parked {
            Some(reason) => AdviceOutcome::Parked { reason },
            None if unchanged => AdviceOutcome::Duplicate,
            None => AdviceOutcome::Applied,
        };
        advised(item, outcome, mark)
    }

    /// Adds what an advice tells to the facts, all of it and in any order; says why it cannot be
    /// booked, if it cannot. Only money has a currency: a decline neither sets one nor contradicts
    /// one. Money in another currency than the account's parks the record.
    fn merge_advice(
        &self,
        record: &mut Record,
        gateway: &GatewayId,
        advice: &Advice,
    ) -> Option<Reason> {
        let same_card = record.card == advice.card;
        let same_content = record
            .fingerprint
            .is_none_or(|known| known == advice.fingerprint);
        record.differing |= !same_card || !same_content;
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
            .unbookable(record, advice.currency)
            .filter(|_| moves_money);
        if let Some(reason) = unbookable {
            record.parked = Some(record.parked.map_or(reason, |known| known.min(reason)));
        }
        unbookable
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

    /// Why money in this currency cannot be booked for this record.
    fn unbookable(&self, record: &Record, told: Currency) -> Option<Reason> {
        match record.account.and_then(|id| self.account(id)) {
            None => Some(Reason::UnknownCard),
            Some(account) if told != account.currency => Some(Reason::CurrencyMismatch),
            Some(_) => record.parked,
        }
    }
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

fn merge_reversal(record: &mut Record, reversal: &Reversal) {
    let remaining = reversal.remaining_minor;
    record.reversed_to = Some(
        record
            .reversed_to
            .map_or(remaining, |known| known.min(remaining)),
    );
}

fn failed(item: &AdviceItem, problem: ledger_api::Problem) -> DraftOutcome {
    advised(item, AdviceOutcome::Failed { problem }, MarkAt::Head)
}

fn advised(item: &AdviceItem, outcome: AdviceOutcome, mark: MarkAt) -> DraftOutcome {
    let answer = AdviceAnswer {
        id: item.id(),
        seq: item.seq(),
        outcome,
        mark: Default::default(),
    };
    DraftOutcome {
        outcome: super::Outcome::Advised(answer, 0),
        mark,
    }
}
