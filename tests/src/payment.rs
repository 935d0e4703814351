//! A payment as a network sends it: through either door it is the same one.

use std::fmt;

use gateway::identity::{DEFAULT_NETWORK, Keys, NaturalKey};
use iso8583::Pan;
use ledger_api::{AccountId, AuthorizationId, CardStatus, CardToken, Currency};

/// The first digits of every test card. A card number in a file begins with them (I15).
pub const TEST_BIN: &str = "49990001";

/// A card of the stack under test. `Debug` does not show the number.
#[derive(Clone)]
pub struct Card {
    /// Its number.
    pub number: String,
    /// Its token, as everybody behind the doors knows it.
    pub token: CardToken,
    /// The account it spends from.
    pub account: AccountId,
    /// `YYMM`.
    pub expiry: u16,
    /// Whether it could be used when it was seeded.
    pub status: CardStatus,
    /// What its account started with.
    pub opening_minor: i64,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("token", &self.token)
            .field("status", &self.status)
            .finish()
    }
}

/// A card to be issued, with an account of its own.
#[derive(Clone)]
pub struct NewCard {
    /// Its number.
    pub number: String,
    /// Its account.
    pub account: u64,
    /// What the account starts with.
    pub opening_minor: i64,
    /// The account's currency.
    pub currency: Currency,
    /// Whether it may be used.
    pub status: CardStatus,
    /// `YYMM`.
    pub expiry: u16,
    /// The most that one transaction may be.
    pub transaction_max_minor: i64,
}

impl NewCard {
    /// The `n`-th test card: number and account follow from `n`; open, in euro, until the end of
    /// 2030, a million per transaction.
    pub fn nth(n: u64, opening_minor: i64) -> Self {
        Self {
            number: card_number(n),
            account: n,
            opening_minor,
            currency: euro(),
            status: CardStatus::Open,
            expiry: 3012,
            transaction_max_minor: 100_000_000,
        }
    }
}

/// What the network knows a payment by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// DE32.
    pub acquirer_id: String,
    /// DE33.
    pub forwarder_id: Option<String>,
    /// DE41, eight characters.
    pub terminal_id: String,
    /// DE42, fifteen characters.
    pub merchant_id: String,
    /// DE11, six digits.
    pub stan: u32,
    /// DE37, twelve characters.
    pub rrn: String,
    /// DE7, `MMDDhhmmss`.
    pub transmitted_at: String,
}

impl Network {
    /// References that follow from a number: unique for a hundred thousand million numbers, the
    /// STAN for a million.
    pub fn numbered(n: u64) -> Self {
        let (seconds, stan) = (n / 1_000_000, n % 1_000_000);
        Self {
            acquirer_id: "12345678901".into(),
            forwarder_id: None,
            terminal_id: "TERM0001".into(),
            merchant_id: "MERCHANT0000001".into(),
            stan: u32::try_from(stan).unwrap_or_default(),
            rrn: format!("{:012}", n % 1_000_000_000_000),
            transmitted_at: format!("1122{:02}{:02}00", seconds / 60 % 24, seconds % 60),
        }
    }
}

/// One payment. Change what you like before you send it; what the id is made of follows.
#[derive(Clone)]
pub struct Payment {
    /// The card's number.
    pub card_number: String,
    /// The card's token.
    pub token: CardToken,
    /// `YYMM`.
    pub expiry: u16,
    /// How much.
    pub amount_minor: i64,
    /// In which currency.
    pub currency: Currency,
    /// DE3.
    pub processing_code: String,
    /// DE18.
    pub mcc: String,
    /// DE22.
    pub entry_mode: String,
    /// True where the terminal takes less: told over HTTP, and agreed for a link of ISO 8583.
    pub partial: bool,
    /// The references.
    pub network: Network,
    /// For the HTTP door.
    pub idempotency_key: String,
}

impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment")
            .field("token", &self.token)
            .field("amount_minor", &self.amount_minor)
            .field("network", &self.network)
            .finish()
    }
}

impl Payment {
    /// The `n`-th payment: references follow from `n`.
    pub fn numbered(n: u64, card: &Card, amount_minor: i64) -> Self {
        Self {
            card_number: card.number.clone(),
            token: card.token,
            expiry: card.expiry,
            amount_minor,
            currency: euro(),
            processing_code: "000000".into(),
            mcc: "5411".into(),
            entry_mode: "051".into(),
            partial: false,
            network: Network::numbered(n),
            idempotency_key: format!("payment-{n}"),
        }
    }

    /// The id that every door and every gateway must make of it (rule 1).
    pub fn id(&self, keys: &Keys) -> AuthorizationId {
        let network = &self.network;
        let key = NaturalKey {
            network: DEFAULT_NETWORK.into(),
            acquirer_id: network.acquirer_id.as_str().into(),
            forwarder_id: network.forwarder_id.as_deref().unwrap_or_default().into(),
            terminal_id: network.terminal_id.as_str().into(),
            merchant_id: network.merchant_id.as_str().into(),
            stan: format!("{:06}", network.stan).into(),
            rrn: network.rrn.as_str().into(),
            transmitted_at: network.transmitted_at.as_str().into(),
        };
        keys.authorization_id(&key, &self.token)
    }
}

/// A capture or a refund, as the network tells of it.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Its own references, card, amount and processing code: `20…` for a refund.
    pub own: Payment,
    /// What it belongs to, by key; by nothing but its own references where `None`.
    pub of: Option<Payment>,
    /// True where more captures follow; only the HTTP door can say so.
    pub more: bool,
}

impl Completion {
    /// The last capture of a payment; `own` has its amount. It repeats the retrieval reference number
    /// of what it belongs to, as messages about one purchase do: field 90 does not have it.
    pub fn capture(mut own: Payment, of: &Payment) -> Self {
        own.network.rrn.clone_from(&of.network.rrn);
        Self {
            own,
            of: Some(of.clone()),
            more: false,
        }
    }

    /// Money back, for a payment.
    pub fn refund(own: Payment, of: &Payment) -> Self {
        let own = Payment {
            processing_code: "200000".into(),
            ..own
        };
        Self::capture(own, of)
    }

    /// True for money back.
    pub fn is_refund(&self) -> bool {
        self.own.processing_code.starts_with('2')
    }

    /// The id that every door and every gateway must make of it.
    pub fn id(&self, keys: &Keys) -> AuthorizationId {
        fallback::completion_id(&self.own.id(keys))
    }
}

/// The token that gateways with these keys make of a card number.
///
/// # Errors
/// Where it is not a card number.
pub fn token_of(keys: &Keys, number: &str) -> anyhow::Result<CardToken> {
    let pan = Pan::parse(number).map_err(|_| anyhow::anyhow!("a test card number is malformed"))?;
    Ok(keys.card_token(&pan))
}

/// The currency of tests.
pub fn euro() -> Currency {
    // 978 is in ISO 4217; the alternative type-checks and never happens.
    Currency::from_numeric(978).unwrap_or_else(|_| unreachable!("EUR is a currency"))
}

/// The `n`-th test card number: the test BIN, `n`, a Luhn digit.
fn card_number(n: u64) -> String {
    let body = format!("{TEST_BIN}{n:07}");
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if place % 2 == 0 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_card_numbers_are_valid_and_have_sixteen_digits() {
        for n in [0, 1, 42, 9_999_999] {
            let number = card_number(n);
            assert_eq!(number.len(), 16);
            assert!(Pan::parse(&number).unwrap().luhn_valid(), "{n}");
        }
    }
}
