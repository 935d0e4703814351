//! Random histories against a small ledger: the cap holds at every moment, answers stay, and after
//! the heal the books cover everything or it is charged.

use std::collections::HashMap;

use ledger_api::{
    AdviceAnswer, AdviceItem, AdviceOutcome, AuthorizationId, Cause, Change, Fingerprint, Mark,
    Reason,
};
use proptest::prelude::*;

use super::rig::{EPOCH, Rig, account, id, limits, minor, request, token};
use crate::words::{Answer, Completion, LedgerAnswer, Movement};

const CAP: i64 = 1_000;
const OPENING: i64 = 400;

#[derive(Debug, Clone)]
enum Step {
    /// Stand-in decides; the ledger had approved and its answer was lost.
    Decide { card: u8, amount: i64, lost: bool },
    /// The ledger decides.
    Ledger { card: u8, amount: i64 },
    /// This much of an earlier one remains.
    Reverse { which: usize, remaining: i64 },
    /// It comes again.
    Repeat { which: usize },
    /// An earlier one, or none of ours, is captured; or money is given back.
    Complete {
        which: usize,
        amount: i64,
        kind: Kind,
    },
    /// An earlier completion is told again, or taken back but for this much.
    CompleteAgain {
        which: usize,
        remaining: Option<i64>,
    },
    /// The ledger takes some of what waits.
    Take { count: usize },
    /// The feed brings some of what is new.
    Feed { count: usize },
    /// Somebody else takes or brings money.
    Elsewhere { card: u8, amount: i64 },
    /// `kill -9`.
    Restart,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Last,
    OneOfSeveral,
    Alone,
    Refund,
}

fn step() -> impl Strategy<Value = Step> {
    let card = 1..=4_u8;
    prop_oneof![
        6 => (card.clone(), 1..=320_i64, any::<bool>())
            .prop_map(|(card, amount, lost)| Step::Decide { card, amount, lost }),
        3 => (card.clone(), 1..=200_i64).prop_map(|(card, amount)| Step::Ledger { card, amount }),
        2 => (any::<usize>(), 0..=100_i64)
            .prop_map(|(which, remaining)| Step::Reverse { which, remaining }),
        2 => any::<usize>().prop_map(|which| Step::Repeat { which }),
        2 => (any::<usize>(), 1..=250_i64, prop::sample::select(
            &[Kind::Last, Kind::OneOfSeveral, Kind::Alone, Kind::Refund][..]))
            .prop_map(|(which, amount, kind)| Step::Complete { which, amount, kind }),
        1 => (any::<usize>(), prop::option::of(0..=100_i64))
            .prop_map(|(which, remaining)| Step::CompleteAgain { which, remaining }),
        3 => (1..=5_usize).prop_map(|count| Step::Take { count }),
        3 => (1..=8_usize).prop_map(|count| Step::Feed { count }),
        2 => (card, -200..=300_i64).prop_map(|(card, amount)| Step::Elsewhere { card, amount }),
        1 => Just(Step::Restart),
    ]
}

/// What the books know of an id: the effect is a pure function of it.
#[derive(Debug, Default)]
struct Entry {
    card: u8,
    decided: i64,
    told: Option<i64>,
    remaining: Option<i64>,
    effect: i64,
    /// Of a capture or a refund: of what, how much, and whether more follow.
    moved: Option<(Option<u32>, i64, bool)>,
    captured: i64,
    closed: bool,
}

impl Entry {
    fn left(&self, amount: i64) -> i64 {
        self.remaining.map_or(amount, |left| amount.min(left))
    }

    /// What the books hold or have posted for it; below zero where money was given.
    fn due(&self) -> i64 {
        match self.moved {
            Some((_, amount, _)) if amount < 0 => -self.left(-amount),
            Some((_, amount, _)) => self.left(amount),
            None if self.closed => 0,
            None => {
                let told = self.told.unwrap_or(self.decided);
                (self.left(told) - self.captured).max(0)
            }
        }
    }
}

struct Ledger {
    available: HashMap<u8, i64>,
    entries: HashMap<u32, Entry>,
    feed: Vec<Change>,
}

impl Ledger {
    fn new() -> Self {
        let available = (1..=9).map(|card| (card, OPENING)).collect();
        Self {
            available,
            entries: HashMap::new(),
            feed: Vec::new(),
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            epoch: EPOCH,
            position: self.feed.len() as u64,
        }
    }

    fn move_money(&mut self, card: u8, amount: i64) {
        let available = self.available.get_mut(&card).unwrap();
        *available += amount;
        let position = self.feed.len() as u64 + 1;
        self.feed.push(account(position, card, *available));
    }

    fn change(&mut self, number: u32, card: u8, change: impl FnOnce(&mut Entry)) -> Mark {
        let entry = self.entries.entry(number).or_default();
        entry.card = card;
        change(entry);
        self.book(number);
        self.mark()
    }

    /// Moves the money that the facts of an entry call for, and then that of its original.
    fn book(&mut self, number: u32) {
        let entry = self.entries.get_mut(&number).unwrap();
        let card = entry.card;
        let effect = entry.due();
        let delta = effect - std::mem::replace(&mut entry.effect, effect);
        let captured_of = entry.moved.and_then(|(of, amount, more)| {
            let of = of.filter(|_| amount > 0)?;
            Some((of, more))
        });
        if delta != 0 {
            self.move_money(card, -delta);
        }
        if let Some((of, more)) = captured_of {
            let original = self.entries.entry(of).or_default();
            original.card = card;
            original.captured += delta;
            original.closed |= !more;
            self.book(of);
        }
    }

    fn authorize(&mut self, number: u32, card: u8, amount: i64, unbooked: i64) -> LedgerAnswer {
        let approved = self.available[&card] - unbooked >= amount;
        let minor_approved = if approved { amount } else { 0 };
        let mark = self.change(number, card, |entry| entry.decided = minor_approved);
        LedgerAnswer {
            account: Some(ledger_api::AccountId(card.into())),
            approved,
            approved_amount: minor(minor_approved),
            reason: if approved {
                Reason::Approved
            } else {
                Reason::InsufficientFunds
            },
            mark,
        }
    }

    fn take(&mut self, item: &AdviceItem) -> AdviceAnswer {
        let number = number_of(item);
        let mark = match item {
            AdviceItem::Advice(advice) => {
                let told = advice.approved_minor.minor();
                self.change(number, advice.card.mac[0], |entry| entry.told = Some(told))
            }
            AdviceItem::Reversal(reversal) => {
                let left = reversal.remaining_minor.minor();
                self.change(number, reversal.card.mac[0], |entry| {
                    entry.remaining = Some(entry.remaining.map_or(left, |r| r.min(left)));
                })
            }
            AdviceItem::Capture(it) => {
                let moved = (it.of.map(numbered), it.amount_minor.minor(), it.more);
                self.change(number, it.card.mac[0], |entry| {
                    entry.moved.get_or_insert(moved);
                })
            }
            AdviceItem::Refund(it) => {
                let moved = (it.of.map(numbered), -it.amount_minor.minor(), true);
                self.change(number, it.card.mac[0], |entry| {
                    entry.moved.get_or_insert(moved);
                })
            }
        };
        AdviceAnswer {
            id: item.id(),
            seq: item.seq(),
            outcome: AdviceOutcome::Applied,
            conflict: false,
            mark,
        }
    }
}

fn number_of(item: &AdviceItem) -> u32 {
    numbered(item.id())
}

fn numbered(id: AuthorizationId) -> u32 {
    u32::from_be_bytes(id.0[12..].try_into().unwrap())
}

struct History {
    rig: Rig,
    ledger: Ledger,
    answers: Vec<Answer>,
    completions: Vec<Completion>,
    next: u32,
}

impl History {
    async fn step(&mut self, step: &Step) {
        self.rig.now.boot_ms += 1_000;
        match *step {
            Step::Decide { card, amount, lost } => {
                let unbooked = self.rig.unbooked(&token(card));
                if lost {
                    self.ledger.authorize(self.next, card, amount, unbooked);
                }
                let request = request(self.next, card, amount);
                let cause = Cause::LedgerTimeout;
                let answer = self
                    .rig
                    .decide(request, cause, lost, self.rig.now)
                    .await
                    .unwrap();
                self.answers.push(answer);
                self.next += 1;
            }
            Step::Ledger { card, amount } => {
                let unbooked = self.rig.unbooked(&token(card));
                let said = self.ledger.authorize(self.next, card, amount, unbooked);
                let request = request(self.next, card, amount);
                self.answers
                    .push(self.rig.record(request, said, self.rig.now).await.unwrap());
                self.next += 1;
            }
            Step::Reverse { which, remaining } => {
                if let Some(answer) = self.pick(which) {
                    let Answer { request, .. } = answer;
                    let remaining = minor(remaining);
                    let now = self.rig.now;
                    self.rig
                        .accept_reversal(request.id, request.card, remaining, now)
                        .await
                        .unwrap();
                }
            }
            Step::Repeat { which } => {
                if let Some(answer) = self.pick(which) {
                    assert!(same(&self.rig.ask(answer.request).await, &answer), "I3");
                }
            }
            Step::Complete {
                which,
                amount,
                kind,
            } => {
                let exposure = self.rig.charged();
                let completion = self.completion(which, amount, kind);
                self.complete(completion).await;
                self.completions.push(completion);
                assert_eq!(self.rig.charged(), exposure, "rule 18: outside the bound");
            }
            Step::CompleteAgain { which, remaining } => {
                let count = self.completions.len();
                if let Some(number) = which.checked_rem(count) {
                    let completion = self.completions[number];
                    let Completion { id, card, .. } = completion;
                    if let Some(remaining) = remaining {
                        let now = self.rig.now;
                        self.rig
                            .accept_reversal(id, card, minor(remaining), now)
                            .await
                            .unwrap();
                    }
                    self.complete(completion).await;
                }
            }
            Step::Take { count } => self.take(count).await,
            Step::Feed { count } => self.feed(count),
            Step::Elsewhere { card, amount } => {
                let amount = amount.max(-self.ledger.available[&card].max(0));
                self.ledger.move_money(card, amount);
            }
            Step::Restart => self.rig.restart(),
        }
    }

    fn completion(&mut self, which: usize, amount: i64, kind: Kind) -> Completion {
        let of = self.pick(which).map(|answer| answer.request);
        self.next += 1;
        Completion {
            id: id(self.next - 1),
            of: of.map(|of| of.id).filter(|_| !matches!(kind, Kind::Alone)),
            movement: match kind {
                Kind::Refund => Movement::Refund,
                Kind::Last | Kind::OneOfSeveral | Kind::Alone => Movement::Capture,
            },
            card: of.map_or(token(1), |of| of.card),
            amount: minor(amount),
            currency: "EUR".parse().unwrap(),
            more: matches!(kind, Kind::OneOfSeveral),
            fingerprint: Fingerprint(u64::from(self.next)),
        }
    }

    async fn complete(&self, completion: Completion) {
        let now = self.rig.now;
        self.rig.accept_completion(completion, now).await.unwrap();
    }

    fn pick(&self, which: usize) -> Option<Answer> {
        self.answers
            .get(which.checked_rem(self.answers.len())?)
            .copied()
    }

    async fn take(&mut self, count: usize) {
        let (_, items) = self.rig.pending_advices(count);
        let said: Vec<_> = items.iter().map(|item| self.ledger.take(item)).collect();
        self.rig.acknowledge(&said, self.rig.now).await.unwrap();
    }

    fn feed(&self, count: usize) {
        let from = usize::try_from(self.rig.feed_mark().unwrap().position).unwrap();
        let changes = self.ledger.feed[from..]
            .iter()
            .take(count)
            .cloned()
            .collect();
        self.rig.feed(self.ledger.feed.len() as u64, changes);
    }

    fn check(&self) {
        let (exposure, realised) = self.rig.charged();
        assert!(
            exposure >= 0 && exposure + realised <= CAP,
            "I5: {exposure} + {realised}"
        );
        for answer in &self.answers {
            let now = self
                .rig
                .answer(&answer.request.id)
                .expect("an answer is never forgotten");
            assert!(same(&now, answer), "I3");
        }
    }
}

/// The same but for a reversal that came in between.
fn same(one: &Answer, other: &Answer) -> bool {
    Answer {
        reversed_to: None,
        ..*one
    } == Answer {
        reversed_to: None,
        ..*other
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_cap_holds_and_answers_stay_i3_i4_i5(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::listed_under(&limits(300, 900, 500, CAP), OPENING);
            let ledger = Ledger::new();
            let mut history = History {
                rig, ledger, answers: Vec::new(), completions: Vec::new(), next: 1,
            };
            for step in &steps {
                history.step(step).await;
                history.check();
            }
            history.take(usize::MAX).await;
            history.feed(usize::MAX);
            history.check();
            let (exposure, realised) = history.rig.charged();
            assert_eq!((exposure, history.rig.backlog()), (0, 0), "drained");
            let overdrawn: i64 = history.ledger.available.values().map(|a| (-a).max(0)).sum();
            let captured: i64 = history.completions.iter().map(|it| it.amount.minor()).sum();
            assert!(
                overdrawn <= realised + captured,
                "every overdraft of ours is charged: {overdrawn} > {realised} + {captured}"
            );
            for account in 1..=4 {
                let held = history.rig.lock().book.held(ledger_api::AccountId(account));
                assert_eq!(held, 0, "the feed shows everything of account {account}");
            }
            for completion in &history.completions {
                let entry = &history.ledger.entries[&numbered(completion.id)];
                let amount = entry.left(completion.amount.minor());
                let expected = match completion.movement {
                    Movement::Capture => amount,
                    Movement::Refund => -amount,
                };
                assert_eq!(entry.effect, expected, "each once, whatever was repeated: I2");
            }
            for answer in &history.answers {
                let number = u32::from_be_bytes(answer.request.id.0[12..].try_into().unwrap());
                let effect = history.ledger.entries.get(&number).map_or(0, |entry| entry.effect);
                let reversed = history.rig.answer(&id(number)).unwrap().reversed_to;
                let told = answer.approved_amount.min(reversed.unwrap_or(answer.approved_amount));
                let of_it = |it: &&Completion| {
                    it.of == Some(id(number)) && it.movement == Movement::Capture
                };
                let captures: Vec<_> = history.completions.iter().filter(of_it).collect();
                let taken = |it: &&Completion| history.ledger.entries[&numbered(it.id)].effect;
                let left = (told.minor() - captures.iter().map(taken).sum::<i64>()).max(0);
                let over = captures.iter().any(|it| !it.more);
                assert_eq!(effect, if over { 0 } else { left }, "the answer wins, I4");
            }
        });
    }
}
