//! One order.

use serde::{Deserialize, Serialize};

use super::scope::{Scope, ScopeError};
use crate::identity::Keys;

/// The longest reason, in characters.
const REASON_MAX: usize = 200;
/// The longest name of an author, in characters.
const AUTHOR_MAX: usize = 64;
/// The shortest card number, in digits.
const CARD_DIGITS_MIN: usize = 12;

/// What an order says of the authorizations in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Stand-in decides, within its limits; the ledger is told, not asked.
    StandIn,
    /// The ledger decides; what it does not answer is declined.
    Ledger,
    /// Nothing is approved.
    Decline,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::StandIn, Self::Ledger, Self::Decline];

    /// Its name, as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StandIn => "stand_in",
            Self::Ledger => "ledger",
            Self::Decline => "decline",
        }
    }

    /// True where it may approve what would not be approved without it.
    pub const fn risks_money(self) -> bool {
        matches!(self, Self::StandIn)
    }
}

/// An order before it is placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it says.
    pub what: What,
    /// Of which authorizations.
    #[serde(default)]
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// By whom.
    pub author: String,
    /// For how many seconds.
    pub seconds: u64,
}

/// Why a draft cannot become an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Its scope means nothing.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Nobody could understand it later.
    #[error("a reason is 1 to 200 characters")]
    Reason,
    /// Nobody could be asked later.
    #[error("an author is 1 to 64 characters")]
    Author,
    /// It would be kept in files and shown.
    #[error("reason and author must not hold a card number: 12 digits or more")]
    CardNumber,
    /// It would end at once, or nobody would remember it.
    #[error("an order lasts from 1 to {max} seconds; place another one before it ends")]
    Seconds {
        /// The most, by configuration.
        max: u64,
    },
}

impl Draft {
    /// The order that it becomes under this number, from this moment of the boot clock on.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn order(
        self,
        number: u64,
        now_ms: u64,
        seconds_max: u64,
        keys: &Keys,
    ) -> Result<Order, DraftError> {
        who_and_why(&self.author, &self.reason)?;
        if !(1..=seconds_max).contains(&self.seconds) {
            return Err(DraftError::Seconds { max: seconds_max });
        }
        let bins = self.scope.digests(keys)?;
        let ends_ms = now_ms.saturating_add(self.seconds.saturating_mul(1_000));
        let draft = self;
        Ok(Order {
            number,
            draft,
            ends_ms,
            bins,
        })
    }
}

/// Who does something, and why, in words that may be kept.
///
/// # Errors
/// They say nothing, or something that must not be kept.
pub(super) fn who_and_why(author: &str, reason: &str) -> Result<(), DraftError> {
    if !is_text(reason, REASON_MAX) {
        return Err(DraftError::Reason);
    }
    if !is_text(author, AUTHOR_MAX) {
        return Err(DraftError::Author);
    }
    if [author, reason].into_iter().any(may_be_card_number) {
        return Err(DraftError::CardNumber);
    }
    Ok(())
}

fn is_text(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}

/// Digits as people write a card number: together, or in groups.
fn may_be_card_number(text: &str) -> bool {
    let mut run = 0;
    text.chars().any(|c| {
        run = match c {
            '0'..='9' => run + 1,
            ' ' | '-' => run,
            _ => 0,
        };
        run >= CARD_DIGITS_MIN
    })
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its number: one higher than that of the one before.
    pub number: u64,
    /// What was ordered.
    pub draft: Draft,
    /// When it ends, in milliseconds since the machine started.
    pub ends_ms: u64,
    /// The digests of its BINs, in order; none for every card.
    pub bins: Vec<u32>,
}

impl Order {
    /// What is left of its time, in milliseconds.
    pub fn left_ms(&self, now_ms: u64) -> u64 {
        self.ends_ms.saturating_sub(now_ms)
    }

    /// True while it counts.
    pub fn is_in_force(&self, now_ms: u64) -> bool {
        now_ms < self.ends_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let (card, id) = ("1".repeat(64), "2".repeat(64));
        Keys::parse(&format!("card {card}\nid {id}\n")).unwrap()
    }

    fn draft() -> Draft {
        Draft {
            what: What::Decline,
            scope: Scope::default(),
            reason: "a merchant is attacked, ticket 4711".to_owned(),
            author: "ada".to_owned(),
            seconds: 60,
        }
    }

    type Change = fn(&mut Draft, String);

    #[test]
    fn an_order_has_a_reason_an_author_and_an_end() {
        let text = |length| "ä".repeat(length);
        let cases: [(Change, String, DraftError); 8] = [
            (
                |draft, text| draft.reason = text,
                text(0),
                DraftError::Reason,
            ),
            (
                |draft, text| draft.reason = text,
                "  ".into(),
                DraftError::Reason,
            ),
            (
                |draft, text| draft.reason = text,
                text(201),
                DraftError::Reason,
            ),
            (
                |draft, text| draft.reason = text,
                "a\nb".into(),
                DraftError::Reason,
            ),
            (
                |draft, text| draft.author = text,
                text(0),
                DraftError::Author,
            ),
            (
                |draft, text| draft.author = text,
                text(65),
                DraftError::Author,
            ),
            (
                |draft, text| draft.reason = text,
                "card 4999 0001 0000 0001".into(),
                DraftError::CardNumber,
            ),
            (
                |draft, text| draft.author = text,
                "4999-00010000".into(),
                DraftError::CardNumber,
            ),
        ];
        for (change, value, error) in cases {
            let mut draft = draft();
            change(&mut draft, value.clone());
            let refused = draft.order(1, 0, 60, &keys());
            assert_eq!(refused, Err(error), "{value}");
        }
        for seconds in [0, 61, u64::MAX] {
            let draft = Draft { seconds, ..draft() };
            let refused = draft.order(1, 0, 60, &keys());
            assert_eq!(refused, Err(DraftError::Seconds { max: 60 }));
        }
    }

    #[test]
    fn an_order_counts_until_its_end_and_not_at_it() {
        let order = draft().order(7, 1_000, 60, &keys()).unwrap();
        assert_eq!((order.number, order.ends_ms), (7, 61_000));
        assert_eq!((order.left_ms(60_999), order.left_ms(61_001)), (1, 0));
        assert!(order.is_in_force(60_999) && !order.is_in_force(61_000));
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for what in What::ALL {
            assert_eq!(serde_json::to_value(what).unwrap(), what.name());
        }
    }
}
