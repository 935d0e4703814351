//! What people do: release a hold, close an account, decide about what waits in suspense.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, AuthorizationId, GatewayId, Mark, Problem};

/// A person's words: not empty, at most 400 bytes, no control characters, and never so many digits in
/// a row that they could be a card number (I15).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Words(String);

/// A text that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name or a note must have 1 to {} bytes, no line breaks, and no 12 digits in a row, with \
     blanks or dashes between them or without",
    Words::BYTES_MAX
)]
pub struct WordsError;

impl Words {
    /// The longest.
    pub const BYTES_MAX: usize = 400;
    /// So many digits could be a card number.
    const DIGITS: usize = 12;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Words {
    type Error = WordsError;

    fn try_from(text: String) -> Result<Self, WordsError> {
        let text = text.trim();
        // Card numbers are written with blanks, dashes, dots and the like between their digits, too.
        let parts = |c: &char| c.is_alphanumeric() || matches!(c, ',' | ';' | ':' | '(' | ')');
        let dense = text.chars().filter(parts);
        let mut run = 0;
        let longest = dense
            .map(|c| {
                run = if c.is_numeric() { run + 1 } else { 0 };
                run
            })
            .max()
            .unwrap_or(0);
        let fits = (1..=Self::BYTES_MAX).contains(&text.len()) && longest < Self::DIGITS;
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(WordsError)
        }
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `POST /v1/releases`: the issuer lets go what is still held.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseBatch {
    /// Who asks.
    pub by: Words,
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<Release>,
}

/// One hold to let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which authorization.
    pub id: AuthorizationId,
}

/// The answer to [`ReleaseBatch`]: one per item, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseAnswers {
    /// In the order of the request.
    pub items: Vec<ReleaseAnswer>,
}

/// What came of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseAnswer {
    /// Which authorization.
    pub id: AuthorizationId,
    /// What happened.
    #[serde(flatten)]
    pub outcome: ReleaseOutcome,
    /// From this position on, balances include it.
    pub mark: Mark,
}

/// What the ledger did with a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum ReleaseOutcome {
    /// Nothing is held any more, for good.
    Released,
    /// It was released before.
    Already,
    /// Nothing was done.
    Refused {
        /// Why.
        problem: Problem,
    },
}

/// `POST /v1/accounts/{id}/close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseAccount {
    /// Who asks.
    pub by: Words,
}

/// `POST /v1/suspense/{id}`: what a person has decided about an advice that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// What to do.
    pub action: Action,
    /// Who decided.
    pub by: Words,
    /// Why.
    pub note: Words,
}

/// What to do about an advice that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Book it, now that the cause is gone; it stays parked where that is not so.
    Retry,
    /// Book it to another account.
    BookTo {
        /// Which account.
        account: AccountId,
    },
    /// Never book it.
    Dismiss,
    /// Leave the books as they are: somebody has looked.
    Seen,
}

/// A [`Resolution`] as the books keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// What was done.
    pub action: Action,
    /// Who decided.
    pub by: Words,
    /// Why.
    pub note: Words,
    /// When, by the ledger's wall clock, in seconds of Unix time: for people.
    pub at: u64,
}

/// `GET /v1/holds`: the clock by which holds expire. It goes on while a ledger runs and no gateway has
/// an undrained journal (rule 17); no wall clock moves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Seconds on the clock.
    pub clock_s: u64,
    /// A hold that has stood for so many of them expires.
    pub expire_after_s: u64,
    /// True while the clock stands still.
    pub paused: bool,
    /// The gateways that stop it.
    pub undrained: Vec<Undrained>,
}

/// A gateway whose journal the ledger does not know to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undrained {
    /// Which gateway.
    pub gateway: GatewayId,
    /// How many advices waited behind its last batch.
    pub advices: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bounded_and_hold_no_card_number_i15() {
        let words = |text: &str| Words::try_from(text.to_owned());
        for good in ["ops", "case 2026-11-22, 12345678901 called", "Zoë"] {
            assert!(words(good).is_ok(), "{good}");
        }
        let long = "x".repeat(Words::BYTES_MAX + 1);
        for bad in [
            "",
            "  ",
            "4111111111111111",
            "card 4111 1111 1111 1111",
            "4111-1111-1111",
            "4111.1111.1111.1111",
            "4111 / 1111 / 1111 / 1111",
            "4111\u{a0}1111\u{2013}1111_1111",
            "a\nb",
            &long,
        ] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }
}
