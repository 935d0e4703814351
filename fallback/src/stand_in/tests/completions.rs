//! Captures and refunds: taken, told once, and subtracted for what nothing else subtracts.

use ledger_api::{AccountId, AdviceItem, AdviceOutcome, Amount, Fingerprint, Mark};

use super::rig::{EPOCH, Rig, account, id, minor, request, token};
use crate::disk::{Effect, Torn};
use crate::words::{Accepted, Completion, Movement, NotTaken};

/// A final capture of `of` on card 1.
fn capture(number: u32, of: u32, amount: i64) -> Completion {
    Completion {
        id: id(number),
        of: (of != 0).then(|| id(of)),
        movement: Movement::Capture,
        card: token(1),
        amount: minor(amount),
        currency: "EUR".parse().unwrap(),
        more: false,
        fingerprint: Fingerprint(u64::from(number)),
    }
}

fn one_of_several(number: u32, of: u32, amount: i64) -> Completion {
    Completion {
        more: true,
        ..capture(number, of, amount)
    }
}

fn refund(number: u32, of: u32, amount: i64) -> Completion {
    Completion {
        movement: Movement::Refund,
        ..capture(number, of, amount)
    }
}

impl Rig {
    async fn complete(&self, completion: Completion) -> Accepted {
        let accepted = self.accept_completion(completion, self.now).await;
        accepted.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn reverse(&self, number: u32, remaining: i64) {
        let remaining = minor(remaining);
        self.accept_reversal(id(number), token(1), remaining, self.now)
            .await
            .unwrap();
    }

    /// What is subtracted from the balance of account 1.
    fn subtracted(&self) -> i64 {
        self.lock().book.held(AccountId(1))
    }

    /// All that waits to be told, as kinds, numbers and money.
    fn told(&self) -> Vec<(&'static str, u32, i64)> {
        let (_, items) = self.pending_advices(1_000);
        items.iter().map(in_short).collect()
    }
}

fn in_short(item: &AdviceItem) -> (&'static str, u32, i64) {
    let number = u32::from_be_bytes(item.id().0[12..].try_into().unwrap());
    let (kind, minor): (_, Amount) = match item {
        AdviceItem::Advice(advice) => ("advice", advice.approved_minor),
        AdviceItem::Reversal(reversal) => ("reversal", reversal.remaining_minor),
        AdviceItem::Capture(capture) => ("capture", capture.amount_minor),
        AdviceItem::Refund(refund) => ("refund", refund.amount_minor),
    };
    (kind, number, minor.minor())
}

/// What happens on card 1, and what is subtracted from its account afterwards.
enum Happens {
    Approved(u32, i64),
    ByLedger(u32, i64),
    Completed(Completion),
    Reversed(u32, i64),
    Shown(i64),
}

#[tokio::test]
async fn a_capture_is_subtracted_for_what_its_hold_does_not_cover_rule_18() {
    use Happens::{Approved, ByLedger, Completed, Reversed, Shown};
    let cases: [(&str, Vec<(Happens, i64)>); 14] = [
        (
            "of a hold",
            vec![
                (Approved(1, 100), 100),
                (Completed(capture(10, 1, 80)), 100),
                (Shown(920), 0),
            ],
        ),
        (
            "beyond a hold",
            vec![
                (Approved(1, 100), 100),
                (Completed(capture(10, 1, 130)), 130),
                (Shown(870), 0),
            ],
        ),
        (
            "several of one hold",
            vec![
                (Approved(1, 100), 100),
                (Completed(one_of_several(10, 1, 60)), 100),
                (Completed(one_of_several(11, 1, 30)), 100),
                (Completed(one_of_several(12, 1, 30)), 120),
                (Completed(capture(13, 1, 5)), 125),
            ],
        ),
        (
            "after the last one",
            vec![
                (Approved(1, 100), 100),
                (Completed(capture(10, 1, 60)), 100),
                (Completed(capture(11, 1, 30)), 130),
            ],
        ),
        (
            "of a hold that the balance shows",
            vec![
                (ByLedger(1, 100), 100),
                (Shown(900), 0),
                (Completed(capture(10, 1, 100)), 0),
                (Completed(capture(11, 1, 40)), 40),
                (Shown(860), 0),
            ],
        ),
        (
            "of what is not known here, or of nothing",
            vec![
                (Completed(capture(10, 1, 70)), 70),
                (Completed(capture(11, 0, 30)), 100),
            ],
        ),
        (
            "before its authorization",
            vec![(Completed(capture(10, 1, 70)), 70), (Approved(1, 100), 100)],
        ),
        (
            "of an authorization that is taken back",
            vec![
                (Approved(1, 100), 100),
                (Completed(capture(10, 1, 80)), 100),
                (Reversed(1, 50), 80),
                (Reversed(1, 0), 80),
            ],
        ),
        (
            "that is taken back itself",
            vec![
                (Approved(1, 100), 100),
                (Completed(capture(10, 1, 130)), 130),
                (Reversed(10, 110), 110),
                (Reversed(10, 20), 100),
                (Reversed(10, 0), 100),
            ],
        ),
        (
            "that was taken back before it came",
            vec![(Reversed(10, 0), 0), (Completed(capture(10, 0, 130)), 0)],
        ),
        (
            "a refund",
            vec![
                (Completed(refund(10, 0, 500)), 0),
                (Approved(1, 100), 100),
                (Completed(refund(11, 1, 100)), 100),
            ],
        ),
        (
            "a refund that is taken back, which the balance may show",
            vec![
                (Completed(refund(10, 0, 500)), 0),
                (Shown(1_500), 0),
                (Reversed(10, 200), 300),
                (Reversed(10, 0), 500),
                (Approved(1, 100), 600),
                (Shown(900), 0),
            ],
        ),
        (
            "a refund that was taken back before it came",
            vec![(Reversed(10, 0), 0), (Completed(refund(10, 0, 500)), 0)],
        ),
        (
            "whatever is available",
            vec![(Completed(capture(10, 0, 5_000)), 5_000)],
        ),
    ];
    for (case, steps) in cases {
        let mut rig = Rig::listed(&[], 1_000);
        let mut position = 1;
        for (number, (happens, expected)) in steps.into_iter().enumerate() {
            let exposure = rig.charged();
            match happens {
                Approved(number, amount) => {
                    rig.approve(request(number, 1, amount)).await;
                }
                ByLedger(number, amount) => {
                    rig.ledger_approves(request(number, 1, amount), position)
                        .await;
                }
                Completed(completion) => {
                    rig.complete(completion).await;
                    assert_eq!(rig.charged(), exposure, "{case}: never exposure");
                }
                Reversed(number, remaining) => rig.reverse(number, remaining).await,
                Shown(available) => {
                    rig.take_all(position).await;
                    rig.feed(position, vec![account(position, 1, available)]);
                    position += 1;
                }
            }
            assert_eq!(rig.subtracted(), expected, "{case}, step {number}");
            rig.restart();
            assert_eq!(rig.subtracted(), expected, "{case}, step {number}, again");
        }
    }
}

#[tokio::test]
async fn a_completion_is_told_once_whatever_is_repeated_rule_18_i2_i3() {
    let mut rig = Rig::listed(&[], 1_000);
    rig.approve(request(1, 1, 100)).await;
    let first = rig.complete(capture(10, 1, 100)).await;
    let back = rig.complete(refund(11, 1, 40)).await;
    let all = [("advice", 1, 100), ("capture", 10, 100), ("refund", 11, 40)];
    for _ in 0..2 {
        let again = Accepted {
            duplicate: true,
            ..first
        };
        assert_eq!(rig.complete(capture(10, 1, 100)).await, again);
        // To what it belongs was found out otherwise the second time.
        assert_eq!(rig.complete(capture(10, 0, 100)).await, again);
        assert!(rig.complete(refund(11, 1, 40)).await.duplicate);
        for other in [
            capture(10, 1, 101),
            refund(10, 1, 100),
            one_of_several(10, 1, 100),
            Completion {
                fingerprint: Fingerprint(77),
                ..capture(10, 1, 100)
            },
        ] {
            let refused = rig.accept_completion(other, rig.now).await;
            assert_eq!(refused, Err(NotTaken::Conflict), "{other:?}");
        }
        assert_eq!(rig.told(), all);
        rig.restart();
    }
    assert!(first.seq < back.seq);
    rig.take_all(7).await;
    rig.restart();
    assert_eq!((rig.told(), rig.backlog()), (vec![], 0));
    assert!(rig.complete(capture(10, 1, 100)).await.duplicate);
    assert_eq!(rig.backlog(), 0, "it is not told again");
}

#[tokio::test]
async fn a_restored_ledger_is_told_of_completions_again_rule_22() {
    let mut rig = Rig::listed(&[], 1_000);
    rig.approve(request(1, 1, 100)).await;
    rig.complete(capture(10, 1, 150)).await;
    rig.complete(refund(11, 1, 40)).await;
    let all = rig.told();
    rig.take_all(1).await;
    rig.feed(1, vec![account(1, 1, 890)]);
    assert_eq!((rig.subtracted(), rig.backlog()), (0, 0));
    let restored = Mark {
        epoch: EPOCH + 1,
        position: 50,
    };
    rig.list(restored, 1_000);
    assert_eq!((rig.subtracted(), rig.told()), (150, all.clone()));
    rig.restart();
    assert_eq!((rig.subtracted(), rig.told()), (150, all));
    rig.take_all_as(restored, &AdviceOutcome::Applied).await;
    assert_eq!(
        (rig.subtracted(), rig.backlog()),
        (0, 0),
        "the listing is newer"
    );
}

#[tokio::test]
async fn what_was_accepted_is_there_wherever_the_machine_stops_i1_i2() {
    for effect in [Effect::None, Effect::Half, Effect::Whole] {
        for k in 1.. {
            let mut rig = Rig::listed(&[], 1_000);
            rig.disk.crash_at(k, effect);
            let promised = script(&rig).await;
            let stopped = rig.disk.crashed();
            rig.stop();
            rig.disk = rig.disk.after_power_cut(Torn::Some(k));
            rig.start();
            let found: Vec<_> = rig.told().into_iter().map(|(kind, ..)| kind).collect();
            let kinds = ["advice", "capture", "reversal", "refund", "reversal"];
            assert_eq!(
                kinds.get(..found.len()),
                Some(&found[..]),
                "{k}, {effect:?}"
            );
            assert!(found.len() >= promised, "{k}, {effect:?}: {found:?}");
            // The network sends again what was not answered, and everything is told once.
            assert_eq!(script(&rig).await, kinds.len());
            let all = [
                ("advice", 1, 100),
                ("capture", 10, 130),
                ("reversal", 10, 110),
                ("refund", 11, 5),
                ("reversal", 1, 0),
            ];
            assert_eq!((&rig.told()[..], rig.subtracted()), (&all[..], 110));
            if !stopped {
                assert!(k > 10, "the run is long enough to mean something: {k}");
                break;
            }
        }
    }
}

/// Five messages, as long as they are answered; how many were.
async fn script(rig: &Rig) -> usize {
    let (now, card) = (rig.now, token(1));
    let paid = rig.decide(
        request(1, 1, 100),
        ledger_api::Cause::LedgerTimeout,
        true,
        now,
    );
    if paid.await.is_err() {
        return 0;
    }
    if rig
        .accept_completion(capture(10, 1, 130), now)
        .await
        .is_err()
    {
        return 1;
    }
    let partly = rig.accept_reversal(id(10), card, minor(110), now);
    if partly.await.is_err() {
        return 2;
    }
    if rig.accept_completion(refund(11, 0, 5), now).await.is_err() {
        return 3;
    }
    let back = rig.accept_reversal(id(1), card, minor(0), now);
    if back.await.is_err() { 4 } else { 5 }
}

/// `"more": true` is what a caller may say of a refund too. Whatever is written has to be read again, or the
/// gateway never starts any more.
#[tokio::test]
async fn a_refund_of_which_more_are_said_to_follow_is_read_again_after_a_restart_rule_18_i14() {
    let mut rig = Rig::listed(&[], 1_000);
    let more = |completion| Completion {
        more: true,
        ..completion
    };
    rig.complete(more(refund(10, 1, 70))).await;
    rig.restart();
    assert!(rig.complete(refund(10, 1, 70)).await.duplicate);
    assert_eq!(rig.told(), [("refund", 10, 70)]);
    assert!(rig.complete(more(refund(10, 1, 70))).await.duplicate);
}
