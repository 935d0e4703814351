//! Reversals and completions that do not name their original by its key.

use iso8583::Mti;
use tests::iso_client::{completion_message, original_data, reversal_message_naming};
use tests::payment::{Completion, Payment};

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
