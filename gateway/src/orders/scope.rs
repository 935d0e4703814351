//! Which authorizations an order is about.

use ledger_api::AuthorizationId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::{BIN_DIGITS, Keys};

/// A whole, in basis points.
const WHOLE: u16 = 10_000;
/// The most eight-digit BINs of one order.
const BINS_MAX: u64 = 10_000;
/// The fewest digits that a BIN is written with.
const DIGITS_MIN: usize = 4;

/// A share of all authorizations in basis points: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

/// BINs: card numbers that begin with these digits, or with eight digits from one to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BinRange {
    first: u32,
    last: u32,
    text: String,
}

/// Which authorizations an order is about: all, or a share, or those of some BINs, or a share of those.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The share, in basis points; all where it is not given. By a hash of the id: a smaller share is part
    /// of a larger one, and a repeat falls on the same side.
    #[serde(default)]
    pub share_bp: Share,
    /// The BINs; every card where there is none. An authorization whose card number the gateway has not
    /// seen, because it came with a token, has no BIN and is in no such scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<BinRange>,
}

/// A scope that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not a share.
    #[error("a share is 1 to 10000 basis points")]
    Share,
    /// Not a BIN.
    #[error("a BIN is 4 to 8 digits, or 8 digits, `-` and 8 digits that are not smaller")]
    Bin,
    /// Too many.
    #[error("more than 10000 BINs of eight digits; give fewer, or no BIN for every card")]
    Bins,
}

impl Default for Share {
    fn default() -> Self {
        Self(WHOLE)
    }
}

impl TryFrom<u16> for Share {
    type Error = ScopeError;

    fn try_from(basis_points: u16) -> Result<Self, ScopeError> {
        if (1..=WHOLE).contains(&basis_points) {
            Ok(Self(basis_points))
        } else {
            Err(ScopeError::Share)
        }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl Share {
    /// True where the id is in the share.
    pub fn has(self, id: &AuthorizationId) -> bool {
        self.0 >= WHOLE || place(id) < self.0
    }
}

/// The place of an id, below [`WHOLE`]: of a hash of its own, so that it goes with nothing else that is
/// drawn by id.
fn place(id: &AuthorizationId) -> u16 {
    let hash = Sha256::new()
        .chain_update(b"holdfast order")
        .chain_update(id.0);
    let digest: [u8; 32] = hash.finalize().into();
    let number = u64::from_le_bytes(digest.first_chunk().copied().unwrap_or_default());
    u16::try_from(number % u64::from(WHOLE)).unwrap_or_default()
}

impl TryFrom<String> for BinRange {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (whole(first)?, whole(last)?),
            None => prefix(&text)?,
        };
        if first <= last {
            Ok(Self { first, last, text })
        } else {
            Err(ScopeError::Bin)
        }
    }
}

impl From<BinRange> for String {
    fn from(range: BinRange) -> Self {
        range.text
    }
}

impl BinRange {
    fn len(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }
}

fn digits(text: &str) -> Result<u32, ScopeError> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all).ok_or(ScopeError::Bin)
}

fn whole(text: &str) -> Result<u32, ScopeError> {
    if text.len() == BIN_DIGITS {
        digits(text)
    } else {
        Err(ScopeError::Bin)
    }
}

/// The first and the last BIN of eight digits that begin with these.
fn prefix(text: &str) -> Result<(u32, u32), ScopeError> {
    if !(DIGITS_MIN..=BIN_DIGITS).contains(&text.len()) {
        return Err(ScopeError::Bin);
    }
    let left = BIN_DIGITS - text.len();
    let each = (0..left).fold(1, |each, _| each * 10);
    let first = digits(text)? * each;
    Ok((first, first + each - 1))
}

impl Scope {
    /// The digests of its BINs, as authorizations carry them, in order; none for every card.
    ///
    /// # Errors
    /// There are too many.
    pub fn digests(&self, keys: &Keys) -> Result<Vec<u32>, ScopeError> {
        let count = (self.bins.iter()).fold(0_u64, |sum, bins| sum.saturating_add(bins.len()));
        if count > BINS_MAX {
            return Err(ScopeError::Bins);
        }
        let all = self.bins.iter().flat_map(|bins| bins.first..=bins.last);
        let mut digests: Vec<_> = all
            .map(|bin| keys.bin_of(format!("{bin:08}").as_bytes()))
            .collect();
        digests.sort_unstable();
        digests.dedup();
        Ok(digests)
    }
}

#[cfg(test)]
mod tests {
    use iso8583::Pan;

    use super::*;

    fn bins(text: &str) -> Result<BinRange, ScopeError> {
        text.to_owned().try_into()
    }

    fn keys() -> Keys {
        let (card, id) = ("1".repeat(64), "2".repeat(64));
        Keys::parse(&format!("card {card}\nid {id}\n")).unwrap()
    }

    #[test]
    fn a_bin_is_a_prefix_or_a_range_of_eight_digits_and_nothing_else() {
        for (text, first, last) in [
            ("4999", 49_990_000, 49_999_999),
            ("499901", 49_990_100, 49_990_199),
            ("49990001", 49_990_001, 49_990_001),
            ("00000001", 1, 1),
            ("49990001-49990017", 49_990_001, 49_990_017),
        ] {
            let range = bins(text).unwrap();
            assert_eq!((range.first, range.last), (first, last), "{text}");
            assert_eq!(String::from(range), text);
        }
        for text in [
            "",
            "499",
            "499900011",
            "4999000x",
            "+9990001",
            "4999-4999",
            "49990002-49990001",
            "49990001-",
            "49990001-49990002-49990003",
        ] {
            assert_eq!(bins(text), Err(ScopeError::Bin), "{text}");
        }
    }

    #[test]
    fn its_digests_are_what_authorizations_of_such_cards_carry() {
        let scope = Scope {
            bins: vec![bins("499900").unwrap(), bins("49990001").unwrap()],
            ..Scope::default()
        };
        let digests = scope.digests(&keys()).unwrap();
        assert_eq!(digests.len(), 100, "each once");
        for (number, is_in) in [("4999000100000001", true), ("4999010000000002", false)] {
            let bin = keys().bin(&Pan::parse(number).unwrap());
            assert_eq!(digests.binary_search(&bin).is_ok(), is_in, "{number}");
        }
        let many = Scope {
            bins: vec![bins("4999").unwrap(), bins("49980000").unwrap()],
            ..Scope::default()
        };
        assert_eq!(many.digests(&keys()), Err(ScopeError::Bins));
    }

    #[test]
    fn a_share_is_of_basis_points_and_a_smaller_one_is_part_of_a_larger_one() {
        assert_eq!(Share::try_from(0), Err(ScopeError::Share));
        assert_eq!(Share::try_from(10_001), Err(ScopeError::Share));
        let ids = (0..10_000_u64).map(|n| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_le_bytes());
            AuthorizationId(id)
        });
        let (mut few, mut half) = (0, 0);
        for id in ids {
            let [is_few, is_half] =
                [100, 5_000].map(|share| Share::try_from(share).unwrap().has(&id));
            assert!(!is_few || is_half);
            assert!(Share::default().has(&id));
            few += u32::from(is_few);
            half += u32::from(is_half);
        }
        // The ids are the same on every run: no chance here.
        assert!((50..150).contains(&few), "{few}");
        assert!((4_800..5_200).contains(&half), "{half}");
    }
}
