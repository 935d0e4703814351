//! Captures and refunds as bytes.

use ledger_api::{AccountId, AuthorizationId, CardToken, Fingerprint};

use super::{Completed, Fields, RecordError, put_amount};
use crate::words::{Completion, Movement};

/// Of one payload.
pub(super) const BYTES: usize = 88;

const MORE: u8 = 1;
const ORIGINAL: u8 = 2;
const ACCOUNT: u8 = 4;

const NONE: AuthorizationId = AuthorizationId([0; 16]);

pub(super) fn encode(completed: &Completed, out: &mut Vec<u8>) {
    let completion = &completed.completion;
    let flags = [
        (completion.more, MORE),
        (completion.of.is_some(), ORIGINAL),
        (completed.account.is_some(), ACCOUNT),
    ];
    let flags = flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit);
    out.extend(completed.at_ms.to_le_bytes());
    out.extend(completion.id.0);
    out.extend(completion.card.to_bytes());
    out.push(flags.sum());
    out.extend(completion.currency.numeric().to_le_bytes());
    out.extend([0; 4]);
    out.extend(completion.of.unwrap_or(NONE).0);
    put_amount(out, completion.amount);
    out.extend(completion.fingerprint.0.to_le_bytes());
    let account = completed.account.map_or(0, |account| account.0);
    out.extend(account.to_le_bytes());
}

pub(super) fn decode(
    fields: &mut Fields<'_>,
    movement: Movement,
) -> Result<Completed, RecordError> {
    let at_ms = fields.u64()?;
    let id = AuthorizationId(fields.take()?);
    let card = CardToken::from_bytes(fields.take()?);
    let flags = fields.u8()?;
    fields.check(flags <= MORE | ORIGINAL | ACCOUNT, "flag")?;
    // It may be set in a refund that was taken with it, and says nothing there.
    let more = flags & MORE != 0;
    let currency = fields.currency()?;
    fields.reserved::<4>()?;
    let of = AuthorizationId(fields.take()?);
    fields.check(flags & ORIGINAL != 0 || of == NONE, "original")?;
    let amount = fields.amount()?;
    let fingerprint = Fingerprint(fields.u64()?);
    let account = fields.u64()?;
    fields.check(flags & ACCOUNT != 0 || account == 0, "account")?;
    Ok(Completed {
        at_ms,
        completion: Completion {
            id,
            of: (flags & ORIGINAL != 0).then_some(of),
            movement,
            card,
            amount,
            currency,
            more,
            fingerprint,
        },
        account: (flags & ACCOUNT != 0).then_some(AccountId(account)),
    })
}
