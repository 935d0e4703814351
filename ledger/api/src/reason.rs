//! Why an authorization was answered as it was.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$meta:meta])* $kind:ident { $($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $kind {
            $($(#[$doc])* #[serde(rename = $name)] $variant = $code,)+
        }

        impl $kind {
            /// Every variant, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable number, for files and columns.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The variant with this number.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The stable name, as on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

codes! {
    /// The binding reason of a decision. The order is the order of precedence: where several apply,
    /// the first one is given.
    Reason {
        /// No rule was broken.
        Approved = 0, "approved";
        /// The reversal came before its original.
        ReversedBefore = 1, "reversed_before";
        /// There was less money than asked for, and the terminal takes less.
        PartiallyApproved = 2, "partially_approved";
        /// The PIN is wrong.
        IncorrectPin = 4, "incorrect_pin";
        /// The CVV2 is wrong.
        IncorrectCvv2 = 5, "incorrect_cvv2";
        /// The chip's cryptogram is wrong.
        IncorrectCryptogram = 6, "incorrect_cryptogram";
        /// An operator's order declines it.
        DeclinedByOperator = 7, "declined_by_operator";
        /// No such card.
        UnknownCard = 10, "unknown_card";
        /// The card is closed for good.
        CardClosed = 11, "card_closed";
        /// The card is frozen.
        CardFrozen = 12, "card_frozen";
        /// The card has expired.
        CardExpired = 13, "card_expired";
        /// The account is closed.
        AccountClosed = 14, "account_closed";
        /// The account has another currency.
        CurrencyMismatch = 15, "currency_mismatch";
        /// This kind of transaction is not allowed.
        TransactionNotPermitted = 16, "transaction_not_permitted";
        /// The authorization that this one adds to is over: captured, released, reversed, expired or
        /// declined.
        AuthorizationClosed = 17, "authorization_closed";
        /// Stand-in: no exchange rate is signed for this currency.
        CurrencyNotCovered = 18, "currency_not_covered";
        /// Stand-in: nothing is approved for this category of merchant.
        MerchantCategoryNotPermitted = 19, "merchant_category_not_permitted";
        /// More than one transaction of this card may be.
        OverTransactionLimit = 20, "over_transaction_limit";
        /// More than the card may spend in its window.
        OverCardLimit = 21, "over_card_limit";
        /// Stand-in: more often than the card may be used in its window.
        OverCardCount = 22, "over_card_count";
        /// Stand-in: more than one transaction may be whose card was read like this.
        OverEntryModeLimit = 23, "over_entry_mode_limit";
        /// Stand-in: more than one transaction of cash may be.
        OverCashLimit = 24, "over_cash_limit";
        /// Stand-in: more than one transaction at this category of merchant may be.
        OverMerchantCategoryLimit = 25, "over_merchant_category_limit";
        /// Stand-in: more than one transaction in this country may be.
        OverCountryLimit = 26, "over_country_limit";
        /// Not enough money.
        InsufficientFunds = 30, "insufficient_funds";
        /// Stand-in: this gateway has approved as much as it may.
        OverGatewayExposure = 40, "over_gateway_exposure";
        /// Stand-in: what is known is too old to decide from.
        KnowledgeStale = 41, "knowledge_stale";
        /// Stand-in: a repeat without a record, at a gateway that is not the card's home (rule 2).
        RepeatNotAtHome = 42, "repeat_not_at_home";
        /// Stand-in may not decide: nothing known yet, fenced (rule 11), or its journal is out of order.
        StandInUnavailable = 43, "stand_in_unavailable";
        /// Stand-in: a CVV2, PIN or cryptogram was presented that nobody has checked.
        VerificationUnknown = 44, "verification_unknown";
        /// Stand-in: too much or too often at this merchant.
        OverMerchantVelocity = 45, "over_merchant_velocity";
        /// Stand-in: too much or too often at this terminal.
        OverTerminalVelocity = 46, "over_terminal_velocity";
        /// Stand-in: too much or too often for this range of card numbers.
        OverBinVelocity = 47, "over_bin_velocity";
        /// The ledger gave no answer, and stand-in is switched off for that.
        StandInSwitchedOff = 48, "stand_in_switched_off";
    }
}

/// One line of [`REASONS`].
#[derive(Debug, Clone, Copy)]
pub struct ReasonRow {
    /// Which reason.
    pub reason: Reason,
    /// What a card network is answered, DE39 of ISO 8583.
    pub response_code: &'static str,
    /// True where the ledger gives it.
    pub by_ledger: bool,
    /// True where stand-in gives it.
    pub by_stand_in: bool,
    /// What it means.
    pub meaning: &'static str,
}

const fn row(
    reason: Reason,
    response_code: &'static str,
    by_ledger: bool,
    by_stand_in: bool,
    meaning: &'static str,
) -> ReasonRow {
    ReasonRow {
        reason,
        response_code,
        by_ledger,
        by_stand_in,
        meaning,
    }
}

/// Every reason, in order of precedence: where several apply, the first one is given.
/// `docs/reasons.md` is made from it.
pub const REASONS: &[ReasonRow] = &[
    row(Reason::Approved, "00", true, true, "no rule was broken"),
    row(
        Reason::ReversedBefore,
        "05",
        true,
        true,
        "a reversal came before it",
    ),
    row(
        Reason::PartiallyApproved,
        "10",
        true,
        true,
        "there is less money than asked for, or stand-in may approve less, and the terminal takes less",
    ),
    row(
        Reason::IncorrectPin,
        "55",
        false,
        true,
        "the PIN is wrong; the ledger is not asked",
    ),
    row(
        Reason::IncorrectCvv2,
        "82",
        false,
        true,
        "the CVV2 is wrong; the ledger is not asked",
    ),
    row(
        Reason::IncorrectCryptogram,
        "88",
        false,
        true,
        "the cryptogram of the chip is wrong; the ledger is not asked",
    ),
    row(
        Reason::DeclinedByOperator,
        "05",
        false,
        true,
        "an operator's order declines it; not 91, at which a network may stand in itself",
    ),
    row(Reason::UnknownCard, "14", true, true, "no such card"),
    row(
        Reason::CardClosed,
        "62",
        true,
        true,
        "the card is closed for good",
    ),
    row(Reason::CardFrozen, "62", true, true, "the card is frozen"),
    row(
        Reason::CardExpired,
        "54",
        true,
        true,
        "the card has expired",
    ),
    row(
        Reason::AccountClosed,
        "05",
        true,
        true,
        "the account is closed",
    ),
    row(
        Reason::CurrencyMismatch,
        "57",
        true,
        true,
        "the account has another currency",
    ),
    row(
        Reason::TransactionNotPermitted,
        "57",
        true,
        true,
        "such a transaction is not allowed: by the ledger, one that adds to an authorization of another card, or to one that itself adds to another; by stand-in, one of a kind that the policy declines",
    ),
    row(
        Reason::AuthorizationClosed,
        "05",
        true,
        false,
        "it adds to an authorization that is captured, released, reversed, expired or declined, or it comes after its own capture",
    ),
    row(
        Reason::CurrencyNotCovered,
        "57",
        false,
        true,
        "no exchange rate is signed for this currency",
    ),
    row(
        Reason::MerchantCategoryNotPermitted,
        "57",
        false,
        true,
        "nothing is approved by stand-in for this category of merchant",
    ),
    row(
        Reason::OverTransactionLimit,
        "61",
        true,
        true,
        "more than one transaction of this card may be",
    ),
    row(
        Reason::OverCardLimit,
        "61",
        false,
        true,
        "more than the card may spend in its window",
    ),
    row(
        Reason::OverCardCount,
        "65",
        false,
        true,
        "more often than the card may be used in its window",
    ),
    row(
        Reason::OverEntryModeLimit,
        "61",
        false,
        true,
        "more than one transaction may be whose card was read like this",
    ),
    row(
        Reason::OverCashLimit,
        "61",
        false,
        true,
        "more than one transaction of cash may be",
    ),
    row(
        Reason::OverMerchantCategoryLimit,
        "61",
        false,
        true,
        "more than one transaction at this category of merchant may be",
    ),
    row(
        Reason::OverCountryLimit,
        "61",
        false,
        true,
        "more than one transaction in this country may be",
    ),
    row(
        Reason::InsufficientFunds,
        "51",
        true,
        true,
        "not enough money",
    ),
    row(
        Reason::OverGatewayExposure,
        "91",
        false,
        true,
        "the gateway has approved as much by stand-in as it may",
    ),
    row(
        Reason::KnowledgeStale,
        "91",
        false,
        true,
        "what the gateway knows is too old to decide from",
    ),
    row(
        Reason::RepeatNotAtHome,
        "91",
        false,
        true,
        "a repeat without a record, at a gateway that is not the home of the card (rule 2)",
    ),
    row(
        Reason::StandInUnavailable,
        "91",
        false,
        true,
        "stand-in may not decide: nothing known yet, fenced (rule 11), or its journal is out of order",
    ),
    row(
        Reason::VerificationUnknown,
        "91",
        false,
        true,
        "a CVV2, PIN or cryptogram was presented that nobody has checked, and the policy asks for a result",
    ),
    row(
        Reason::OverMerchantVelocity,
        "05",
        false,
        true,
        "stand-in has approved as much or as often at this merchant as it may",
    ),
    row(
        Reason::OverTerminalVelocity,
        "05",
        false,
        true,
        "stand-in has approved as much or as often at this terminal as it may",
    ),
    row(
        Reason::OverBinVelocity,
        "05",
        false,
        true,
        "stand-in has approved as much or as often for this range of card numbers as it may",
    ),
    row(
        Reason::StandInSwitchedOff,
        "91",
        false,
        true,
        "the ledger gave no answer, and an operator's order or the configuration switches stand-in off for that",
    ),
];

impl Reason {
    /// True for the reasons that come with an approval.
    pub const fn approves(self) -> bool {
        matches!(self, Self::Approved | Self::PartiallyApproved)
    }

    /// What a card network is answered, DE39 of ISO 8583.
    pub const fn response_code(self) -> &'static str {
        let mut place = 0;
        while place < REASONS.len() {
            if REASONS[place].reason as u8 == self as u8 {
                return REASONS[place].response_code;
            }
            place += 1;
        }
        // Do not honour; a test says that every reason has its line.
        "05"
    }
}

codes! {
    /// Why the gateway decided by itself.
    Cause {
        /// It did not: the ledger decided.
        None = 0, "none";
        /// No answer within the cut-off.
        LedgerTimeout = 1, "ledger_timeout";
        /// No connection, or it broke.
        LedgerUnreachable = 2, "ledger_unreachable";
        /// The ledger answered with an error.
        LedgerError = 3, "ledger_error";
        /// The breaker was tripped.
        BreakerTripped = 4, "breaker_tripped";
        /// Too many calls to the ledger were in flight.
        Bulkhead = 5, "bulkhead";
        /// The network had decided, and told us (0120).
        NetworkAdvice = 6, "network_advice";
        /// An operator's order: the ledger was not asked.
        Operator = 7, "operator";
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const HEAD: &str = "\
# Reasons

<!-- Made by `UPDATE=1 cargo test -p ledger-api reason`; change the table in ledger/api/src/reason.rs
instead. -->

Why an authorization was answered as it was. Where several apply, the one that stands first here is
given. The number is the one in journals and columns; DE39 is what a card network is answered.

";

    fn documentation() -> String {
        let mut text = String::from(HEAD);
        text.push_str("| precedence | name | number | DE39 | given by | when |\n");
        text.push_str("|---|---|---|---|---|---|\n");
        for (place, row) in (1..).zip(REASONS) {
            let by = match (row.by_ledger, row.by_stand_in) {
                (true, true) => "both",
                (true, false) => "ledger",
                _ => "stand-in",
            };
            let ReasonRow {
                reason,
                response_code,
                meaning,
                ..
            } = row;
            let number = reason.code();
            let line = format!(
                "| {place} | `{reason}` | {number} | `{response_code}` | {by} | {meaning} |"
            );
            writeln!(text, "{line}").unwrap();
        }
        text
    }

    #[test]
    fn every_reason_has_one_line_in_order_of_precedence_and_a_response_code() {
        let listed: Vec<_> = REASONS.iter().map(|row| row.reason).collect();
        assert_eq!(listed, Reason::ALL);
        assert!(
            listed.is_sorted(),
            "the order of codes is the order of precedence"
        );
        for row in REASONS {
            let code = row.response_code;
            let approving = ["00", "10"].contains(&code);
            assert_eq!(row.reason.approves(), approving, "{}", row.reason);
            assert!(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(row.reason.response_code(), code);
            assert!(row.by_ledger || row.by_stand_in, "{}", row.reason);
        }
    }

    #[test]
    fn the_documentation_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md");
        let expected = documentation();
        if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
            std::fs::write(path, &expected).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == expected,
            "docs/reasons.md is not what the code says; run `UPDATE=1 cargo test -p ledger-api reason`"
        );
    }
}
