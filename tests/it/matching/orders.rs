//! Messages about one payment in any order, through any door, with and without a ledger.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tests::notebook::Door;
use tests::payment::{Card, Completion};

use super::{DOORS, Said, code};
use crate::support::{PATIENCE, Running, stack};

const SEED: u64 = 7;
const CONVERSATIONS: usize = 90;

/// Some of these, in some order: 0100, 0101, 0120, 0220 twice, 0400 in part, 0420.
fn conversation(stack: &Running, card: &Card, chance: &mut ChaCha8Rng) -> Vec<(Said, Door)> {
    let amount = chance.random_range(10..=60_i64);
    let payment = stack.payment(card, amount);
    let capture = |more, chance: &mut ChaCha8Rng| Completion {
        more,
        ..Completion::capture(
            stack.payment(card, chance.random_range(1..=80_i64)),
            &payment,
        )
    };
    let captured = capture(false, chance);
    let mut said = vec![
        (Said::Pay(payment.clone(), false), None),
        (Said::Pay(payment.clone(), true), None),
        (Said::Advise(payment.clone(), amount), None),
        (Said::Complete(captured.clone()), None),
        // Only the HTTP door can say that more follow.
        (Said::Complete(capture(true, chance)), Some(Door::Http)),
        (Said::Reverse(payment.clone(), amount / 2), None),
        (Said::Reverse(payment, 0), None),
        (Said::TakeBack(captured, 1), None),
    ];
    said.shuffle(chance);
    let count = chance.random_range(1..=said.len());
    said.truncate(count);
    said.into_iter()
        .map(|(said, door)| (said, door.unwrap_or(DOORS[chance.random_range(0..2)])))
        .collect()
}

#[tokio::test]
async fn any_order_of_messages_through_any_door_is_booked_as_it_was_told_i1_i2_i3_i4_i5_i6_i13()
-> anyhow::Result<()> {
    println!("seed {SEED}");
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_000_00).await?;
    stack.known(PATIENCE).await?;
    let mut messages = 0;
    for round in 0..3 {
        if round == 1 {
            stack.cut().await?;
        }
        for number in 0..CONVERSATIONS / 3 {
            for (said, door) in conversation(&stack, &card, &mut chance) {
                // Reversals and completions are for any gateway; so is a first message while the ledger
                // answers. A repeat is for the home.
                let is_told = !matches!(said, Said::Pay(..));
                let gateway = usize::from(is_told && chance.random_bool(0.3));
                let came = code(&stack, gateway, door, &said).await?;
                let told = format!("conversation {round}.{number}: {said:?} at {gateway}: {came}");
                assert!(!is_told || came == "00", "{told}");
                messages += 1;
            }
            if round == 1 && number == 15 {
                stack.kill_gateway(0).await;
                stack.restart_gateway(0).await?;
            }
        }
        if round == 1 {
            stack.heal().await?;
        }
    }
    assert!(messages > CONVERSATIONS * 3, "{messages}");
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}
