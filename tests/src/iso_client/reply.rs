use std::time::Duration;

use crate::notebook::{Answer, Outcome, Refusal};

/// What the tests read in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Such as `0110`.
    pub mti: String,
    /// DE39.
    pub response_code: String,
    /// DE38.
    pub approval_code: Option<String>,
    /// DE4, minor units.
    pub amount_minor: Option<i64>,
    /// DE44: the field that was wrong.
    pub additional: Option<String>,
    /// The whole message: two answers are identical when these are.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The reply as the answer to a request for `amount_minor`. A format error, a conflict and a
    /// system error decide nothing; 91 is a decline, with which a gateway that is not home answers
    /// a repeat (rule 2).
    pub(super) fn outcome(self, amount_minor: i64, latency: Duration) -> Outcome {
        if matches!(self.response_code.as_str(), "30" | "94" | "96") {
            return Outcome::Refused(Refusal {
                code: self.response_code,
                detail: self.additional.unwrap_or_default(),
                retry: None,
            });
        }
        let approved = matches!(self.response_code.as_str(), "00" | "10");
        Outcome::Answered(Answer {
            approved,
            approved_minor: if approved {
                self.amount_minor.unwrap_or(amount_minor)
            } else {
                0
            },
            response_code: self.response_code,
            approval_code: self.approval_code,
            reason: None,
            decided_by: None,
            cause: None,
            duplicate: None,
            latency,
        })
    }

    pub(super) fn read(reply: &iso8583_link::Reply) -> anyhow::Result<Self> {
        let message = reply.message()?;
        let text = |number| message.field(number).map(|it| it.to_text());
        let amount = message.field(4).and_then(|amount| amount.number());
        Ok(Self {
            mti: message.mti().to_string(),
            response_code: reply.response_code(),
            approval_code: text(38),
            amount_minor: amount.and_then(|amount| i64::try_from(amount).ok()),
            additional: message.expose_field(44).map(|it| it.to_text()),
            bytes: reply.bytes().to_vec(),
        })
    }
}
