//! Reversals and completions that do not name their original by its key.

use iso8583::Mti;
use tests::iso_client::{completion_message, original_data, reversal_message_naming};
use tests::payment::{Completion, Payment};
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack};

async fn sent(stack: &Running, message: Vec<u8>) -> anyhow::Result<String> {
    let reply = stack.iso(0).await?.exchange(message, PATIENCE).await?;
    Ok(reply.response_code)
}

#[tokio::test]
async fn an_original_is_found_by_card_reference_terminal_and_amount_or_the_answer_is_25_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let other = stack.card("somebody else", 1_000_00).await?;
    let [a, b, c, d] = [10_00, 20_00, 30_00, 40_00].map(|minor| stack.payment(&card, minor));
    // Two that only their keys tell apart.
    let mut twin = stack.payment(&card, 40_00);
    twin.network.rrn = d.network.rrn.clone();
    for payment in [&a, &b, &c, &d, &twin] {
        assert!(stack.pay_iso(0, payment).await?.approved);
    }
    let zeros = "0".repeat(42);
    let whole = original_data(Mti::M0100, &b)?;
    // Without the transmission time, and without the acquirer.
    let (no_time, no_acquirer) = (
        format!("{}{}{}", &whole[..10], "0".repeat(10), &whole[20..]),
        format!("{}{}", &whole[..20], "0".repeat(22)),
    );
    let elsewhere = |mut payment: Payment| {
        payment.network.terminal_id = "TERM0002".into();
        payment
    };
    let of_other = Payment {
        card_number: other.number.clone(),
        token: other.token,
        ..a.clone()
    };
    let more = Payment {
        amount_minor: 10_01,
        ..a.clone()
    };
    let completion = original_data(Mti::M0220, &Payment::clone(&a))?;
    let no_key = format!("{}{}", &completion[..4], "0".repeat(38));
    let unknown = stack.payment(&card, 50_00);
    for (what, payment, original, expected) in [
        ("no match by amount", &more, None, "25"),
        ("no match by terminal", &elsewhere(a.clone()), None, "25"),
        ("no match by card", &of_other, None, "25"),
        ("never seen", &unknown, None, "25"),
        ("ambiguous", &d, Some(&zeros), "25"),
        ("a completion without its key", &a, Some(&no_key), "25"),
        ("no DE90", &a, None, "00"),
        ("again", &a, None, "00"),
        ("no time", &b, Some(&no_time), "00"),
        ("no acquirer", &b, Some(&no_acquirer), "00"),
        ("nothing but zeros", &c, Some(&zeros), "00"),
    ] {
        let original = original.map(String::as_str);
        let message = reversal_message_naming(payment, 0, original)?;
        assert_eq!(sent(&stack, message).await?, expected, "{what}");
    }
    let refused = stack.scrape(0).await?;
    let not_found = refused.value(
        "holdfast_reversals_total",
        &[("door", "iso8583"), ("outcome", "no_original")],
    );
    assert_eq!(not_found, Some(6.0));
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 1_000_00 - 80_00);
    Ok(())
}

#[tokio::test]
async fn a_completion_without_key_finds_its_authorization_whatever_its_amount_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let held = stack.payment(&card, 30_00);
    assert!(stack.pay_iso(0, &held).await?.approved);
    let mut own = stack.payment(&card, 45_00);
    own.network.rrn = held.network.rrn.clone();
    let capture = Completion {
        own,
        of: None,
        more: false,
    };
    for repeat in [false, true] {
        let message = completion_message(&capture, repeat)?;
        let reply = stack.iso(0).await?.exchange(message, PATIENCE).await?;
        let (mti, code) = (reply.mti.as_str(), reply.response_code.as_str());
        assert_eq!((mti, code), ("0230", "00"));
    }
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        55_00,
        "the hold is gone, the capture is posted"
    );
    Ok(())
}

#[tokio::test]
async fn what_no_completion_can_be_is_refused_by_name() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let alone = |own: Payment| Completion {
        own,
        of: None,
        more: false,
    };
    let inquiry = Payment {
        processing_code: "300000".into(),
        ..stack.payment(&card, 1_00)
    };
    let message = completion_message(&alone(inquiry), false)?;
    assert_eq!(sent(&stack, message).await?, "40");
    let wrong = Payment {
        card_number: format!("{}9", &card.number[..15]),
        ..stack.payment(&card, 1_00)
    };
    if wrong.card_number != card.number {
        let reply = stack
            .iso(0)
            .await?
            .exchange(completion_message(&alone(wrong), false)?, PATIENCE)
            .await?;
        let refused = (reply.response_code.as_str(), reply.additional.as_deref());
        assert_eq!(refused, ("30", Some("002")));
    }
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_completion_that_was_declined_moves_nothing_i2() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let it = Completion {
        own: stack.payment(&card, 10_00),
        of: None,
        more: false,
    };
    let mut message = completion_message(&it, false)?;
    let place = iso8583::decode(&iso8583::profile::ASCII_HEX, &message)
        .unwrap()
        .place_of(39)
        .unwrap();
    message[place].copy_from_slice(b"51");
    assert_eq!(sent(&stack, message).await?, "00");
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    Ok(())
}

#[tokio::test]
async fn who_does_not_say_what_is_reversed_has_both_taken_back_i4() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let it = stack.payment(&card, 10_00);
    let iso = stack.iso(0).await?;
    assert!(crate::support::answered(iso.purchase(&it, false, PATIENCE).await)?.approved);
    let whole = original_data(Mti::M0200, &it)?;
    let original = format!("0000{}", &whole[4..]);
    let message = reversal_message_naming(&it, 0, Some(&original))?;
    let reply = stack.iso(1).await?.exchange(message, PATIENCE).await?;
    assert_eq!(reply.response_code, "00");
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    Ok(())
}

#[tokio::test]
async fn a_reversal_without_a_key_waits_for_what_is_in_flight_rule_9() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.known(PATIENCE).await?;
    let it = stack.payment(&card, 10_00);
    stack.pause_ledger().await;
    let message = reversal_message_naming(&it, 0, None)?;
    let link = stack.iso(0).await?;
    let (paid, reversed) = tokio::join!(stack.pay_iso(0, &it), async {
        in_flight(&stack).await?;
        link.exchange(message, PATIENCE).await
    });
    assert!(paid?.approved);
    assert_eq!(reversed?.response_code, "00");
    stack.resume_ledger().await;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    Ok(())
}

#[tokio::test]
async fn a_completion_of_a_purchase_is_the_capture_that_it_has_i2() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let it = stack.payment(&card, 10_00);
    let iso = stack.iso(0).await?;
    assert!(crate::support::answered(iso.purchase(&it, false, PATIENCE).await)?.approved);
    let capture = Completion::capture(stack.payment(&card, 10_00), &it);
    let mut message = completion_message(&capture, false)?;
    let place = iso8583::decode(&iso8583::profile::ASCII_HEX, &message)
        .unwrap()
        .place_of(90)
        .unwrap();
    message[place.start..place.start + 4].copy_from_slice(b"0200");
    assert_eq!(sent(&stack, message).await?, "00");
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 90_00);
    Ok(())
}

/// Waits until the first gateway works on something.
async fn in_flight(stack: &Running) -> anyhow::Result<()> {
    let works = async || {
        let status = stack.status(0).await.ok();
        status.and_then(|status| status.rest.get("in_flight")?.as_u64()) > Some(0)
    };
    wait_until("a payment is in flight", PATIENCE, works).await?;
    Ok(())
}
