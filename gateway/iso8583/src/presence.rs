//! What a message must and must not carry, as a table that a profile brings along.
//!
//! Two tables come with this crate. [`ESSENTIAL_1987`], which the built-in profiles have, asks only
//! for what a decision and its matching need. [`ISSUER_1987`] is what an issuer's host may hold its
//! acquirers to, with conditions, fields that must not be there, and fields that an answer repeats.

mod tables;

pub use tables::{ESSENTIAL_1987, ISSUER_1987};

use std::borrow::Cow;

use crate::composite::Short;
use crate::{Message, Mti, Profile, Value};

/// Message types that share their demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The types this rule is for.
    pub mtis: Cow<'static, [Mti]>,
    /// In the order in which they are checked.
    pub demands: Cow<'static, [Demand]>,
}

/// What is asked of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Demand {
    /// Its number.
    pub field: u8,
    /// What is asked.
    pub need: Need,
    /// Of which messages.
    pub when: When,
}

/// What can be asked of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// It is there and has content.
    Present,
    /// It is not there.
    Absent,
    /// In an answer: it is there with the same content if the request has it.
    Echo,
}

/// Of which messages something is asked. Looks at the message itself, not at its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Of all.
    Always,
    /// Of those that have this field.
    With(u8),
    /// Of those that do not have this field.
    Without(u8),
    /// Of those that only ask something: field 3 begins with 3.
    Inquiry,
    /// Of all others: these are about an amount.
    NotInquiry,
    /// Of those where a chip was read: field 22 says 05 or 07.
    Chip,
    /// Of those where the card number was typed: field 22 says 01 or 79.
    Keyed,
    /// Of those that approve: field 39.
    Approved,
    /// Of those that do not approve all that was asked for: field 39 is not 10.
    NotPartial,
}

/// Response codes that approve (field 39 of 1987).
pub const APPROVING: [&str; 7] = ["00", "08", "10", "11", "16", "85", "87"];

impl When {
    /// Whether it is one of these messages.
    pub fn holds(self, message: &Message<'_>) -> bool {
        let code = |code: &str| message.field(39).is_some_and(|value| value == *code);
        let entry_mode = || message.entry_mode().and_then(Result::ok);
        match self {
            Self::Always => true,
            Self::With(number) => message.has(number),
            Self::Without(number) => !message.has(number),
            Self::Inquiry => is_inquiry(message),
            Self::NotInquiry => !is_inquiry(message),
            Self::Chip => entry_mode().is_some_and(|mode| mode.is_chip()),
            Self::Keyed => entry_mode().is_some_and(|mode| mode.is_keyed()),
            Self::Approved => APPROVING.into_iter().any(code),
            Self::NotPartial => !code("10"),
        }
    }
}

fn is_inquiry(message: &Message<'_>) -> bool {
    let code = message.processing_code().and_then(Result::ok);
    code.is_some_and(|code| code.is_inquiry())
}

/// A demand that a message does not meet: refuse it with 30 in field 39, and
/// [`Breach::additional_data`] in field 44. Says nothing of what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field {field} {kind}")]
pub struct Breach {
    /// The field.
    pub field: u8,
    /// What is wrong with it.
    pub kind: BreachKind,
}

/// How a demand is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BreachKind {
    /// Not there.
    #[error("is missing: send it with messages of this type")]
    Missing,
    /// There, without content.
    #[error("is empty: send it with content")]
    Empty,
    /// There, and should not be.
    #[error("must not be there: leave it out of messages of this type")]
    Forbidden,
    /// Not as in the request.
    #[error("is not what the request had: an answer repeats it")]
    NotEchoed,
}

impl Breach {
    /// Field 44 of the refusal: see [`additional_data`].
    pub fn additional_data(&self) -> Short<3> {
        additional_data(self.field)
    }
}

/// Field 44 of a refusal with 30 in field 39: the number of the field at fault in three digits.
pub fn additional_data(field: u8) -> Short<3> {
    let digits = [field / 100, field / 10 % 10, field % 10].map(|digit| b'0' + digit);
    // Three digits are three characters.
    Short::new(str::from_utf8(&digits).unwrap_or_default()).unwrap_or_else(Short::empty)
}

/// Field 39 of 1987: the message cannot be read or lacks something.
pub const FORMAT_ERROR: &str = "30";

/// The demands on messages of this type; None if the profile has no rule for it, which is how it
/// says that a host does not receive such messages.
pub fn demands(profile: &Profile, mti: Mti) -> Option<&[Demand]> {
    let rule = profile
        .presence()
        .iter()
        .find(|rule| rule.mtis.contains(&mti))?;
    Some(&rule.demands)
}

/// Checks a message against the rules of its profile. Fine if there is no rule for its type.
///
/// # Errors
/// With the first demand that it does not meet.
pub fn check(message: &Message<'_>) -> Result<(), Breach> {
    check_by(message.profile().presence(), message)
}

/// The same with rules of your own, for example [`ISSUER_1987`].
///
/// # Errors
/// With the first demand that the message does not meet.
pub fn check_by(rules: &[Rule], message: &Message<'_>) -> Result<(), Breach> {
    for demand in demanded(rules, message) {
        let value = message.expose_field(demand.field);
        let kind = match (demand.need, value.as_ref().map(Value::is_empty)) {
            (Need::Present, None) => BreachKind::Missing,
            (Need::Present, Some(true)) => BreachKind::Empty,
            (Need::Absent, Some(_)) => BreachKind::Forbidden,
            _ => continue,
        };
        let field = demand.field;
        return Err(Breach { field, kind });
    }
    Ok(())
}

/// Checks that an answer repeats what the rules say it repeats, beside its other demands.
///
/// # Errors
/// With the first demand that the answer does not meet.
pub fn check_answer(
    rules: &[Rule],
    request: &Message<'_>,
    answer: &Message<'_>,
) -> Result<(), Breach> {
    check_by(rules, answer)?;
    let echoes = demanded(rules, answer).filter(|demand| demand.need == Need::Echo);
    for Demand { field, .. } in echoes {
        let sent = request.expose_field(field);
        if sent.is_some() && sent != answer.expose_field(field) {
            let kind = BreachKind::NotEchoed;
            return Err(Breach { field, kind });
        }
    }
    Ok(())
}

fn demanded(rules: &[Rule], message: &Message<'_>) -> impl Iterator<Item = Demand> {
    let rule = rules.iter().find(|rule| rule.mtis.contains(&message.mti()));
    let demands = rule.map(|rule| rule.demands.iter()).unwrap_or_default();
    demands.copied().filter(|demand| demand.when.holds(message))
}

/// The number of the field of the first demand that `message` does not meet.
pub fn missing(message: &Message<'_>) -> Option<u8> {
    check(message).err().map(|breach| breach.field)
}
