//! Field 54: further amounts, such as balances or cash-back.

use super::{CompositeError, Short, Sign, digits};
use crate::Value;

/// One amount of field 54.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdditionalAmount {
    /// 0 to 99: the kind of account.
    pub account: u8,
    /// 0 to 99: the kind of amount, for example 1 ledger balance, 2 available balance, 40
    /// cash-back.
    pub kind: u8,
    /// The currency, three digits or letters (ISO 4217).
    pub currency: Short<3>,
    /// For or against the cardholder.
    pub sign: Sign,
    /// In minor units of the currency.
    pub minor: u64,
}

/// The amounts of field 54 in the order in which they stand.
#[derive(Debug, Clone, Copy)]
pub struct AdditionalAmounts<'a> {
    value: Value<'a>,
    at: usize,
}

/// Characters of one amount.
const LENGTH: usize = 20;

impl<'a> AdditionalAmounts<'a> {
    /// The amounts of a field, each checked when it is its turn.
    ///
    /// # Errors
    /// If the field is not a number of whole amounts.
    pub fn of(value: Value<'a>) -> Result<Self, CompositeError> {
        if value.is_empty() || !value.len().is_multiple_of(LENGTH) {
            return Err(CompositeError::AdditionalAmounts);
        }
        Ok(Self { value, at: 0 })
    }
}

impl Iterator for AdditionalAmounts<'_> {
    type Item = Result<AdditionalAmount, CompositeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.value.len() {
            return None;
        }
        let mut room = [0; LENGTH];
        let characters = self.value.characters().skip(self.at);
        room.iter_mut()
            .zip(characters)
            .for_each(|(to, from)| *to = from);
        self.at += LENGTH;
        Some(amount(&room).ok_or(CompositeError::AdditionalAmounts))
    }
}

fn amount(text: &[u8; LENGTH]) -> Option<AdditionalAmount> {
    Some(AdditionalAmount {
        account: digits(text.get(..2)?)?.try_into().ok()?,
        kind: digits(text.get(2..4)?)?.try_into().ok()?,
        currency: Short::new(str::from_utf8(text.get(4..7)?).ok()?)?,
        sign: Sign::of(*text.get(7)?)?,
        minor: digits(text.get(8..)?)?,
    })
}
