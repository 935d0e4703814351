//! A recorded day, decided again under another policy.
//!
//! What a journal has of a decision is what was asked, which rules were broken and what was at risk. What it
//! does not have is what the gateway knew of card and balance. So the rules of the policy are weighed anew,
//! over the windows and the exposure that follow from them; what was known of the card, its account and its
//! balance counts as it did then. Money that only the other policy approves stays exposed to the end: nobody
//! knows when it would have been covered.

use std::collections::BTreeMap;

use ledger_api::{
    AccountId, AccountState, AccountStatus, Amount, CardState, CardStatus, Expiry, GatewayId,
    Reason,
};

use crate::decide::{Case, Knowledge, Spend, decide};
use crate::homes::Homes;
use crate::journal::{Answered, Record};
use crate::policy::Policy;
use crate::velocity::Velocity;
use crate::windows::{ServedTime, Windows};
use crate::words::{DecidedBy, Decision, Now};

/// The month of a simulation, and one before it: what had expired then, has here.
const MONTH: u16 = 2;
const BEFORE: u16 = 1;
const FAR: u16 = 9_912;
/// A balance that does for everything.
const PLENTY: i64 = i64::MAX / 1_000;

/// How many, and how much in minor units of the policy's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// How much.
    pub minor: i64,
}

impl Tally {
    fn add(&mut self, minor: i64) {
        self.count += 1;
        self.minor = self.minor.saturating_add(minor);
    }
}

/// What would be different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Stand-in decisions in the journal.
    pub decided: u64,
    /// Those of a journal that does not say how cards were read, nor where: weighed as not told.
    pub told_less: u64,
    /// What was approved.
    pub approved_then: Tally,
    /// What the other policy approves.
    pub approved_now: Tally,
    /// Declined then, approved here.
    pub gained: Tally,
    /// Approved then, declined here.
    pub lost: Tally,
    /// Approved both times, for less here: how much less.
    pub less: Tally,
    /// Approved both times, for more here: how much more.
    pub more: Tally,
    /// By the first rule that stands in the way here: what was approved then and is not, wholly or in part.
    pub by_rule: BTreeMap<Reason, Tally>,
    /// The most that was at risk here.
    pub exposure_peak_minor: i64,
}

/// Where the journal is from: without it every card is taken to be at home there.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The fleet.
    pub homes: &'a Homes,
    /// The gateway.
    pub gateway: &'a GatewayId,
}

/// Decides every stand-in decision among the records again.
pub fn simulate(
    records: &[(u64, Record)],
    policy: &Policy,
    place: Option<Place<'_>>,
) -> Difference {
    let mut day = Day {
        policy,
        place,
        time: ServedTime::default(),
        windows: Windows::default(),
        velocity: Velocity::new(policy),
        beyond: 0,
        difference: Difference::default(),
    };
    for (_, record) in records {
        match record {
            Record::Answer(answered) if answered.by == DecidedBy::StandIn => day.decide(answered),
            Record::Answer(answered) => {
                day.time.advance(answered.at_ms);
            }
            Record::Reversal(reversed) => {
                day.time.advance(reversed.at_ms);
                let left = reversed.remaining.minor();
                day.windows.lower(&reversed.card, reversed.id, left);
            }
            Record::Booted(booted) => day.time.booted(booted.boot_id, booted.at_ms),
            Record::Completion(_)
            | Record::Acknowledged(_)
            | Record::Covered(_)
            | Record::Synced => {}
        }
    }
    day.difference
}

struct Day<'a> {
    policy: &'a Policy,
    place: Option<Place<'a>>,
    time: ServedTime,
    windows: Windows,
    velocity: Velocity,
    /// What is charged here beyond what was then.
    beyond: i64,
    difference: Difference,
}

impl Day<'_> {
    fn decide(&mut self, then: &Answered) {
        let served_ms = self.time.advance(then.at_ms);
        let decision = self.again(then, served_ms);
        let charge = decision
            .exposure_after
            .saturating_sub(decision.exposure_before);
        self.beyond = self
            .beyond
            .saturating_add(charge)
            .saturating_sub(then.charge());
        self.count(then, &decision);
        if decision.approved {
            let here = Answered {
                approved: true,
                approved_amount: decision.approved_amount,
                exposure_before: decision.exposure_before,
                exposure_after: decision.exposure_after,
                ..*then
            };
            self.windows.add(&here, served_ms);
            self.velocity.add(&here, served_ms);
        }
    }

    fn again(&self, then: &Answered, served_ms: u64) -> Decision {
        let request = &then.request;
        let broke = |reason| then.broken.contains(reason);
        let account = account(then);
        let card = card(then);
        let known = !broke(Reason::UnknownCard) && !broke(Reason::StandInUnavailable);
        let windows = self.policy.windows(request.circumstances.kind);
        let (used, card_day_minor) = self.windows.used(request, windows, served_ms);
        let is_home = match self.place {
            Some(place) => place.homes.home(&request.card) == place.gateway,
            None => !broke(Reason::RepeatNotAtHome),
        };
        decide(&Case {
            request,
            knowledge: Knowledge {
                listed: !broke(Reason::StandInUnavailable),
                card: card.as_ref().filter(|_| known),
                account: account.as_ref().filter(|_| known),
                age_ms: then.knowledge_age_ms,
                in_service: !broke(Reason::StandInUnavailable),
            },
            spend: Spend {
                own_minor: 0,
                card: used,
                card_day_minor,
                exposure_minor: then.exposure_before.saturating_add(self.beyond),
                realised_minor: 0,
                velocity: self.velocity.used(request, served_ms),
                reversed_before: broke(Reason::ReversedBefore),
            },
            policy: self.policy,
            is_home,
            now: Now {
                boot_ms: then.at_ms,
                yymm: MONTH,
            },
        })
    }

    fn count(&mut self, then: &Answered, here: &Decision) {
        let rate = self.policy.rate(then.request.currency);
        let money =
            |amount: Amount| rate.map_or(amount.minor(), |rate| rate.charge(amount.minor()));
        let (before, now) = (money(then.approved_amount), money(here.approved_amount));
        let difference = &mut self.difference;
        difference.decided += 1;
        // Every request has a merchant, except in older journals.
        difference.told_less += u64::from(then.request.circumstances.merchant == 0);
        if then.approved {
            difference.approved_then.add(before);
        }
        if here.approved {
            difference.approved_now.add(now);
        }
        let changed = match (then.approved, here.approved) {
            (false, true) => Some((&mut difference.gained, now)),
            (true, false) => Some((&mut difference.lost, before)),
            (true, true) if now < before => Some((&mut difference.less, before - now)),
            (true, true) if now > before => Some((&mut difference.more, now - before)),
            _ => None,
        };
        if let Some((tally, minor)) = changed {
            tally.add(minor);
        }
        if let (true, Some(binding)) = (then.approved, here.binding)
            && now < before
        {
            difference
                .by_rule
                .entry(binding)
                .or_default()
                .add(before - now);
        }
        difference.exposure_peak_minor = difference.exposure_peak_minor.max(here.exposure_after);
    }
}

/// A card that breaks what was broken then.
fn card(then: &Answered) -> Option<CardState> {
    let broke = |reason| then.broken.contains(reason);
    let status = match (broke(Reason::CardClosed), broke(Reason::CardFrozen)) {
        (true, _) => CardStatus::Closed,
        (false, true) => CardStatus::Frozen,
        (false, false) => CardStatus::Open,
    };
    let expiry = if broke(Reason::CardExpired) {
        BEFORE
    } else {
        FAR
    };
    Some(CardState {
        card: then.request.card,
        account: then.account.unwrap_or(AccountId(0)),
        status,
        expiry: Expiry::try_from(expiry).ok()?,
        transaction_max_minor: if broke(Reason::OverTransactionLimit) {
            then.approved_amount
        } else {
            Amount::MAX
        },
    })
}

/// The same of its account. Of a balance that did not do, only what was approved of it is known.
fn account(then: &Answered) -> Option<AccountState> {
    let broke = |reason| then.broken.contains(reason);
    let currency = if broke(Reason::CurrencyMismatch) {
        // Any other one: both are currencies.
        let other = if then.request.currency.numeric() == 978 {
            840
        } else {
            978
        };
        ledger_api::Currency::from_numeric(other).ok()?
    } else {
        then.request.currency
    };
    Some(AccountState {
        account: then.account.unwrap_or(AccountId(0)),
        currency,
        status: if broke(Reason::AccountClosed) {
            AccountStatus::Closed
        } else {
            AccountStatus::Open
        },
        available_minor: if broke(Reason::InsufficientFunds) {
            then.approved_amount.minor()
        } else {
            PLENTY
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Reasons;
    use crate::sample::{approved, request};

    fn policy(replace: &[(&str, &str)]) -> Policy {
        let text = Policy::default_text().to_owned();
        let text = replace.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        Policy::parse(&text).unwrap()
    }

    /// Three purchases of 300.00 of one card, the third of which was declined: there were 700.00.
    fn day() -> Vec<(u64, Record)> {
        let of = |number: u32, before: i64| {
            let mut answered = approved(request(number, 1, 30_000), 30_000);
            answered.at_ms = u64::from(number) * 1_000;
            answered.exposure_before = before;
            answered.exposure_after = before + 30_000;
            answered
        };
        let mut third = of(3, 60_000);
        third.approved = false;
        third.approved_amount = Amount::ZERO;
        third.reason = Reason::InsufficientFunds;
        third.broken = Reasons::of(Reason::InsufficientFunds);
        third.exposure_after = third.exposure_before;
        let all = [of(1, 0), of(2, 30_000), third];
        (1..).zip(all.map(Record::Answer)).collect()
    }

    #[test]
    fn under_the_same_limits_nothing_is_different() {
        let same = simulate(&day(), &policy(&[]), None);
        let twice = Tally {
            count: 2,
            minor: 60_000,
        };
        let expected = Difference {
            decided: 3,
            approved_then: twice,
            approved_now: twice,
            exposure_peak_minor: 60_000,
            ..Difference::default()
        };
        assert_eq!(same, expected);
    }

    #[test]
    fn what_a_tighter_window_declines_is_counted_by_its_rule() {
        let window = "{ hours = 24, count = 250, max_minor = 200_000 }";
        let tighter = "{ hours = 24, count = 250, max_minor = 50_000 }";
        let difference = simulate(&day(), &policy(&[(window, tighter)]), None);
        let lost = Tally {
            count: 1,
            minor: 30_000,
        };
        assert_eq!(
            (difference.lost, difference.gained),
            (lost, Tally::default())
        );
        assert_eq!(
            difference.by_rule,
            BTreeMap::from([(Reason::OverCardLimit, lost)])
        );
        assert_eq!(difference.exposure_peak_minor, 30_000);
    }

    #[test]
    fn what_was_declined_for_the_balance_stays_so_and_what_a_limit_declined_is_gained() {
        let mut records = day();
        let Some((_, Record::Answer(third))) = records.last_mut() else {
            panic!("three answers");
        };
        third.broken = Reasons::of(Reason::OverEntryModeLimit);
        let difference = simulate(&records, &policy(&[]), None);
        let gained = Tally {
            count: 1,
            minor: 30_000,
        };
        assert_eq!(difference.gained, gained);
        assert_eq!(difference.exposure_peak_minor, 90_000);
    }

    #[test]
    fn away_from_its_home_a_card_has_its_floor() {
        let homes = "version = 1\ngateways = [{ name = \"gw1\" }, { name = \"gw2\" }]";
        let homes = Homes::parse(homes).unwrap();
        let home = homes.home(&request(1, 1, 0).card);
        let other = homes.gateways().iter().find(|name| *name != home).unwrap();
        let at = |gateway| {
            let place = Place {
                homes: &homes,
                gateway,
            };
            simulate(&day(), &policy(&[]), Some(place)).lost.count
        };
        assert_eq!((at(home), at(other)), (0, 2));
    }
}
