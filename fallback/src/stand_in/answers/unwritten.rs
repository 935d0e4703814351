//! Answers that could not be written down.

mod index;

use std::collections::VecDeque;

use ledger_api::{AuthorizationId, CardToken};

use crate::maps::FastMap;
use crate::words::{Answer, Reference};
use index::Index;

/// They are forgotten beyond this many: they put nothing at risk.
pub(super) const UNWRITTEN_MAX: usize = 100_000;

/// The latest of them, and every way to them.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    answers: FastMap<AuthorizationId, Answer>,
    order: VecDeque<AuthorizationId>,
    aliases: FastMap<u64, AuthorizationId>,
    by_stan: Index<u32>,
    by_reference: Index<(CardToken, [u8; 12], u32)>,
}

impl Unwritten {
    pub(super) fn get(&self, id: &AuthorizationId) -> Option<&Answer> {
        self.answers.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &AuthorizationId) -> Option<&mut Answer> {
        self.answers.get_mut(id)
    }

    pub(super) fn alias(&self, alias: u64) -> Option<AuthorizationId> {
        self.aliases.get(&alias).copied()
    }

    pub(super) fn by_stan(&self, stan: u32) -> impl Iterator<Item = AuthorizationId> {
        self.by_stan.get(stan).copied()
    }

    pub(super) fn by_reference(
        &self,
        reference: &Reference,
    ) -> impl Iterator<Item = AuthorizationId> {
        self.by_reference.get(key(reference)).copied()
    }

    /// Keeps one, under this alias if nobody else has it. Returns one that is to be forgotten.
    pub(super) fn put(&mut self, answer: Answer, alias: Option<u64>) -> Option<AuthorizationId> {
        let request = &answer.request;
        let id = request.id;
        if let Some(alias) = alias {
            self.aliases.entry(alias).or_insert(id);
        }
        self.by_stan.put(request.stan, id);
        let reference = request.reference();
        if reference.is_complete() {
            self.by_reference.put(key(&reference), id);
        }
        if self.answers.insert(id, answer).is_none() {
            self.order.push_back(id);
        }
        let too_many = self.order.len() > UNWRITTEN_MAX;
        too_many.then(|| self.order.pop_front()).flatten()
    }

    /// It was written down after all. What has led to it still does.
    pub(super) fn written(&mut self, id: &AuthorizationId) {
        if !self.answers.is_empty() {
            self.answers.remove(id);
        }
    }

    /// Forgets one and every way to it, unless it was written down meanwhile.
    pub(super) fn forget(&mut self, id: &AuthorizationId, written: bool) {
        let Some(answer) = self.answers.remove(id) else {
            return;
        };
        if written {
            return;
        }
        let request = &answer.request;
        if self.aliases.get(&request.alias) == Some(id) {
            self.aliases.remove(&request.alias);
        }
        self.by_stan.remove(request.stan, id);
        self.by_reference.remove(key(&request.reference()), id);
    }

    /// How many answers, and how many aliases and references lead to them.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        [
            self.answers.len(),
            self.order.len(),
            self.aliases.len(),
            self.by_stan.len(),
        ]
    }
}

fn key(reference: &Reference) -> (CardToken, [u8; 12], u32) {
    (reference.card, reference.rrn, reference.terminal)
}
