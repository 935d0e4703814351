//! What a decision is weighed on: all that is known and spent.

use ledger_api::{AccountId, CardToken};

use super::state::State;
use crate::copy::Known;
use crate::decide::{Case, Knowledge, Spend, decide};
use crate::maps::fetch;
use crate::words::{Decision, Now, Request};

impl State {
    pub(super) fn is_home(&self, card: &CardToken) -> bool {
        self.is_home_of(self.copy.known(card), card)
    }

    fn is_home_of(&self, known: Option<Known<'_>>, card: &CardToken) -> bool {
        let ask = || *self.homes.home(card) == self.gateway;
        match known {
            Some(known) => known.is_home(ask),
            None => ask(),
        }
    }

    pub(super) fn unbooked(&self, card: &CardToken) -> i64 {
        let account = self.account(card);
        account.map_or(0, |account| self.book.unbooked(account))
    }

    /// The account of a card: where the copy does not know it, the one on which stand-in approved it.
    pub(super) fn account(&self, card: &CardToken) -> Option<AccountId> {
        let known = self.copy.card(card).map(|card| card.account);
        known.or_else(|| self.windows.account(card))
    }

    /// Before an answer is looked for, decided and kept: asks memory for all the places at once.
    pub(super) fn fetch(&self, request: &Request) {
        let [current, alias, stan, reference] = self.answers.touch(request);
        fetch([
            current,
            self.copy.touch(&request.card),
            self.windows.touch(&request.card),
            self.book.touch(&request.id),
            alias,
            stan,
            reference,
        ]);
    }

    /// The decision by the rules, on what is known and spent now.
    pub(super) fn weigh(&self, request: &Request, now: Now) -> Decision {
        fetch([
            self.copy.touch(&request.card),
            self.windows.touch(&request.card),
        ]);
        decide(&self.case(request, now))
    }

    pub(super) fn case<'a>(&'a self, request: &'a Request, now: Now) -> Case<'a> {
        // What is slow comes last: rows that are far away are on their way together.
        let known = self.copy.known(&request.card);
        let served_ms = self.time.read(now.boot_ms);
        let windows = self.policy.windows(request.circumstances.kind);
        let (used, card_day_minor) = self.windows.used(request, windows, served_ms);
        let charged = self.book.charged();
        let card = known.map(Known::card);
        let own_minor = card.map_or(0, |card| self.book.held(card.account));
        Case {
            request,
            knowledge: Knowledge {
                listed: self.copy.mark().is_some(),
                card,
                account: known.and_then(Known::account),
                age_ms: self.copy.age_ms(now),
                in_service: self.fenced.is_none() && !self.journal.is_poisoned(),
            },
            spend: Spend {
                own_minor,
                card: used,
                card_day_minor,
                exposure_minor: charged.exposure,
                realised_minor: charged.realised,
                velocity: self.velocity.used(request, served_ms),
                reversed_before: self.reversed.contains_key(&request.id),
            },
            policy: &self.policy,
            is_home: self.is_home_of(known, &request.card),
            now,
        }
    }
}
