//! Identities, one kind each, in alphabetical order.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that does not name the thing it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}")]
pub struct IdError {
    what: &'static str,
    form: &'static str,
}

/// An account in the ledger. Chosen by whoever opens it; at most 2^62 − 1, above that are the
/// ledger's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u64);

impl AccountId {
    /// The first id that the ledger keeps for its own accounts.
    pub const INTERNAL_FROM: u64 = 1 << 62;

    /// True for an account that belongs to the ledger itself (clearing, funding).
    pub fn is_internal(self) -> bool {
        self.0 >= Self::INTERNAL_FROM
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An authorization's identity: 128 bits of a keyed hash of its natural key. Derived, never drawn,
/// so that every door and every gateway makes the same one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorizationId(pub [u8; 16]);

impl fmt::Display for AuthorizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for AuthorizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl FromStr for AuthorizationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex16(text).map(Self).ok_or(IdError {
            what: "authorization id",
            form: "32 hexadecimal digits",
        })
    }
}

/// A card as everybody behind the door knows it: a keyed hash of its number, and which key made it
/// (rule 21). Written `k1-<32 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardToken {
    /// Which key made the hash.
    pub key_id: u8,
    /// 128 bits of HMAC-SHA-256 over the card number.
    pub mac: [u8; 16],
}

impl CardToken {
    /// The token as 17 bytes, for files and columns.
    pub fn to_bytes(self) -> [u8; 17] {
        let mut bytes = [0; 17];
        bytes[0] = self.key_id;
        bytes[1..].copy_from_slice(&self.mac);
        bytes
    }

    /// The inverse of [`CardToken::to_bytes`].
    pub fn from_bytes(bytes: [u8; 17]) -> Self {
        let mut mac = [0; 16];
        mac.copy_from_slice(&bytes[1..]);
        Self {
            key_id: bytes[0],
            mac,
        }
    }
}

impl fmt::Display for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}-", self.key_id)?;
        write_hex(f, &self.mac)
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CardToken {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError {
            what: "card token",
            form: "`k<key id>-` and 32 hexadecimal digits",
        };
        let Some((key, mac)) = text.strip_prefix('k').and_then(|rest| rest.split_once('-')) else {
            return Err(error);
        };
        match (key.parse(), parse_hex16(mac)) {
            (Ok(key_id), Some(mac)) => Ok(Self { key_id, mac }),
            _ => Err(error),
        }
    }
}

/// A digest of everything that a repeat must not change. Two requests with the same id and
/// different fingerprints are a conflict, never a second payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u64);

/// The name of a gateway: 1 to 16 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GatewayId(String);

impl GatewayId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for GatewayId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = (1..=16).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError {
                what: "gateway id",
                form: "1 to 16 characters of a-z, 0-9 and -",
            })
        }
    }
}

impl TryFrom<String> for GatewayId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<GatewayId> for String {
    fn from(id: GatewayId) -> Self {
        id.0
    }
}

/// As text on the wire, without a `String` in between: these two are in every item of every batch.
macro_rules! as_text {
    ($($kind:ty),+) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(FromText(PhantomData))
            }
        }
    )+};
}

as_text!(AuthorizationId, CardToken);

struct FromText<T>(PhantomData<T>);

impl<T: FromStr<Err = IdError>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_hex16(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_text_and_refuse_what_is_not_theirs() {
        let id = AuthorizationId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let token = CardToken {
            key_id: 7,
            mac: [0x01; 16],
        };
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_eq!(CardToken::from_bytes(token.to_bytes()), token);
        for bad in [
            "",
            "k1",
            "k1-",
            "k256-00000000000000000000000000000000",
            "4111111111111111",
        ] {
            assert!(bad.parse::<CardToken>().is_err(), "{bad}");
        }
        for bad in ["", "+f000000000000000000000000000000", "00"] {
            assert!(bad.parse::<AuthorizationId>().is_err(), "{bad}");
        }
        let mixed = "0123456789abcdefABCDEF0000000000".parse::<AuthorizationId>();
        assert_eq!(
            mixed.unwrap().to_string(),
            "0123456789abcdefabcdef0000000000"
        );
        assert!("gw-1".parse::<GatewayId>().is_ok());
        assert!("Gateway 1".parse::<GatewayId>().is_err());
    }

    #[test]
    fn on_the_wire_they_are_text() {
        let id = AuthorizationId([0xfe; 16]);
        let token = CardToken {
            key_id: 200,
            mac: [0x0a; 16],
        };
        let json = serde_json::to_string(&(id, token)).unwrap();
        let (hex, mac) = ("fe".repeat(16), "0a".repeat(16));
        assert_eq!(json, format!(r#"["{hex}","k200-{mac}"]"#));
        let read: (AuthorizationId, CardToken) = serde_json::from_str(&json).unwrap();
        assert_eq!(read, (id, token));
        // A digit may be written as an escape, and then it cannot be borrowed from the input.
        let escaped = format!(r#""\u0066{}""#, &hex[1..]);
        assert_eq!(
            serde_json::from_str::<AuthorizationId>(&escaped).unwrap(),
            id
        );
        for bad in ["7", "null", r#""fe""#, r#"{"id":1}"#] {
            assert!(
                serde_json::from_str::<AuthorizationId>(bad).is_err(),
                "{bad}"
            );
        }
    }
}
