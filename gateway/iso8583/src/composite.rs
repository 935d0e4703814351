//! Fields that hold several values side by side, taken apart on demand.
//!
//! Nothing here borrows or allocates: the parts are copied out of the field, whose characters may
//! travel in any way.

mod additional_amounts;
mod location;
mod original_data;
mod processing;
mod replacement_amounts;
mod short;

pub use additional_amounts::{AdditionalAmount, AdditionalAmounts};
pub use location::Location;
pub use original_data::OriginalData;
pub use processing::{EntryMode, ProcessingCode};
pub use replacement_amounts::{Fee, ReplacementAmounts};
pub use short::Short;

/// Whether an amount is for or against the cardholder, or whoever pays a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// C.
    Credit,
    /// D.
    Debit,
}

impl Sign {
    fn of(character: u8) -> Option<Self> {
        match character {
            b'C' => Some(Self::Credit),
            b'D' => Some(Self::Debit),
            _ => None,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Credit => 'C',
            Self::Debit => 'D',
        }
    }
}

/// The characters do not fall into the parts that the field should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompositeError {
    /// Field 3.
    #[error("field 3 is six digits: transaction type 2, from account 2, to account 2")]
    ProcessingCode,
    /// Field 22.
    #[error("field 22 is three or four digits: entry mode 2, PIN capability 1")]
    EntryMode,
    /// Field 35.
    #[error("track 2 is a card number, = or D, expiry 4, service code 3, and what the issuer adds")]
    Track2,
    /// Field 43.
    #[error(
        "field 43 is 40 characters: name, city, region and country as the profile divides them"
    )]
    Location,
    /// Field 54.
    #[error(
        "field 54 is one to six times 20 characters: account 2, kind 2, currency 3, C or D, amount 12"
    )]
    AdditionalAmounts,
    /// Field 55, and the caller's room is too short for it.
    #[error("field 55 does not fit the room for its bytes: give 255 bytes or more")]
    ChipDataRoom,
    /// Field 90.
    #[error("field 90 is 42 digits: type 4, trace number 6, time 10, acquirer 11, forwarder 11")]
    OriginalData,
    /// Field 95.
    #[error(
        "field 95 is 42 characters: actual amount 12, settlement amount 12, and twice C or D and a fee of 8"
    )]
    ReplacementAmounts,
}

/// The number that two or more ASCII digits say.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
