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
        /// More than one transaction may be.
        OverTransactionLimit = 20, "over_transaction_limit";
        /// More than the card may spend, or more often, in its window.
        OverCardLimit = 21, "over_card_limit";
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
    }
}

impl Reason {
    /// True for the reasons that come with an approval.
    pub const fn approves(self) -> bool {
        matches!(self, Self::Approved | Self::PartiallyApproved)
    }

    /// What a card network is answered, DE39 of ISO 8583.
    pub const fn response_code(self) -> &'static str {
        match self {
            Self::Approved => "00",
            Self::PartiallyApproved => "10",
            Self::ReversedBefore | Self::AccountClosed | Self::AuthorizationClosed => "05",
            Self::UnknownCard => "14",
            Self::CardClosed | Self::CardFrozen => "62",
            Self::CardExpired => "54",
            Self::CurrencyMismatch | Self::TransactionNotPermitted => "57",
            Self::OverTransactionLimit | Self::OverCardLimit => "61",
            Self::InsufficientFunds => "51",
            Self::OverGatewayExposure
            | Self::KnowledgeStale
            | Self::RepeatNotAtHome
            | Self::StandInUnavailable => "91",
        }
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
    }
}
