//! Every answer that was given, by record, by id, by alias and by the network's references.
//!
//! All of them stay in memory for as long as their records stay in the journal; retention is bounded
//! by the journal, not here (rule 22).

mod unwritten;

use std::collections::BTreeSet;

use ledger_api::{Amount, AuthorizationId};

use crate::maps::{BySeq, Chains, Hasher, Rows, Slots, short_hash};
use crate::words::{Answer, Found, Reference, Request};
use unwritten::Unwritten;

/// What was written down lies in the order of the journal, each answer once; everything that finds one has
/// the number of its row.
#[derive(Debug, Default)]
pub(super) struct Answers {
    rows: Rows<Answer>,
    by_seq: BySeq,
    /// The answer that counts for an id: the first one, unless the network outranked it.
    current: Slots,
    /// Answers that were outranked, each with the one over it first.
    outranked: Vec<(u32, u32)>,
    /// The first answer of every alias.
    aliases: Slots,
    by_stan: Chains,
    by_reference: Chains,
    unwritten: Unwritten,
    hasher: Hasher,
}

/// More answers than this with one reference are not looked through: the references say nothing then.
const REFERRED_MAX: usize = 1_000;

impl Answers {
    /// The answer that counts for an id.
    pub(super) fn get(&self, id: &AuthorizationId) -> Option<Answer> {
        let written = self.row(id).and_then(|row| self.rows.get(row));
        written.or_else(|| self.unwritten.get(id)).copied()
    }

    /// Reads where an answer to this request would be kept. See [`crate::maps::fetch`].
    pub(super) fn touch(&self, request: &Request) -> [u64; 4] {
        [
            self.current.touch(short_hash(&self.hasher, request.id)),
            self.aliases.touch(short_hash(&self.hasher, request.alias)),
            self.by_stan.touch(request.stan),
            self.by_reference.touch(request.reference()),
        ]
    }

    /// The answer in a record.
    pub(super) fn at(&self, seq: u64) -> Option<Answer> {
        self.rows.get(self.by_seq.get(seq)?).copied()
    }

    /// The id that a client's key stands for.
    pub(super) fn alias(&self, alias: u64) -> Option<AuthorizationId> {
        let unwritten = self.unwritten.alias(alias);
        unwritten.or_else(|| self.written_alias(alias))
    }

    fn written_alias(&self, alias: u64) -> Option<AuthorizationId> {
        let has_it = |row| self.request(row, |request| request.alias == alias);
        let row = self.aliases.find(short_hash(&self.hasher, alias), has_it)?;
        self.rows.get(row).map(|answer| answer.request.id)
    }

    /// Answers with these references.
    pub(super) fn find(&self, stan: u32, rrn: &[u8; 12]) -> Vec<Answer> {
        let rows = self.by_stan.get(stan);
        let written = rows
            .filter_map(|row| self.rows.get(row))
            .filter(|answer| answer.request.stan == stan)
            .map(|answer| answer.request.id);
        let ids: BTreeSet<_> = written.chain(self.unwritten.by_stan(stan)).collect();
        ids.iter()
            .filter_map(|id| self.get(id))
            .filter(|answer| answer.request.rrn == *rrn)
            .collect()
    }

    /// The one answer with this reference, and, if one is given, this amount.
    pub(super) fn referred(&self, reference: &Reference, minor: Option<i64>) -> Found {
        if !reference.is_complete() {
            return Found::Nothing;
        }
        let rows = self.by_reference.get(reference);
        let written = rows
            .filter_map(|row| self.rows.get(row))
            .filter(|answer| answer.request.reference() == *reference)
            .map(|answer| answer.request.id);
        let unwritten = self.unwritten.by_reference(reference);
        // What was written down after all is among both.
        let only_there = |id: &AuthorizationId| {
            let mut rows = self.outranked_by(self.row(id));
            !rows.any(|row| self.has(row, reference))
        };
        let ids = written.chain(unwritten.filter(only_there));
        let (mut approved, mut declined) = (Found::Nothing, Found::Nothing);
        for (number, id) in ids.enumerate() {
            if number == REFERRED_MAX {
                return Found::Several;
            }
            let is_meant = |answer: &Answer| {
                answer.request.reference() == *reference
                    && minor.is_none_or(|minor| answer.request.amount.minor() == minor)
            };
            match self.get(&id).filter(is_meant) {
                Some(answer) if answer.approved => approved = approved.and(id),
                Some(_) => declined = declined.and(id),
                None => {}
            }
        }
        // An attempt that was declined has nothing to take: of a payment that was tried again, the
        // approval is meant.
        match approved {
            Found::Nothing => declined,
            found => found,
        }
    }

    /// Answers after a record, in the order of the journal.
    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = &Answer> {
        let first = self.rows.partition_point(|answer| answer.seq <= seq);
        self.rows.from(first)
    }

    /// Keeps an answer that has a record, which is the last one of the journal.
    pub(super) fn put(&mut self, answer: Answer) {
        let request = answer.request;
        self.unwritten.written(&request.id);
        let row = self.rows.push(answer);
        self.by_seq.set(answer.seq, row);
        let hash = short_hash(&self.hasher, request.id);
        let rows = &self.rows;
        let same = |row| {
            rows.get(row)
                .is_some_and(|answer| answer.request.id == request.id)
        };
        let before = self.current.replace(hash, row, same);
        let is_new = request.alias != 0 && self.alias(request.alias).is_none();
        if is_new {
            let hash = short_hash(&self.hasher, request.alias);
            self.aliases.insert(hash, row);
        }
        let reference = request.reference();
        // An id is found once, however often it was answered.
        let (mut by_stan, mut by_reference) = (true, reference.is_complete());
        for earlier in self.outranked_by(before) {
            by_stan &= !self.request(earlier, |other| other.stan == request.stan);
            by_reference &= !self.has(earlier, &reference);
        }
        self.outranked.extend(before.map(|before| (row, before)));
        self.by_stan.push(by_stan.then_some(request.stan));
        self.by_reference.push(by_reference.then_some(reference));
    }

    /// Keeps an answer that could not be written down.
    pub(super) fn put_unwritten(&mut self, answer: Answer) {
        let Answer { request, .. } = answer;
        let alias = (request.alias != 0 && self.written_alias(request.alias).is_none())
            .then_some(request.alias);
        if let Some(oldest) = self.unwritten.put(answer, alias) {
            let written = self.row(&oldest).is_some();
            self.unwritten.forget(&oldest, written);
        }
    }

    /// A reversal left this much of whatever was answered for this id.
    pub(super) fn reverse(&mut self, id: &AuthorizationId, remaining: Amount) {
        let written = match self.row(id) {
            Some(row) => self.rows.get_mut(row),
            None => self.unwritten.get_mut(id),
        };
        if let Some(answer) = written {
            answer.reversed_to = Some(answer.reversed_to.map_or(remaining, |r| r.min(remaining)));
        }
    }

    /// The row of the answer that counts for an id, where it was written down.
    fn row(&self, id: &AuthorizationId) -> Option<u32> {
        let has_it = |row| self.request(row, |request| request.id == *id);
        self.current.find(short_hash(&self.hasher, id), has_it)
    }

    /// This answer, and those that it was given over.
    fn outranked_by(&self, row: Option<u32>) -> impl Iterator<Item = u32> {
        std::iter::successors(row, |row| {
            let found = self.outranked.binary_search_by_key(row, |(over, _)| *over);
            let (_, under) = self.outranked.get(found.ok()?)?;
            Some(*under)
        })
    }

    fn has(&self, row: u32, reference: &Reference) -> bool {
        self.request(row, |request| request.reference() == *reference)
    }

    fn request(&self, row: u32, is_it: impl FnOnce(&Request) -> bool) -> bool {
        self.rows
            .get(row)
            .is_some_and(|answer| is_it(&answer.request))
    }
}

/// Six characters for DE38, derived from the id: the same on every gateway and after every restart.
pub(super) fn approval_code(id: &AuthorizationId) -> [u8; 6] {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut number =
        id.0.iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    std::array::from_fn(|_| {
        let digit = usize::try_from(number % 36).unwrap_or_default();
        number /= 36;
        DIGITS.get(digit).copied().unwrap_or(b'0')
    })
}

#[cfg(test)]
mod tests;
