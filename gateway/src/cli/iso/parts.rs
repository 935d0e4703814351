//! Fields that hold several values side by side, part by part.

use iso8583::composite::{
    AdditionalAmount, CompositeError, EntryMode, Fee, Location, OriginalData, ProcessingCode,
    ReplacementAmounts, Sign,
};
use iso8583::tlv::{Element, TlvError};
use iso8583::{Message, Secrecy};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{mask, words};

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    /// What it is.
    pub(super) name: String,
    /// What it says; none where that is not shown.
    pub(super) value: Option<String>,
    /// How many bytes or characters it has.
    pub(super) length: usize,
    /// How many templates of chip data it lies in.
    pub(super) depth: usize,
}

/// Why a field does not fall into its parts. Does not say what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PartsError {
    /// Not of the form it should have.
    #[error(transparent)]
    Composite(#[from] CompositeError),
    /// No chip data.
    #[error("field 55, {0}")]
    Chip(#[from] TlvError),
}

/// The parts of field `number`; none where it has none, or where none of it is shown.
///
/// # Errors
/// If it does not fall into them.
pub(super) fn of(message: &Message<'_>, number: u8) -> Result<Vec<Part>, PartsError> {
    // A later edition gives these numbers another meaning.
    if message.profile().version() != 0 && number != 3 && number != 55 {
        return Ok(Vec::new());
    }
    let parts = match number {
        3 => message.processing_code().map(|it| it.map(processing_code)),
        22 => message.entry_mode().map(|it| it.map(entry_mode)),
        43 if is_open(message, 43) => message.location().map(|it| it.map(|it| location(&it))),
        54 => message
            .additional_amounts()
            .map(|it| it.and_then(|amounts| amounts.map(|it| it.map(additional)).collect())),
        55 => return chip_data(message),
        90 if is_open(message, 90) => message
            .field(90)
            .map(|value| OriginalData::of(&value).map(|original| original_data(&original))),
        95 => message.replacement_amounts().map(|it| it.map(replacement)),
        _ => None,
    };
    Ok(parts.transpose()?.unwrap_or_default())
}

/// What a profile calls personal is only shown where all of it is numbers of the standard.
fn is_open(message: &Message<'_>, number: u8) -> bool {
    let field = message.profile().field(number);
    field.is_some_and(|field| field.secrecy == Secrecy::Open)
}

fn part(name: &str, value: String) -> Part {
    Part {
        name: name.to_owned(),
        length: value.chars().count(),
        value: Some(value),
        depth: 0,
    }
}

fn processing_code(code: ProcessingCode) -> Vec<Part> {
    let ProcessingCode {
        transaction,
        from_account,
        to_account,
    } = code;
    let account = |number: u8| format!("{number:02} {}", words::account(number));
    let what = words::transaction(transaction);
    vec![
        part("transaction", format!("{transaction:02} {what}")),
        part("from account", account(from_account)),
        part("to account", account(to_account)),
    ]
}

fn entry_mode(mode: EntryMode) -> Vec<Part> {
    let EntryMode {
        reading,
        pin_capability,
    } = mode;
    let (how, pin) = (
        words::reading(reading),
        words::pin_capability(pin_capability),
    );
    vec![
        part("card read", format!("{reading:02} {how}")),
        part("terminal", format!("{pin_capability} {pin}")),
    ]
}

fn location(location: &Location) -> Vec<Part> {
    let Location {
        name,
        city,
        region,
        country,
    } = location;
    // Masked as a whole: a number may reach over the end of a part.
    let whole = mask::card_numbers(&format!("{name}\n{city}\n{region}\n{country}"));
    let names = ["name", "city", "region", "country"].into_iter();
    let parts = names.zip(whole.lines());
    let parts = parts.filter(|(_, text)| !text.is_empty());
    parts
        .map(|(name, text)| part(name, text.to_owned()))
        .collect()
}

fn additional(amount: AdditionalAmount) -> Part {
    let AdditionalAmount {
        account,
        kind,
        currency,
        sign,
        minor,
    } = amount;
    let (what, sign) = (words::amount(kind), sign_word(sign));
    let text = format!("{minor} minor units of {currency}, {sign}, account {account:02}");
    part(&format!("{kind:02} {what}"), text)
}

const fn sign_word(sign: Sign) -> &'static str {
    match sign {
        Sign::Credit => "credit",
        Sign::Debit => "debit",
    }
}

fn original_data(original: &OriginalData) -> Vec<Part> {
    let mut parts = vec![
        part("message type", original.mti.to_string()),
        part("trace number", original.stan.to_string()),
        part("transmitted at", original.transmitted_at.to_string()),
        part("acquirer", original.acquirer_id.to_string()),
    ];
    let forwarder = original.forwarder_id.as_ref();
    parts.extend(forwarder.map(|id| part("forwarder", id.to_string())));
    parts
}

fn replacement(amounts: ReplacementAmounts) -> Vec<Part> {
    let fee = |fee: Fee| format!("{} minor units, {}", fee.minor, sign_word(fee.sign));
    let amount = |minor: u64| format!("{minor} minor units");
    vec![
        part("actual amount", amount(amounts.actual_minor)),
        part("settlement amount", amount(amounts.settlement_minor)),
        part("fee", fee(amounts.fee)),
        part("settlement fee", fee(amounts.settlement_fee)),
    ]
}

/// The longest field 55 that a profile can have, in bytes.
const CHIP_DATA_MAX: usize = 9_999;

fn chip_data(message: &Message<'_>) -> Result<Vec<Part>, PartsError> {
    let mut room = Zeroizing::new([0; CHIP_DATA_MAX]);
    let Some(elements) = message.expose_chip_data(&mut *room) else {
        return Ok(Vec::new());
    };
    let elements = elements?.map(|element| Ok(chip_element(&element?)));
    elements.collect()
}

fn chip_element(element: &Element<'_>) -> Part {
    let (name, shown) = words::element(element.tag);
    let shown = shown && !element.is_sensitive() && !element.is_template();
    let hex = || {
        element
            .value
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect()
    };
    Part {
        name: format!("{:02X} {name}", element.tag).trim_end().to_owned(),
        value: shown.then(hex),
        length: element.value.len(),
        depth: element.depth,
    }
}
