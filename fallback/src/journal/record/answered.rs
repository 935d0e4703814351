//! The bytes of an answer: what it was weighed on stands behind what older journals have.

use ledger_api::{AccountId, AuthorizationId, CardToken, Cause, Expiry, Fingerprint};

use super::{Answered, Fields, RecordError, put_amount, put_mark};
use crate::circumstances::Circumstances;
use crate::decide::Reasons;
use crate::verification::Verification;
use crate::words::{DecidedBy, Request};

/// How many bytes [`encode`] appends.
pub(crate) const BYTES: usize = 184;

const APPROVED: u8 = 1;
const ASKED: u8 = 2;
const REPEAT: u8 = 4;
const ACCOUNT: u8 = 8;
const EXPIRY: u8 = 16;
const LEDGER_DECLINES: u8 = 32;
const CAPTURES: u8 = 64;

/// Appends the payload.
pub(super) fn encode(answered: &Answered, out: &mut Vec<u8>) {
    let request = &answered.request;
    let flags = [
        (answered.approved, APPROVED),
        (answered.asked, ASKED),
        (answered.ledger_declines, LEDGER_DECLINES),
        (request.repeat, REPEAT),
        (answered.account.is_some(), ACCOUNT),
        (request.expiry.is_some(), EXPIRY),
        (request.captures, CAPTURES),
    ];
    let by = match answered.by {
        DecidedBy::Ledger => 0,
        DecidedBy::StandIn => 1,
        DecidedBy::Network => 2,
    };
    out.extend(answered.at_ms.to_le_bytes());
    out.extend(request.id.0);
    out.extend(request.card.to_bytes());
    out.push(
        flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, bit)| bit)
            .sum(),
    );
    out.extend([answered.reason.code(), by, answered.cause.code()]);
    out.push(request.verification.to_byte());
    out.extend(request.currency.numeric().to_le_bytes());
    put_amount(out, request.amount);
    put_amount(out, answered.approved_amount);
    out.extend(request.expiry.map_or(0, u16::from).to_le_bytes());
    out.extend([0; 2]);
    out.extend(request.stan.to_le_bytes());
    out.extend(request.rrn);
    out.extend(request.terminal.to_le_bytes());
    out.extend(request.fingerprint.0.to_le_bytes());
    out.extend(request.alias.to_le_bytes());
    out.extend(
        answered
            .account
            .map_or(0, |account| account.0)
            .to_le_bytes(),
    );
    put_mark(out, answered.mark);
    out.extend(answered.policy_hash.to_le_bytes());
    out.extend(answered.knowledge_age_ms.to_le_bytes());
    out.extend(request.circumstances.to_bytes());
    out.extend(answered.broken.to_bits().to_le_bytes());
    out.extend(answered.exposure_before.to_le_bytes());
    out.extend(answered.exposure_after.to_le_bytes());
}

/// Reads it; `whole` is false for the layout of older journals.
pub(super) fn decode(fields: &mut Fields<'_>, whole: bool) -> Result<Answered, RecordError> {
    let at_ms = fields.u64()?;
    let id = AuthorizationId(fields.take()?);
    let card = CardToken::from_bytes(fields.take()?);
    let flags = fields.u8()?;
    fields.check(
        flags <= APPROVED | ASKED | REPEAT | ACCOUNT | EXPIRY | LEDGER_DECLINES | CAPTURES,
        "flag",
    )?;
    let reason = fields.reason()?;
    let by = match fields.u8()? {
        0 => DecidedBy::Ledger,
        1 => DecidedBy::StandIn,
        2 => DecidedBy::Network,
        _ => return Err(fields.impossible("decider")),
    };
    let code = fields.u8()?;
    let cause = Cause::from_code(code).ok_or_else(|| fields.impossible("cause"))?;
    let verification =
        Verification::from_byte(fields.u8()?).ok_or_else(|| fields.impossible("check"))?;
    let currency = fields.currency()?;
    let amount = fields.amount()?;
    let approved_amount = fields.amount()?;
    let expiry = u16::from_le_bytes(fields.take()?);
    let expiry = match Expiry::try_from(expiry) {
        Ok(expiry) if flags & EXPIRY != 0 => Some(expiry),
        _ if flags & EXPIRY == 0 && expiry == 0 => None,
        _ => return Err(fields.impossible("expiry")),
    };
    fields.reserved::<2>()?;
    let stan = u32::from_le_bytes(fields.take()?);
    let rrn = fields.take()?;
    let terminal = u32::from_le_bytes(fields.take()?);
    let fingerprint = Fingerprint(fields.u64()?);
    let alias = fields.u64()?;
    let account = fields.u64()?;
    fields.check(flags & ACCOUNT != 0 || account == 0, "account")?;
    let (mark, policy_hash, knowledge_age_ms) = (fields.mark()?, fields.u64()?, fields.u64()?);
    let Weighed {
        circumstances,
        broken,
        exposure_before,
        exposure_after,
    } = if whole {
        weighed(fields)?
    } else {
        Weighed {
            // Their policy had one currency.
            exposure_after: match by {
                DecidedBy::StandIn => approved_amount.minor(),
                DecidedBy::Ledger | DecidedBy::Network => 0,
            },
            ..Weighed::default()
        }
    };
    Ok(Answered {
        at_ms,
        request: Request {
            id,
            card,
            amount,
            currency,
            expiry,
            fingerprint,
            alias,
            repeat: flags & REPEAT != 0,
            stan,
            rrn,
            terminal,
            captures: flags & CAPTURES != 0,
            verification,
            circumstances,
        },
        account: (flags & ACCOUNT != 0).then_some(AccountId(account)),
        approved: flags & APPROVED != 0,
        approved_amount,
        reason,
        by,
        cause,
        asked: flags & ASKED != 0,
        ledger_declines: flags & LEDGER_DECLINES != 0,
        mark,
        policy_hash,
        knowledge_age_ms,
        broken,
        exposure_before,
        exposure_after,
    })
}

/// What older journals do not have.
#[derive(Default)]
struct Weighed {
    circumstances: Circumstances,
    broken: Reasons,
    exposure_before: i64,
    exposure_after: i64,
}

fn weighed(fields: &mut Fields<'_>) -> Result<Weighed, RecordError> {
    let circumstances = Circumstances::from_bytes(fields.take()?)
        .ok_or_else(|| fields.impossible("circumstance"))?;
    let broken = fields.u64()?;
    let broken = Reasons::from_bits(broken).ok_or_else(|| fields.impossible("rule"))?;
    let mut signed = || fields.take().map(i64::from_le_bytes);
    Ok(Weighed {
        circumstances,
        broken,
        exposure_before: signed()?,
        exposure_after: signed()?,
    })
}
