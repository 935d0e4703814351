//! Every answer that was given, by record, by id, by alias and by the network's references.
//!
//! All of them stay in memory for as long as their records stay in the journal; retention is bounded
//! by the journal, not here (rule 22).

mod index;

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;

use ledger_api::{Amount, AuthorizationId};

use crate::maps::FastMap;
use crate::words::{Answer, Found, Reference};
use index::Index;

/// Answers that could not be written down are forgotten beyond this many: they put nothing at risk.
const UNWRITTEN_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Answers {
    by_seq: BTreeMap<u64, Answer>,
    /// The record that counts for an id: the first answer, unless the network outranked it.
    current: FastMap<AuthorizationId, u64>,
    unwritten: FastMap<AuthorizationId, Answer>,
    unwritten_order: VecDeque<AuthorizationId>,
    aliases: FastMap<u64, AuthorizationId>,
    by_stan: Index<u32>,
    /// By the reference's hash.
    by_reference: Index<u64>,
    hasher: foldhash::fast::RandomState,
}

/// More answers than this with one reference are not looked through: the references say nothing then.
const REFERRED_MAX: usize = 1_000;

impl Answers {
    /// The answer that counts for an id.
    pub(super) fn get(&self, id: &AuthorizationId) -> Option<Answer> {
        let written = self.current.get(id).and_then(|seq| self.by_seq.get(seq));
        written.or_else(|| self.unwritten.get(id)).copied()
    }

    /// The answer in a record.
    pub(super) fn at(&self, seq: u64) -> Option<Answer> {
        self.by_seq.get(&seq).copied()
    }

    /// The id that a client's key stands for.
    pub(super) fn alias(&self, alias: u64) -> Option<AuthorizationId> {
        self.aliases.get(&alias).copied()
    }

    /// Answers with these references.
    pub(super) fn find(&self, stan: u32, rrn: &[u8; 12]) -> Vec<Answer> {
        let ids = self.by_stan.get(stan);
        ids.filter_map(|id| self.get(id))
            .filter(|answer| answer.request.rrn == *rrn)
            .collect()
    }

    /// The one answer with this reference, and, if one is given, this amount.
    pub(super) fn referred(&self, reference: &Reference, minor: Option<i64>) -> Found {
        if !reference.is_complete() {
            return Found::Nothing;
        }
        let hash = self.hasher.hash_one(reference);
        let (mut approved, mut declined) = (Found::Nothing, Found::Nothing);
        for (number, id) in self.by_reference.get(hash).enumerate() {
            if number == REFERRED_MAX {
                return Found::Several;
            }
            let is_meant = |answer: &Answer| {
                answer.request.reference() == *reference
                    && minor.is_none_or(|minor| answer.request.amount.minor() == minor)
            };
            match self.get(id).filter(is_meant) {
                Some(answer) if answer.approved => approved = approved.and(*id),
                Some(_) => declined = declined.and(*id),
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
        self.by_seq
            .range(seq.saturating_add(1)..)
            .map(|(_, answer)| answer)
    }

    /// Keeps an answer that has a record.
    pub(super) fn put(&mut self, answer: Answer) {
        let id = answer.request.id;
        self.index(&answer);
        self.unwritten.remove(&id);
        self.current.insert(id, answer.seq);
        self.by_seq.insert(answer.seq, answer);
    }

    /// Keeps an answer that could not be written down.
    pub(super) fn put_unwritten(&mut self, answer: Answer) {
        let id = answer.request.id;
        self.index(&answer);
        if self.unwritten.insert(id, answer).is_none() {
            self.unwritten_order.push_back(id);
        }
        if self.unwritten_order.len() > UNWRITTEN_MAX
            && let Some(oldest) = self.unwritten_order.pop_front()
        {
            self.forget_unwritten(&oldest);
        }
    }

    /// Forgets an answer and every way to it, unless it was written down meanwhile.
    fn forget_unwritten(&mut self, id: &AuthorizationId) {
        let Some(answer) = self.unwritten.remove(id) else {
            return;
        };
        if self.current.contains_key(id) {
            return;
        }
        let request = &answer.request;
        if self.aliases.get(&request.alias) == Some(id) {
            self.aliases.remove(&request.alias);
        }
        self.by_stan.remove(request.stan, id);
        let reference = self.hasher.hash_one(request.reference());
        self.by_reference.remove(reference, id);
    }

    /// A reversal left this much of whatever was answered for this id.
    pub(super) fn reverse(&mut self, id: &AuthorizationId, remaining: Amount) {
        let written = self
            .current
            .get(id)
            .and_then(|seq| self.by_seq.get_mut(seq));
        if let Some(answer) = written.or_else(|| self.unwritten.get_mut(id)) {
            answer.reversed_to = Some(answer.reversed_to.map_or(remaining, |r| r.min(remaining)));
        }
    }

    fn index(&mut self, answer: &Answer) {
        let request = &answer.request;
        if request.alias != 0 {
            self.aliases.entry(request.alias).or_insert(request.id);
        }
        self.by_stan.put(request.stan, request.id);
        let reference = request.reference();
        if reference.is_complete() {
            let hash = self.hasher.hash_one(reference);
            self.by_reference.put(hash, request.id);
        }
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
mod tests {
    use ledger_api::{CardToken, Cause, Fingerprint, Reason};

    use super::*;
    use crate::words::{DecidedBy, Request};

    fn declined(number: u64) -> Answer {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let request = Request {
            id: AuthorizationId(id),
            card: CardToken {
                key_id: 1,
                mac: [1; 16],
            },
            amount: Amount::ZERO,
            currency: "EUR".parse().unwrap(),
            expiry: None,
            fingerprint: Fingerprint(number),
            alias: number + 1,
            repeat: false,
            stan: u32::try_from(number).unwrap(),
            rrn: *b"000000000001",
            terminal: 1,
            captures: false,
            verification: crate::Verification::default(),
        };
        Answer {
            request,
            approved: false,
            approved_amount: Amount::ZERO,
            reason: Reason::StandInUnavailable,
            by: DecidedBy::StandIn,
            cause: Cause::LedgerTimeout,
            approval_code: *b"000000",
            seq: 0,
            reversed_to: None,
        }
    }

    #[test]
    fn answers_without_a_record_are_bounded_with_all_their_indexes_i12() {
        let mut answers = Answers::default();
        let more = UNWRITTEN_MAX as u64 + 10;
        (0..more).for_each(|number| answers.put_unwritten(declined(number)));
        assert_eq!(answers.unwritten.len(), UNWRITTEN_MAX);
        assert_eq!(answers.unwritten_order.len(), UNWRITTEN_MAX);
        assert_eq!(answers.aliases.len(), UNWRITTEN_MAX);
        assert_eq!(answers.by_stan.len(), UNWRITTEN_MAX);
        let reference = answers.hasher.hash_one(declined(10).request.reference());
        assert_eq!(answers.by_reference.get(reference).count(), UNWRITTEN_MAX);
        assert_eq!(answers.alias(1), None, "the oldest is out");
        assert_eq!(answers.find(9, b"000000000001"), []);
        assert_eq!(answers.find(10, b"000000000001"), [declined(10)]);
    }
}
