//! Requests and answers for tests.

use ledger_api::{
    AccountId, Amount, AuthorizationId, CardToken, Cause, Currency, Fingerprint, Mark, Reason,
};

use crate::circumstances::{Circumstances, Entry};
use crate::decide::Reasons;
use crate::journal::Answered;
use crate::verification::Verification;
use crate::words::{DecidedBy, Request};

/// A purchase in euro with the chip.
pub(crate) fn request(number: u32, card: u8, amount: i64) -> Request {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    Request {
        id: AuthorizationId(id),
        card: CardToken {
            key_id: 1,
            mac: [card; 16],
        },
        amount: Amount::new(amount).unwrap(),
        currency: "EUR".parse::<Currency>().unwrap(),
        expiry: None,
        fingerprint: Fingerprint(u64::from(number)),
        alias: u64::from(number) + 1_000_000,
        repeat: false,
        stan: number,
        rrn: *b"000000000001",
        terminal: 1,
        captures: false,
        verification: Verification::default(),
        circumstances: Circumstances {
            entry: Entry::Chip,
            merchant: 1,
            ..Circumstances::default()
        },
    }
}

/// Approved by stand-in, and charged this much.
pub(crate) fn approved(request: Request, charge: i64) -> Answered {
    Answered {
        at_ms: 0,
        request,
        account: Some(AccountId(1)),
        approved: true,
        approved_amount: request.amount,
        reason: Reason::Approved,
        by: DecidedBy::StandIn,
        cause: Cause::LedgerUnreachable,
        asked: false,
        ledger_declines: false,
        mark: Mark::default(),
        policy_hash: 1,
        knowledge_age_ms: 0,
        broken: Reasons::NONE,
        exposure_before: 0,
        exposure_after: charge,
    }
}
