//! One store behind both doors: the same message through either one is the same message.

use ledger_api::Currency;
use tests::notebook::Door;
use tests::payment::{Completion, Payment};

use super::{DOORS, Said, code};
use crate::support::{Running, stack};

/// A message, and the code that it must get.
type Step = (Said, &'static str);

/// Conversations about one payment; each is held with its first message through either door and the
/// others through either door, with and without a ledger.
fn conversations(stack: &Running, card: &tests::payment::Card) -> Vec<(&'static str, Vec<Step>)> {
    let payment = || stack.payment(card, 10_00);
    let more = |payment: &Payment| Payment {
        amount_minor: 11_00,
        idempotency_key: format!("{}-changed", payment.idempotency_key),
        ..payment.clone()
    };
    let capture = |of: &Payment| Completion::capture(stack.payment(card, 10_00), of);
    let changed = |it: &Completion, of: &Payment| Completion::capture(more(&it.own), of);
    let (a, b, c, d, e) = (payment(), payment(), payment(), payment(), payment());
    let (of_c, of_d) = (capture(&c), capture(&d));
    let mut other = d.clone();
    other.network.rrn.clone_from(&c.network.rrn);
    let of_other = Completion {
        of: Some(other),
        ..of_c.clone()
    };
    let refund = Completion::refund(stack.payment(card, 3_00), &e);
    vec![
        (
            "a payment and its repeats (rule 1, I3)",
            vec![
                (Said::Pay(a.clone(), false), "00"),
                (Said::Pay(a.clone(), true), "00"),
                (Said::Pay(more(&a), true), "94"),
                (Said::Pay(a.clone(), false), "00"),
                (Said::Reverse(a.clone(), 4_00), "00"),
                (Said::Reverse(a.clone(), 0), "00"),
                (Said::Reverse(a.clone(), 4_00), "00"),
                (Said::Pay(a, true), "00"),
            ],
        ),
        (
            "taken back before it came (rule 9)",
            vec![
                (Said::Reverse(b.clone(), 0), "00"),
                (Said::Pay(b.clone(), false), "05"),
                (Said::Pay(b, true), "05"),
            ],
        ),
        (
            "a payment and its capture",
            vec![
                (Said::Pay(c.clone(), false), "00"),
                (Said::Complete(of_c.clone()), "00"),
                (Said::Complete(changed(&of_c, &c)), "94"),
                (Said::Complete(of_other), "94"),
                (Said::Complete(of_c.clone()), "00"),
                (Said::TakeBack(of_c.clone(), 5_00), "00"),
                (Said::TakeBack(of_c.clone(), 2_00), "00"),
                (Said::Pay(c, true), "00"),
            ],
        ),
        (
            "a capture with its payment's own references",
            vec![
                (Said::Pay(d.clone(), false), "00"),
                (Said::Complete(Completion::capture(d.clone(), &d)), "00"),
                (Said::Pay(d.clone(), true), "00"),
                (Said::Complete(of_d), "00"),
            ],
        ),
        (
            "the network's own answer (rules 5, 6)",
            vec![
                (Said::Advise(e.clone(), 8_00), "00"),
                (Said::Advise(e.clone(), 8_00), "00"),
                (Said::Advise(e.clone(), 9_00), "94"),
                (Said::Complete(refund.clone()), "00"),
                (Said::Complete(refund), "00"),
                (Said::Reverse(e, 6_00), "00"),
            ],
        ),
    ]
}

#[tokio::test]
async fn whichever_door_a_message_comes_through_it_is_the_same_one_rule_1_rule_9_i2_i3_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 10_000_00).await?;
    stack.known(crate::support::PATIENCE).await?;
    for is_down in [false, true] {
        if is_down {
            stack.cut().await?;
        }
        for first in DOORS {
            for others in DOORS {
                for (about, steps) in conversations(&stack, &card) {
                    hold(&stack, (first, others), about, &steps).await?;
                }
            }
        }
    }
    stack.heal().await?;
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}

async fn hold(
    stack: &Running,
    (first, others): (Door, Door),
    about: &str,
    steps: &[Step],
) -> anyhow::Result<()> {
    for (number, (said, expected)) in steps.iter().enumerate() {
        let door = if number == 0 { first } else { others };
        let came = code(stack, 0, door, said).await?;
        assert_eq!(
            came, *expected,
            "{about}, message {number}, {first:?} and {others:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_completion_in_another_currency_waits_for_a_person_i1() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let mut own = stack.payment(&card, 5_00);
    own.currency = "USD".parse::<Currency>()?;
    let alone = Completion {
        own,
        of: None,
        more: false,
    };
    assert_eq!(
        code(&stack, 0, Door::Iso, &Said::Complete(alone.clone())).await?,
        "00"
    );
    stack.settled().await?;
    let (id, id_of) = (
        alone.id(stack.keys()),
        |it: &ledger_api::AuthorizationView| it.id,
    );
    let waiting = stack.ledger().suspense().await?;
    assert_eq!(waiting.iter().map(id_of).collect::<Vec<_>>(), [id]);
    assert_eq!(stack.status(0).await?.parked, 1);
    Ok(())
}
