use std::sync::atomic::{AtomicU32, Ordering};

use iso8583::composite::{OriginalData, ReplacementAmounts};
use iso8583::profile::ASCII_HEX;
use iso8583::{EncodeError, MessageBuilder, Mti};

use crate::payment::{Completion, Payment};

/// 0100, or 0101, for a payment.
///
/// # Errors
/// Where a field of the payment does not fit its format.
pub fn authorization_message(payment: &Payment, repeat: bool) -> anyhow::Result<Vec<u8>> {
    let mti = if repeat { Mti::M0101 } else { Mti::M0100 };
    asked_as(mti, payment)
}

/// 0200, or 0201, for a payment: approved, it takes the money at once.
///
/// # Errors
/// Where a field of the payment does not fit its format.
pub fn purchase_message(payment: &Payment, repeat: bool) -> anyhow::Result<Vec<u8>> {
    let mti = if repeat { Mti::M0201 } else { Mti::M0200 };
    asked_as(mti, payment)
}

fn asked_as(mti: Mti, payment: &Payment) -> anyhow::Result<Vec<u8>> {
    let mut message = with_payment(mti, payment, payment.amount_minor).map_err(bad)?;
    let network = &payment.network;
    set(&mut message, 7, &network.transmitted_at)?;
    set(&mut message, 11, &format!("{:06}", network.stan))?;
    set(&mut message, 14, &format!("{:04}", payment.expiry))?;
    set(&mut message, 18, &payment.mcc)?;
    set(&mut message, 22, &payment.entry_mode)?;
    set(&mut message, 25, "00")?;
    Ok(message.encode())
}

/// 0120: the network approved `approved_minor` itself, all of the payment or a part.
///
/// # Errors
/// Where a field of the payment does not fit its format.
pub fn advice_message(payment: &Payment, approved_minor: i64) -> anyhow::Result<Vec<u8>> {
    let mut message = with_payment(Mti::M0120, payment, approved_minor).map_err(bad)?;
    let network = &payment.network;
    set(&mut message, 7, &network.transmitted_at)?;
    set(&mut message, 11, &format!("{:06}", network.stan))?;
    set(&mut message, 18, &payment.mcc)?;
    set(&mut message, 22, &payment.entry_mode)?;
    set(&mut message, 25, "00")?;
    let code = if approved_minor < payment.amount_minor {
        "10"
    } else {
        "00"
    };
    set(&mut message, 39, code)?;
    Ok(message.encode())
}

/// 0420, or 0400 where not `advice`: the payment is taken back, but for `remaining_minor`. It has a
/// STAN and a time of its own; DE90 names the original.
///
/// # Errors
/// Where a field of the payment does not fit its format.
pub fn reversal_message(
    payment: &Payment,
    remaining_minor: i64,
    advice: bool,
) -> anyhow::Result<Vec<u8>> {
    let mti = if advice { Mti::M0420 } else { Mti::M0400 };
    let original = original_data(Mti::M0100, payment)?;
    reversal_of(mti, payment, remaining_minor, Some(&original))
}

/// 0420 that takes a completion back, but for `remaining_minor`.
///
/// # Errors
/// Where a field of the completion does not fit its format.
pub fn completion_reversal_message(
    completion: &Completion,
    remaining_minor: i64,
) -> anyhow::Result<Vec<u8>> {
    let original = original_data(Mti::M0220, &completion.own)?;
    reversal_of(
        Mti::M0420,
        &completion.own,
        remaining_minor,
        Some(&original),
    )
}

/// 0420 with these 42 digits in DE90, or without.
///
/// # Errors
/// Where a field of the payment does not fit its format.
pub fn reversal_message_naming(
    payment: &Payment,
    remaining_minor: i64,
    original: Option<&str>,
) -> anyhow::Result<Vec<u8>> {
    reversal_of(Mti::M0420, payment, remaining_minor, original)
}

/// 0220, or 0221, for a completion.
///
/// # Errors
/// Where a field of the completion does not fit its format.
pub fn completion_message(completion: &Completion, repeat: bool) -> anyhow::Result<Vec<u8>> {
    let mti = if repeat { Mti::M0221 } else { Mti::M0220 };
    let own = &completion.own;
    let mut message = with_payment(mti, own, own.amount_minor).map_err(bad)?;
    set(&mut message, 7, &own.network.transmitted_at)?;
    set(&mut message, 11, &format!("{:06}", own.network.stan))?;
    set(&mut message, 18, &own.mcc)?;
    set(&mut message, 39, "00")?;
    if let Some(of) = &completion.of {
        set(&mut message, 90, &original_data(Mti::M0100, of)?)?;
    }
    Ok(message.encode())
}

/// The 42 digits of DE90 for a message of this type.
///
/// # Errors
/// Where a reference of the payment does not fit.
pub fn original_data(mti: Mti, payment: &Payment) -> anyhow::Result<String> {
    let network = &payment.network;
    let original = OriginalData::new(
        mti,
        &format!("{:06}", network.stan),
        &network.transmitted_at,
        &network.acquirer_id,
        network.forwarder_id.as_deref(),
    )?;
    Ok(original.encode())
}

fn reversal_of(
    mti: Mti,
    payment: &Payment,
    remaining_minor: i64,
    original: Option<&str>,
) -> anyhow::Result<Vec<u8>> {
    let mut message = with_payment(mti, payment, payment.amount_minor).map_err(bad)?;
    set(&mut message, 7, "1122235959")?;
    set(&mut message, 11, &own_stan())?;
    set(&mut message, 18, &payment.mcc)?;
    set(&mut message, 39, "68")?;
    if let Some(original) = original {
        set(&mut message, 90, original)?;
    }
    if remaining_minor > 0 {
        let remaining = ReplacementAmounts::actual(remaining_minor.unsigned_abs());
        set(&mut message, 95, &remaining.encode()?)?;
    }
    Ok(message.encode())
}

/// 0800 with this DE70.
///
/// # Errors
/// Where the code is not three digits.
pub fn management_message(code: &str) -> anyhow::Result<Vec<u8>> {
    let mut message = MessageBuilder::new(&ASCII_HEX, Mti::M0800);
    set(&mut message, 7, "1122120000")?;
    set(&mut message, 11, &own_stan())?;
    set(&mut message, 70, code)?;
    Ok(message.encode())
}

fn with_payment(
    mti: Mti,
    payment: &Payment,
    amount_minor: i64,
) -> Result<MessageBuilder<'static>, EncodeError> {
    let network = &payment.network;
    let mut message = MessageBuilder::new(&ASCII_HEX, mti);
    message.set(2, &payment.card_number)?;
    message.set(3, &payment.processing_code)?;
    message.set(4, &format!("{amount_minor:012}"))?;
    message.set(32, &network.acquirer_id)?;
    if let Some(forwarder) = &network.forwarder_id {
        message.set(33, forwarder)?;
    }
    message.set(37, &network.rrn)?;
    message.set(41, &network.terminal_id)?;
    message.set(42, &network.merchant_id)?;
    message.set(49, &format!("{:03}", payment.currency.numeric()))?;
    Ok(message)
}

fn set(message: &mut MessageBuilder<'_>, field: u8, text: &str) -> anyhow::Result<()> {
    message.set(field, text).map(|_| ()).map_err(bad)
}

fn bad(error: EncodeError) -> anyhow::Error {
    anyhow::anyhow!("a test message does not encode: {error:?}")
}

/// STANs of messages that are not payments; what they are matched by is class and STAN, so they
/// need not differ from payments'.
fn own_stan() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{:06}", NEXT.fetch_add(1, Ordering::Relaxed) % 1_000_000)
}
