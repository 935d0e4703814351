//! A record as JSON.

use fallback::DecidedBy;
use fallback::journal::{Acknowledged, Answered, Completed, Entry, Record, Reversed};
use serde_json::{Value, json};

/// One line's worth. Amounts are minor units of the currency beside them; `at_ms` counts from the start
/// of the machine, see the `booted` record before it.
pub(super) fn json(entry: &Entry) -> Value {
    let mut value = match &entry.record {
        Record::Answer(answered) => answer(answered),
        Record::Reversal(reversed) => reversal(reversed),
        Record::Completion(completed) => completion(completed),
        Record::Acknowledged(acknowledged) => acknowledgement(acknowledged),
        Record::Booted(booted) => json!({
            "at_ms": booted.at_ms,
            "boot_id": format!("{:032x}", booted.boot_id),
            "policy": hex(booted.policy_hash),
        }),
        Record::Covered(covered) => json!({
            "at_ms": covered.at_ms,
            "covers": covered.seq,
            "shortfall_minor": covered.shortfall,
        }),
        Record::Synced => json!({}),
    };
    if let Value::Object(fields) = &mut value {
        fields.insert("seq".to_owned(), entry.seq.into());
        fields.insert("kind".to_owned(), kind(&entry.record).into());
    }
    value
}

/// What kind of record it is.
pub(super) const fn kind(record: &Record) -> &'static str {
    match record {
        Record::Answer(_) => "answer",
        Record::Reversal(_) => "reversal",
        Record::Completion(_) => "completion",
        Record::Acknowledged(_) => "acknowledged",
        Record::Booted(_) => "booted",
        Record::Covered(_) => "covered",
        Record::Synced => "synced",
    }
}

/// Who decided.
pub(super) const fn decider(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Ledger => "ledger",
        DecidedBy::StandIn => "stand_in",
        DecidedBy::Network => "network",
    }
}

fn answer(answered: &Answered) -> Value {
    let request = &answered.request;
    json!({
        "at_ms": answered.at_ms,
        "id": request.id.to_string(),
        "card": request.card.to_string(),
        "account": answered.account.map(|account| account.to_string()),
        "amount_minor": request.amount,
        "currency": request.currency.to_string(),
        "stan": format!("{:06}", request.stan),
        "rrn": String::from_utf8_lossy(&request.rrn),
        "repeat": request.repeat,
        "captures": request.captures,
        "verification": {
            "cvv2": request.verification.cvv2.name(),
            "pin": request.verification.pin.name(),
            "arqc": request.verification.arqc.name(),
        },
        "purpose": request.circumstances.kind.name(),
        "entry": request.circumstances.entry.name(),
        "mcc": request.circumstances.mcc,
        "country": request.circumstances.country,
        "approved": answered.approved,
        "approved_minor": answered.approved_amount,
        "reason": answered.reason.name(),
        "broken": answered.broken.iter().map(|reason| reason.name()).collect::<Vec<_>>(),
        "exposure_before_minor": answered.exposure_before,
        "exposure_after_minor": answered.exposure_after,
        "by": decider(answered.by),
        "cause": answered.cause.name(),
        "ledger_asked": answered.asked,
        "policy": hex(answered.policy_hash),
        "knowledge_age_ms": answered.knowledge_age_ms,
    })
}

fn reversal(reversed: &Reversed) -> Value {
    json!({
        "at_ms": reversed.at_ms,
        "id": reversed.id.to_string(),
        "card": reversed.card.to_string(),
        "remaining_minor": reversed.remaining,
    })
}

fn completion(completed: &Completed) -> Value {
    let completion = &completed.completion;
    json!({
        "at_ms": completed.at_ms,
        "id": completion.id.to_string(),
        "of": completion.of.map(|of| of.to_string()),
        "movement": match completion.movement {
            fallback::Movement::Capture => "capture",
            fallback::Movement::Refund => "refund",
        },
        "card": completion.card.to_string(),
        "account": completed.account.map(|account| account.to_string()),
        "amount_minor": completion.amount,
        "currency": completion.currency.to_string(),
        "more": completion.more,
    })
}

fn acknowledgement(acknowledged: &Acknowledged) -> Value {
    json!({
        "at_ms": acknowledged.at_ms,
        "acknowledges": acknowledged.seq,
        "parked": acknowledged.parked.map(|reason| reason.name()),
        "mark": { "epoch": acknowledged.mark.epoch, "position": acknowledged.mark.position },
    })
}

/// As the policy's hash is written everywhere.
fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}
