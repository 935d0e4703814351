//! What stand-in decides for: each way in which the ledger can give no answer, switched on or off by
//! configuration. What is off is declined instead, and told like every decline.

use std::fmt;
use std::str::FromStr;

use ledger_api::Cause;
use serde::Deserialize;

/// Each with the word that stands for it.
const WORDS: [(&str, Cause); 5] = [
    ("timeout", Cause::LedgerTimeout),
    ("unreachable", Cause::LedgerUnreachable),
    ("error", Cause::LedgerError),
    ("tripped", Cause::BreakerTripped),
    ("bulkhead", Cause::Bulkhead),
];
/// The word for none of them.
const NONE: &str = "none";

/// The causes for which stand-in decides. Written as words with commas between them, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct StandInOn([bool; WORDS.len()]);

/// A word that stands for no cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write `none`, or some of timeout, unreachable, error, tripped and bulkhead with commas between them"
)]
pub struct NoCause;

impl StandInOn {
    /// For all of them.
    pub const ALL: Self = Self([true; WORDS.len()]);

    /// True where stand-in decides for this cause. One that is no failure of the ledger has no switch.
    pub fn has(self, cause: Cause) -> bool {
        let place = WORDS.iter().position(|(_, other)| *other == cause);
        place.is_none_or(|place| self.0.get(place).copied().unwrap_or(true))
    }
}

impl FromStr for StandInOn {
    type Err = NoCause;

    fn from_str(text: &str) -> Result<Self, NoCause> {
        let mut on = [false; WORDS.len()];
        if text.trim() == NONE {
            return Ok(Self(on));
        }
        for word in text.split(',') {
            let place = WORDS.iter().position(|(name, _)| *name == word.trim());
            let slot = place.and_then(|place| on.get_mut(place));
            *slot.ok_or(NoCause)? = true;
        }
        Ok(Self(on))
    }
}

impl TryFrom<String> for StandInOn {
    type Error = NoCause;

    fn try_from(text: String) -> Result<Self, NoCause> {
        text.parse()
    }
}

impl fmt::Display for StandInOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = WORDS.iter().zip(self.0).filter(|(_, on)| *on);
        let words: Vec<_> = on.map(|((name, _), _)| *name).collect();
        f.write_str(if words.is_empty() { NONE } else { "" })?;
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_switched_on_by_their_words_and_nothing_else_is_understood() {
        for (text, has) in [
            ("timeout,unreachable,error,tripped,bulkhead", [true; 5]),
            ("none", [false; 5]),
            ("tripped, timeout", [true, false, false, true, false]),
            ("error", [false, false, true, false, false]),
        ] {
            let on: StandInOn = text.parse().unwrap();
            assert_eq!(WORDS.map(|(_, cause)| on.has(cause)), has, "{text}");
            assert_eq!(on.to_string().parse(), Ok(on));
            assert!(on.has(Cause::Operator) && on.has(Cause::None));
        }
        assert_eq!(
            StandInOn::ALL.to_string(),
            "timeout,unreachable,error,tripped,bulkhead"
        );
        for text in [
            "",
            "all",
            "timeout,",
            "timeout;error",
            "none,error",
            "Timeout",
        ] {
            assert_eq!(text.parse::<StandInOn>(), Err(NoCause), "{text}");
        }
    }
}
