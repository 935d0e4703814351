//! Every answer that was given, by record, by id, by alias and by the network's references.
//!
//! All of them stay in memory for as long as their records stay in the journal; retention is bounded
//! by the journal, not here (rule 22).

use std::collections::{BTreeMap, HashMap, VecDeque};

use ledger_api::{Amount, AuthorizationId};

use crate::words::Answer;

/// Answers that could not be written down are forgotten beyond this many: they put nothing at risk.
const UNWRITTEN_MAX: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Answers {
    by_seq: BTreeMap<u64, Answer>,
    /// The record that counts for an id: the first answer, unless the network outranked it.
    current: HashMap<AuthorizationId, u64>,
    unwritten: HashMap<AuthorizationId, Answer>,
    unwritten_order: VecDeque<AuthorizationId>,
    aliases: HashMap<u64, AuthorizationId>,
    by_stan: HashMap<u32, Vec<AuthorizationId>>,
}

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
        let ids = self.by_stan.get(&stan).into_iter().flatten();
        ids.filter_map(|id| self.get(id))
            .filter(|answer| answer.request.rrn == *rrn)
            .collect()
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
            self.unwritten.remove(&oldest);
        }
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
        let ids = self.by_stan.entry(request.stan).or_default();
        if !ids.contains(&request.id) {
            ids.push(request.id);
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
