//! Who may order: whoever shows the operators' token.

use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The shortest token, in characters.
const CHARACTERS_MIN: usize = 16;

/// The operators' token, as a digest: it can be compared and not be read.
#[derive(Clone)]
pub struct OperatorToken([u8; 32]);

/// A text that is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file of the operators' token must have one line of at least 16 printable characters without \
     spaces, such as `openssl rand -hex 32` gives"
)]
pub struct NoToken;

impl FromStr for OperatorToken {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let token = text.trim();
        let is_one = token.len() >= CHARACTERS_MIN && token.bytes().all(|b| b.is_ascii_graphic());
        is_one.then(|| Self(digest(token))).ok_or(NoToken)
    }
}

impl OperatorToken {
    /// True for the token, after the same time whatever is shown.
    pub fn is(&self, shown: &str) -> bool {
        self.0.ct_eq(&digest(shown)).into()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_it() {
        let token: OperatorToken = "0123456789abcdef\n".parse().unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdeF",
            "0123456789abcdef ",
        ] {
            assert!(!token.is(other), "{other}");
        }
    }

    #[test]
    fn what_could_be_guessed_or_mistyped_is_no_token() {
        for text in [
            "",
            "0123456789abcde",
            "two lines\nof characters",
            "0123456789ä0123456789",
        ] {
            assert_eq!(text.parse::<OperatorToken>().err(), Some(NoToken), "{text}");
        }
    }
}
