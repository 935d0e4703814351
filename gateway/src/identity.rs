//! Who an authorization is, and who a card is: keyed hashes, made here and nowhere else.
//!
//! Every door and every gateway derives the same id from the same payment (rule 1), and no card
//! number goes further than this module.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use iso8583::Pan;
use ledger_api::{Amount, AuthorizationId, CardToken, Currency, Fingerprint};
use sha2::Sha256;
use zeroize::{Zeroizing, optimization_barrier};

/// The two keys: one makes card tokens, the other ids. The same in all gateways of a programme.
#[derive(Clone)]
pub struct Keys {
    card: Key,
    id: Key,
}

/// A key as the state of a hash that has taken it already: half of the work for every short text. Like
/// the key itself it is overwritten when it goes.
#[derive(Clone)]
struct Key(Hmac<Sha256>);

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Not the two lines that it should be.
    #[error(
        "the key file must have two lines, `card <64 hex digits>` and `id <64 hex digits>`; \
         line {line} is not one of them"
    )]
    Line {
        /// Which line, from 1.
        line: usize,
    },
    /// A key is not there.
    #[error("the key file has no line for the `{0}` key")]
    Missing(&'static str),
}

/// Which key makes tokens now (rule 21).
const CARD_KEY_ID: u8 = 1;
/// The digits of a card number that say which issuer and programme it is of.
pub(crate) const BIN_DIGITS: usize = 8;

impl Keys {
    /// Reads a key file's text: `card <hex>` and `id <hex>`, 32 bytes each; `#` starts a comment.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let (mut card, mut id) = (None, None);
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let bad = KeysError::Line { line: index + 1 };
            let Some((name, hex)) = line.split_once(' ') else {
                return Err(bad);
            };
            let Some(key) = parse_hex(hex.trim()) else {
                return Err(bad);
            };
            let key = Hmac::new_from_slice(key.as_slice()).map(Key);
            let Ok(key) = key else {
                return Err(bad);
            };
            match name {
                "card" => card = Some(key),
                "id" => id = Some(key),
                _ => return Err(bad),
            }
        }
        Ok(Self {
            card: card.ok_or(KeysError::Missing("card"))?,
            id: id.ok_or(KeysError::Missing("id"))?,
        })
    }

    /// A digest that tells these keys from others and says nothing about them.
    pub fn fingerprint_of_keys(&self) -> String {
        let both = [
            self.card.truncated(&[b"which key"]),
            self.id.truncated(&[b"which key"]),
        ];
        both.concat()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The token of a card number.
    pub fn card_token(&self, pan: &Pan) -> CardToken {
        CardToken {
            key_id: CARD_KEY_ID,
            mac: self.card.truncated(&[pan.expose_digits().as_bytes()]),
        }
    }

    /// The id of an authorization.
    pub fn authorization_id(&self, key: &NaturalKey<'_>, card: &CardToken) -> AuthorizationId {
        let acquirer = key.acquirer_id.trim_start_matches('0');
        let forwarder = key.forwarder_id.trim_start_matches('0');
        let parts = [
            key.network.as_bytes(),
            acquirer.as_bytes(),
            forwarder.as_bytes(),
            key.terminal_id.trim_end().as_bytes(),
            key.merchant_id.trim_end().as_bytes(),
            key.stan.as_bytes(),
            key.rrn.trim_end().as_bytes(),
            key.transmitted_at.as_bytes(),
            &card.to_bytes(),
        ];
        AuthorizationId(self.id.truncated(&parts))
    }

    /// The id of a completion: of a space of its own, so that it may have the references of what it
    /// completes.
    pub fn completion_id(&self, key: &NaturalKey<'_>, card: &CardToken) -> AuthorizationId {
        fallback::completion_id(&self.authorization_id(key, card))
    }

    /// The digest of what a repeat of a request that takes the money at once (0200) must not change: the
    /// same request without that is another one.
    pub fn purchase_fingerprint(
        &self,
        processing_code: &str,
        amount: Amount,
        currency: Currency,
    ) -> Fingerprint {
        let content = self.fingerprint(processing_code, amount, currency);
        let parts: [&[u8]; 2] = [b"purchase", &content.0.to_le_bytes()];
        Fingerprint(first_u64(self.id.truncated(&parts)))
    }

    /// The digest of a terminal of a network; never zero, which means that there is none.
    pub fn terminal(&self, key: &NaturalKey<'_>) -> u32 {
        let terminal = key.terminal_id.trim_end().as_bytes();
        let mac = self
            .id
            .truncated(&[b"terminal", key.network.as_bytes(), terminal]);
        first_u32(mac).max(1)
    }

    /// The digest of a merchant of an acquirer, for limits on how much it may sell; never zero, which means
    /// that there is none.
    pub fn merchant(&self, key: &NaturalKey) -> u32 {
        let acquirer = key.acquirer_id.trim_start_matches('0').as_bytes();
        let merchant = key.merchant_id.trim_end().as_bytes();
        first_u32(self.id.truncated(&[b"merchant", acquirer, merchant])).max(1)
    }

    /// The digest of the first eight digits of a card number: the range that it is of. Never zero, which
    /// means that the number was not seen.
    pub fn bin(&self, pan: &Pan) -> u32 {
        let digits = pan.expose_digits().as_bytes();
        self.bin_of(digits.get(..BIN_DIGITS).unwrap_or(digits))
    }

    /// The same of the first eight digits alone.
    pub(crate) fn bin_of(&self, first: &[u8]) -> u32 {
        first_u32(self.card.truncated(&[b"bin", first])).max(1)
    }

    /// The digest of what a repeat of a completion must not change; `of` is the authorization that it
    /// names by key.
    pub fn completion_fingerprint(
        &self,
        processing_code: &str,
        amount: Amount,
        currency: Currency,
        of: Option<AuthorizationId>,
    ) -> Fingerprint {
        let content = self.fingerprint(processing_code, amount, currency);
        let of = of.map_or([0; 16], |of| of.0);
        let parts: [&[u8]; 3] = [b"completion", &content.0.to_le_bytes(), &of];
        Fingerprint(first_u64(self.id.truncated(&parts)))
    }

    /// The digest of what a repeat must not change.
    pub fn fingerprint(
        &self,
        processing_code: &str,
        amount: Amount,
        currency: Currency,
    ) -> Fingerprint {
        let mac = self.id.truncated(&[
            b"fingerprint",
            processing_code.as_bytes(),
            &amount.minor().to_le_bytes(),
            &currency.numeric().to_le_bytes(),
        ]);
        Fingerprint(first_u64(mac))
    }

    /// The digest of a client's `Idempotency-Key`; never zero, which means that there is none.
    pub fn alias(&self, idempotency_key: &str) -> u64 {
        first_u64(self.id.truncated(&[b"alias", idempotency_key.as_bytes()])).max(1)
    }
}

/// What the network knows a payment by. Leading zeros of the institution ids and trailing spaces do
/// not count: DE90 pads where DE32 does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NaturalKey<'a> {
    /// The name of the network or link.
    pub network: Cow<'a, str>,
    /// DE32.
    pub acquirer_id: Cow<'a, str>,
    /// DE33, empty where there is none.
    pub forwarder_id: Cow<'a, str>,
    /// DE41.
    pub terminal_id: Cow<'a, str>,
    /// DE42.
    pub merchant_id: Cow<'a, str>,
    /// DE11, six digits.
    pub stan: Cow<'a, str>,
    /// DE37.
    pub rrn: Cow<'a, str>,
    /// DE7, `MMDDhhmmss`.
    pub transmitted_at: Cow<'a, str>,
}

impl NaturalKey<'_> {
    /// DE37 as wide as its field.
    pub fn padded_rrn(&self) -> [u8; 12] {
        let mut rrn = [b' '; 12];
        rrn.iter_mut()
            .zip(self.rrn.bytes())
            .for_each(|(slot, byte)| *slot = byte);
        rrn
    }
}

/// True for `MMDDhhmmss` that a clock could show: DE7 has no year, so 29 February always passes.
pub fn is_transmission_time(text: &str) -> bool {
    let part = |from: usize| {
        text.get(from..from + 2)
            .and_then(|digits| digits.parse::<u8>().ok())
    };
    let days = match part(0) {
        Some(2) => 29,
        Some(4 | 6 | 9 | 11) => 30,
        Some(1..=12) => 31,
        _ => return false,
    };
    text.len() == 10
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && part(2).is_some_and(|day| (1..=days).contains(&day))
        && part(4).is_some_and(|hour| hour <= 23)
        && part(6).is_some_and(|minute| minute <= 59)
        && part(8).is_some_and(|second| second <= 59)
}

/// The network name of a link that has no other.
pub const DEFAULT_NETWORK: &str = "default";

/// Room for what identifies a payment, in bytes.
const GATHERED: usize = 256;

/// What is hashed, which may be a card number: overwritten when it goes.
struct Gathered([u8; GATHERED]);

impl Drop for Gathered {
    fn drop(&mut self) {
        self.0 = [0; GATHERED];
        // Otherwise it could be left out, because nobody reads it.
        optimization_barrier(&self.0);
    }
}

impl Key {
    /// 128 bits of HMAC-SHA-256 over parts, each preceded by its length so that none can run into the
    /// next.
    fn truncated(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.0.clone();
        // Many short pieces cost more than the hash of them: they are put together first.
        let (mut room, mut length) = (Gathered([0; GATHERED]), 0);
        for part in parts {
            for piece in [&(part.len() as u64).to_le_bytes()[..], part] {
                if room.0.len() - length < piece.len() {
                    mac.update(room.0.get(..length).unwrap_or_default());
                    length = 0;
                }
                match room.0.get_mut(length..length + piece.len()) {
                    Some(place) => {
                        place.copy_from_slice(piece);
                        length += piece.len();
                    }
                    None => mac.update(piece),
                }
            }
        }
        mac.update(room.0.get(..length).unwrap_or_default());
        let digest = mac.finalize().into_bytes();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        first
    }
}

fn first_u32(bytes: [u8; 16]) -> u32 {
    let mut first = [0; 4];
    first.copy_from_slice(&bytes[..4]);
    u32::from_le_bytes(first)
}

fn first_u64(bytes: [u8; 16]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(first)
}

/// 32 bytes from 64 hexadecimal digits.
pub(crate) fn parse_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let text = format!(
            "# for tests\ncard {}\nid {}\n",
            "11".repeat(32),
            "22".repeat(32)
        );
        Keys::parse(&text).unwrap()
    }

    fn key() -> NaturalKey<'static> {
        NaturalKey {
            network: DEFAULT_NETWORK.into(),
            acquirer_id: "123456".into(),
            forwarder_id: "".into(),
            terminal_id: "TERM0001".into(),
            merchant_id: "MERCHANT0000001".into(),
            stan: "000001".into(),
            rrn: "632608123456".into(),
            transmitted_at: "1122083400".into(),
        }
    }

    #[test]
    fn padding_does_not_change_an_id_and_everything_else_does_rule_1() {
        let keys = keys();
        let card = CardToken {
            key_id: 1,
            mac: [3; 16],
        };
        let id = keys.authorization_id(&key(), &card);
        let padded = NaturalKey {
            acquirer_id: "00000123456".into(),
            forwarder_id: "00000000000".into(),
            terminal_id: "TERM0001  ".into(),
            ..key()
        };
        assert_eq!(keys.authorization_id(&padded, &card), id);
        for other in [
            NaturalKey {
                network: "other".into(),
                ..key()
            },
            NaturalKey {
                acquirer_id: "123457".into(),
                ..key()
            },
            NaturalKey {
                terminal_id: "TERM0002".into(),
                ..key()
            },
            NaturalKey {
                merchant_id: "MERCHANT0000002".into(),
                ..key()
            },
            NaturalKey {
                stan: "000002".into(),
                ..key()
            },
            NaturalKey {
                rrn: "632608123457".into(),
                ..key()
            },
            NaturalKey {
                transmitted_at: "1122083401".into(),
                ..key()
            },
        ] {
            assert_ne!(keys.authorization_id(&other, &card), id, "{other:?}");
        }
        let other_card = CardToken {
            key_id: 1,
            mac: [4; 16],
        };
        assert_ne!(keys.authorization_id(&key(), &other_card), id);
        // What completes it may have the same references, and is something else.
        let completion = keys.completion_id(&key(), &card);
        assert_ne!(completion, id);
        assert_eq!(keys.completion_id(&padded, &card), completion);
    }

    #[test]
    fn a_terminal_is_told_from_others_and_padding_does_not_count() {
        let keys = keys();
        let terminal = |network: &'static str, terminal_id: &'static str| {
            keys.terminal(&NaturalKey {
                network: network.into(),
                terminal_id: terminal_id.into(),
                ..key()
            })
        };
        let here = terminal("default", "TERM0001");
        assert_eq!(terminal("default", "TERM0001  "), here);
        assert_ne!(terminal("default", "TERM0002"), here);
        assert_ne!(terminal("other", "TERM0001"), here);
        assert_ne!(here, 0);
    }

    #[test]
    fn a_digest_does_not_depend_on_how_its_parts_were_gathered_rule_1() {
        let keys = keys();
        for lengths in [
            &[][..],
            &[0, 3],
            &[240, 8, 1],
            &[256, 1],
            &[700, 2, 300],
            &[248, 8],
        ] {
            let parts: Vec<_> = lengths.iter().map(|length| vec![7; *length]).collect();
            let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
            let mut mac = keys.id.0.clone();
            for part in &parts {
                mac.update(&(part.len() as u64).to_le_bytes());
                mac.update(part);
            }
            let expected = mac.finalize().into_bytes();
            assert_eq!(keys.id.truncated(&parts), expected[..16], "{lengths:?}");
        }
    }

    #[test]
    fn a_merchant_is_told_from_others_and_cards_of_one_range_from_no_other() {
        let keys = keys();
        let merchant = |acquirer: &str, merchant: &str| {
            keys.merchant(&NaturalKey {
                acquirer_id: acquirer.into(),
                merchant_id: merchant.into(),
                terminal_id: "ANY".into(),
                ..key()
            })
        };
        let here = merchant("123456", "SHOP");
        assert_eq!(merchant("00123456", "SHOP  "), here);
        assert_ne!(merchant("123456", "SHOP2"), here);
        assert_ne!(merchant("123457", "SHOP"), here);
        let bin = |number: &str| keys.bin(&Pan::parse(number).unwrap());
        assert_eq!(bin("4999000100000001"), bin("4999000100000019"));
        assert_ne!(bin("4999000100000001"), bin("4999000200000001"));
        assert_ne!(bin("4999000100000001"), 0);
    }

    #[test]
    fn transmission_times_are_on_a_calendar() {
        for (text, expected) in [
            ("1122083400", true),
            ("0229235959", true),
            ("0230000000", false),
            ("1301000000", false),
            ("0001000000", false),
            ("1132000000", false),
            ("1122240000", false),
            ("11220834", false),
            ("112208340a", false),
        ] {
            assert_eq!(is_transmission_time(text), expected, "{text}");
        }
    }

    #[test]
    fn the_state_of_a_key_is_overwritten_when_it_goes_i15() {
        fn overwritten_on_drop<T: zeroize::ZeroizeOnDrop>() {}
        // An HMAC is two of these, and says nothing of its own.
        overwritten_on_drop::<Sha256>();
    }

    #[test]
    fn key_files_are_refused_by_line() {
        for (text, message) in [
            ("card 11", "line 1"),
            ("wrong\n", "line 1"),
            ("# nothing", "`card`"),
        ] {
            let error = Keys::parse(text).err().unwrap().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
