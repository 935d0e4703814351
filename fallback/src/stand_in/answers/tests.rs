use std::collections::BTreeSet;

use ledger_api::{CardToken, Cause, Fingerprint, Reason};
use proptest::prelude::*;

use super::unwritten::UNWRITTEN_MAX;
use super::*;
use crate::words::DecidedBy;

fn id(number: u64) -> AuthorizationId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    AuthorizationId(id)
}

fn declined(number: u64) -> Answer {
    let request = Request {
        id: id(number),
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
        circumstances: crate::Circumstances::default(),
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
    assert_eq!(answers.unwritten.sizes(), [UNWRITTEN_MAX; 4]);
    let reference = declined(10).request.reference();
    let referred = answers.unwritten.by_reference(&reference);
    assert_eq!(referred.count(), UNWRITTEN_MAX);
    assert_eq!(answers.alias(1), None, "the oldest is out");
    assert_eq!(answers.find(9, b"000000000001"), []);
    assert_eq!(answers.find(10, b"000000000001"), [declined(10)]);
}

/// An answer of few kinds, so that ids, aliases and references meet.
#[derive(Debug, Clone)]
struct Step {
    id: u8,
    alias: u8,
    stan: u8,
    rrn: u8,
    amount: u8,
    approved: bool,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Write,
    NotWrite,
    Reverse,
    /// A record of another kind.
    Skip,
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        6 => Just(What::Write),
        2 => Just(What::NotWrite),
        2 => Just(What::Reverse),
        1 => Just(What::Skip),
    ];
    let numbers = (0..12_u8, 0..6_u8, 0..4_u8, 0..3_u8, 1..3_u8);
    (numbers, any::<bool>(), what).prop_map(|((id, alias, stan, rrn, amount), approved, what)| {
        Step {
            id,
            alias,
            stan,
            rrn,
            amount,
            approved,
            what,
        }
    })
}

impl Step {
    fn answer(&self, seq: u64) -> Answer {
        let mut answer = declined(self.id.into());
        answer.request.alias = self.alias.into();
        answer.request.stan = self.stan.into();
        answer.request.rrn[11] = b'1' + self.rrn;
        answer.request.amount = Amount::new(self.amount.into()).unwrap();
        answer.approved = self.approved;
        answer.seq = seq;
        answer
    }
}

/// The same by looking through everything.
#[derive(Default)]
struct Naive {
    written: Vec<Answer>,
    unwritten: Vec<Answer>,
    aliases: Vec<(u64, AuthorizationId)>,
}

impl Naive {
    fn get(&self, id: &AuthorizationId) -> Option<Answer> {
        let has_it = |answer: &&Answer| answer.request.id == *id;
        let written = self.written.iter().rev().find(has_it);
        let unwritten = self.unwritten.iter().rev();
        written.or_else(|| unwritten.clone().find(has_it)).copied()
    }

    fn step(&mut self, step: &Step, seq: u64) {
        let answer = step.answer(seq);
        let (id, alias) = (answer.request.id, answer.request.alias);
        match step.what {
            What::Write => self.written.push(answer),
            What::NotWrite if self.get(&id).is_none() => self.unwritten.push(answer),
            What::Reverse => {
                let left = answer.request.amount;
                let has_it = |answer: &&mut Answer| answer.request.id == id;
                let written = self.written.iter_mut().rev().find(has_it);
                if let Some(it) = written.or_else(|| self.unwritten.iter_mut().rev().find(has_it)) {
                    it.reversed_to = Some(it.reversed_to.map_or(left, |before| before.min(left)));
                }
                return;
            }
            What::NotWrite | What::Skip => return,
        }
        if alias != 0 && self.aliases.iter().all(|(other, _)| *other != alias) {
            self.aliases.push((alias, id));
        }
    }

    /// Of everything ever asked, the ids for which this holds.
    fn ids(&self, holds: impl Fn(&Request) -> bool) -> BTreeSet<AuthorizationId> {
        let all = self.written.iter().chain(&self.unwritten);
        all.map(|answer| answer.request)
            .filter(|request| holds(request))
            .map(|request| request.id)
            .collect()
    }

    fn referred(&self, reference: &Reference, minor: Option<i64>) -> Found {
        let ids = self.ids(|request| request.reference() == *reference);
        let meant = |id: &AuthorizationId| {
            let answer = self.get(id).unwrap();
            let amount = answer.request.amount.minor();
            answer.request.reference() == *reference && minor.is_none_or(|minor| minor == amount)
        };
        let (approved, declined): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .filter(meant)
            .partition(|id| self.get(id).unwrap().approved);
        match (&approved[..], &declined[..]) {
            ([one], _) | ([], [one]) => Found::One(*one),
            ([], []) => Found::Nothing,
            _ => Found::Several,
        }
    }
}

proptest! {
    #[test]
    fn every_way_to_an_answer_leads_to_the_same_one_i3(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let (mut answers, mut naive) = (Answers::default(), Naive::default());
        for (step, seq) in steps.iter().zip(1..) {
            match step.what {
                What::Write => answers.put(step.answer(seq)),
                What::NotWrite if answers.get(&id(step.id.into())).is_none() => {
                    answers.put_unwritten(step.answer(0));
                }
                What::Reverse => {
                    let left = Amount::new(step.amount.into()).unwrap();
                    answers.reverse(&id(step.id.into()), left);
                }
                What::NotWrite | What::Skip => {}
            }
            naive.step(step, if step.what == What::Write { seq } else { 0 });
            check(&answers, &naive, seq);
        }
    }
}

fn check(answers: &Answers, naive: &Naive, last: u64) {
    for number in 0..12 {
        assert_eq!(answers.get(&id(number)), naive.get(&id(number)));
    }
    for alias in 1..6 {
        let found = naive.aliases.iter().find(|(other, _)| *other == alias);
        assert_eq!(answers.alias(alias), found.map(|(_, id)| *id));
    }
    for seq in 0..=last {
        let at = naive.written.iter().find(|answer| answer.seq == seq);
        assert_eq!(answers.at(seq).as_ref(), at);
        let after = naive.written.iter().filter(|answer| answer.seq > seq);
        assert!(answers.after(seq).eq(after));
    }
    for (stan, rrn) in (0..4_u32).flat_map(|stan| (0..3_u8).map(move |rrn| (stan, rrn))) {
        let mut reference = declined(0).request.reference();
        reference.rrn[11] = b'1' + rrn;
        let ids = naive.ids(|request| request.stan == stan);
        let found = ids.iter().filter_map(|id| naive.get(id));
        let found = found.filter(|answer| answer.request.rrn == reference.rrn);
        assert_eq!(
            answers.find(stan, &reference.rrn),
            found.collect::<Vec<_>>()
        );
        for minor in [None, Some(1), Some(2)] {
            let expected = naive.referred(&reference, minor);
            assert_eq!(answers.referred(&reference, minor), expected);
        }
    }
}
