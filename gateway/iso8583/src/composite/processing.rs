//! Fields 3 and 22: what is to be done, and how the card was read.

use super::{CompositeError, digits};
use crate::Value;

/// Field 3. The numbers are those of the standard; 0 is a purchase, and an account of the kind
/// that the card has by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessingCode {
    /// 0 to 99: 0 purchase, 1 cash, 9 purchase with cash-back, 20 refund, 30 and up inquiries …
    pub transaction: u8,
    /// 0 to 99: the kind of account that pays.
    pub from_account: u8,
    /// 0 to 99: the kind of account that receives.
    pub to_account: u8,
}

impl ProcessingCode {
    /// Reads six digits.
    ///
    /// # Errors
    /// If the field is anything else.
    pub fn of(value: &Value<'_>) -> Result<Self, CompositeError> {
        let [transaction, from_account, to_account] =
            pairs(value).ok_or(CompositeError::ProcessingCode)?;
        Ok(Self {
            transaction,
            from_account,
            to_account,
        })
    }

    /// Whether only something is asked and no money moves: 30 to 39.
    pub const fn is_inquiry(self) -> bool {
        matches!(self.transaction, 30..=39)
    }
}

fn pairs(value: &Value<'_>) -> Option<[u8; 3]> {
    let mut room = [0; 6];
    let text = value.copy_to(&mut room)?;
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let [a, b, c] = pairs else {
        return None;
    };
    let pair = |pair: &[u8; 2]| digits(pair).and_then(|number| u8::try_from(number).ok());
    Some([pair(a)?, pair(b)?, pair(c)?])
}

/// Field 22 of 1987: three digits, or four where a network adds one behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryMode {
    /// 0 to 99: 1 by hand, 2 stripe, 5 chip, 7 contactless chip, 80 chip that fell back to
    /// stripe, 81 electronic commerce, 90 whole stripe, 91 contactless stripe …
    pub reading: u8,
    /// 0 to 9: 0 unknown, 1 the terminal takes a PIN, 2 it does not.
    pub pin_capability: u8,
}

impl EntryMode {
    /// Reads three or four digits.
    ///
    /// # Errors
    /// If the field is anything else.
    pub fn of(value: &Value<'_>) -> Result<Self, CompositeError> {
        let number = value.number().filter(|_| matches!(value.len(), 3 | 4));
        let number = number.ok_or(CompositeError::EntryMode)?;
        let three = if value.len() == 4 {
            number / 10
        } else {
            number
        };
        Ok(Self {
            reading: u8::try_from(three / 10).map_err(|_| CompositeError::EntryMode)?,
            pin_capability: u8::try_from(three % 10).map_err(|_| CompositeError::EntryMode)?,
        })
    }

    /// Whether a chip was read, by contact or without: field 55 belongs to it.
    pub const fn is_chip(self) -> bool {
        matches!(self.reading, 5 | 7)
    }

    /// Whether the card number was typed: field 14 belongs to it.
    pub const fn is_keyed(self) -> bool {
        matches!(self.reading, 1 | 79)
    }
}
