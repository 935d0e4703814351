//! Booking a record's facts, and what follows from them for the authorization that it belongs to.

use std::collections::BTreeMap;

use ledger_api::{AccountId, AuthorizationId, Layer, Problem, Retry, Side, Totals};

use super::accounts::Account;
use super::clearing;
use super::draft::{EntryDraft, InternalDelta, MarkAt};
use super::life::{Link, MovedKind, Stages};
use super::record::Record;
use super::working_set::{WorkingSet, plus};

impl WorkingSet {
    /// Names the authorization that a record belongs to; false where it is said to belong to another
    /// one. The two contradict each other where their cards differ, and where an increment would add
    /// to an increment: then the record stands alone, and is listed.
    pub(super) fn attach(&self, record: &mut Record, original: Option<AuthorizationId>) -> bool {
        let Some(original) = original else {
            return true;
        };
        if let Some(link) = record.life.link {
            return link.original == original;
        }
        let known = self.record(&original);
        let adds = record.life.moved.is_none();
        let deep = adds
            && (known.as_ref().is_some_and(Record::is_increment)
                || record.life.incremented_minor != 0);
        let other_card = known.as_ref().is_some_and(|it| it.card != record.card);
        let counts = original != record.id && !deep && !other_card;
        record.differing |= !counts;
        record.life.link = Some(Link { original, counts });
        let account = known.filter(|_| counts).and_then(|it| it.account);
        if record.parked.is_none() {
            record.account = account.or(record.account);
        }
        true
    }

    /// A record that only others have named takes the card of its own message: what was named for
    /// another card does not count for it. A reversal of another card does, and is listed.
    pub(super) fn adopt(
        &mut self,
        record: Record,
        card: ledger_api::CardToken,
    ) -> Result<Record, Problem> {
        if record.card == card || record.is_told() {
            return Ok(record);
        }
        let mut bare = Record::new(record.id, record.card, record.account);
        bare.effect_minor = record.effect_minor;
        bare.reversed_to = record.reversed_to;
        if record.life.stages.has(Stages::NAMED) {
            bare.life.stages = Stages::NAMED;
        }
        bare.differing = true;
        self.book(bare, Some(&record))?;
        let mut own = self.record(&record.id).unwrap_or(record);
        own.card = card;
        own.account = self.card(&card).map(|card| card.state.account);
        Ok(own)
    }

    /// Keeps a record, and the originals that it belongs to, and posts the difference between the
    /// money that their facts call for and what is in the books, as balanced pairs of entries. All of
    /// it or nothing.
    pub(super) fn book(
        &mut self,
        record: Record,
        before: Option<&Record>,
    ) -> Result<MarkAt, Problem> {
        if before == Some(&record) {
            return Ok(MarkAt::Head);
        }
        if record.original().is_none() {
            return self.post(record);
        }
        let line = self.line(record, before);
        self.fits(&line)?;
        let mut mark = None;
        for record in line {
            let at = self.post(record)?;
            mark = match (mark, at) {
                (None | Some(MarkAt::Head), at) => Some(at),
                (Some(known), MarkAt::Head) => Some(known),
                (Some(known), at) if known == at => Some(at),
                // Two accounts have changed: the end of the batch includes both.
                _ => Some(MarkAt::Head),
            };
        }
        Ok(mark.unwrap_or(MarkAt::Head))
    }

    /// What booking a record would add to what is held and posted, in all.
    pub(super) fn would_add(&self, record: Record, before: Option<&Record>) -> i64 {
        let line = self.line(record, before);
        line.iter().map(change).sum()
    }

    /// A record with new facts, and after it the originals whose facts change with it.
    fn line(&self, record: Record, before: Option<&Record>) -> Vec<Record> {
        let mut was = before.map(Record::contribution).unwrap_or_default();
        let mut now = record.contribution();
        let mut line = vec![record];
        while let Some(child) = line.last().filter(|_| now != was) {
            let Some(id) = child.original() else { break };
            let known = self.record(&id);
            let mut original = match &known {
                // Its own message has said otherwise since.
                Some(known) if known.card != child.card => break,
                Some(known) => known.clone(),
                None => Record::new(id, child.card, None),
            };
            if original.account.is_none() && original.parked.is_none() {
                original.account = child.account;
            }
            original.life.exchange(was, now);
            was = known.as_ref().map(Record::contribution).unwrap_or_default();
            now = original.contribution();
            line.push(original);
        }
        line
    }

    /// Whether all totals have room for what is to be booked.
    fn fits(&self, line: &[Record]) -> Result<(), Problem> {
        let mut sums: BTreeMap<AccountId, (Totals, Totals)> = BTreeMap::new();
        for record in line {
            let Some(account) = record.account else {
                continue;
            };
            let change = change(record);
            let (layer, side, minor) = movement(record, change);
            let (own, other) = sums.entry(account).or_default();
            *own = plus(*own, Totals::of(side, layer, minor)).ok_or_else(too_large)?;
            *other =
                plus(*other, Totals::of(opposite(side), layer, minor)).ok_or_else(too_large)?;
        }
        let mut clearings: BTreeMap<AccountId, Totals> = BTreeMap::new();
        for (id, (own, other)) in sums {
            let Some(account) = self.account(id) else {
                continue;
            };
            plus(account.totals, own).ok_or_else(too_large)?;
            let id = clearing(account.currency);
            let known = self.internal.get(&id).map(|delta| delta.totals);
            let sum = clearings.entry(id).or_insert(known.unwrap_or_default());
            *sum = plus(*sum, other).ok_or_else(too_large)?;
        }
        Ok(())
    }

    fn post(&mut self, mut record: Record) -> Result<MarkAt, Problem> {
        let change = change(&record);
        record.effect_minor += change;
        if !record.holds() {
            record.held_at = 0;
        } else if record.held_at == 0 {
            record.held_at = self.now.hold_clock;
        }
        let account = record.account.and_then(|id| self.account(id)).copied();
        let mark = match account {
            Some(account) if change != 0 => self.enter(account, &record, change)?,
            _ => MarkAt::Head,
        };
        self.keep_at(record, mark);
        Ok(mark)
    }

    /// Posts a pair of entries. A hold is lowered by a negative amount; what was posted is taken back by
    /// a posting in the other direction.
    fn enter(
        &mut self,
        mut account: Account,
        record: &Record,
        change: i64,
    ) -> Result<MarkAt, Problem> {
        let (layer, side, amount_minor) = movement(record, change);
        let line = EntryDraft {
            account: account.id,
            authorization: Some(record.id),
            side,
            layer,
            amount_minor,
            of: account.id,
        };
        let other = EntryDraft {
            account: clearing(account.currency),
            side: opposite(side),
            ..line
        };
        let own = as_totals(&line);
        account.totals = plus(account.totals, own).ok_or_else(too_large)?;
        self.add_internal(InternalDelta {
            account: other.account,
            currency: account.currency,
            totals: as_totals(&other),
        })?;
        self.entries.extend([line, other]);
        Ok(self.set_account(account))
    }
}

/// The difference between the money that the facts call for and what is in the books.
fn change(record: &Record) -> i64 {
    record.effect() - record.effect_minor
}

/// How a change of a record's effect is entered on its account.
fn movement(record: &Record, change: i64) -> (Layer, Side, i64) {
    match record.life.moved.map(|moved| moved.kind) {
        None => (Layer::Pending, Side::Debit, change),
        Some(kind) => {
            let taken = (kind == MovedKind::Capture) == (change > 0);
            let side = if taken { Side::Debit } else { Side::Credit };
            (Layer::Posted, side, change.abs())
        }
    }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Debit => Side::Credit,
        Side::Credit => Side::Debit,
    }
}

fn as_totals(entry: &EntryDraft) -> Totals {
    Totals::of(entry.side, entry.layer, entry.amount_minor)
}

pub(super) fn too_large() -> Problem {
    let detail = "the account's totals would exceed 2^63 minor units; a person must look at it";
    Problem::new("total_too_large", 422, Retry::Never, detail)
}
