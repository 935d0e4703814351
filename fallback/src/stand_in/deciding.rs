//! Deciding without the ledger: what is known and spent now, weighed and reserved in one step.

use ledger_api::{Amount, Cause, Mark, Reason};

use super::state::State;
use super::{Given, NoAnswer, refused};
use crate::decide::{decide, ledger_declines};
use crate::journal::{Answered, Record};
use crate::policy::{Policy, PolicyError};
use crate::words::{DecidedBy, Now, Request};

impl State {
    /// Decides by another policy from here on. What was approved stays counted.
    pub(super) fn replace_policy(&mut self, policy: Policy, now: Now) -> Result<(), PolicyError> {
        policy.fits(&self.homes)?;
        policy.may_follow(&self.policy)?;
        self.velocity.change(&policy, self.time.read(now.boot_ms));
        self.policy_hash = policy.hash();
        self.policy = policy;
        Ok(())
    }

    pub(super) fn decide(
        &mut self,
        request: Request,
        cause: Cause,
        asked: bool,
        now: Now,
    ) -> Result<Given, NoAnswer> {
        self.fetch(&request);
        if let Some(known) = self.answers.get(&request.id) {
            return self.again(known, now);
        }
        self.note_age(now);
        let asked = asked || self.is_unanswered(&request.id);
        let case = self.case(&request, now);
        let decision = decide(&case);
        let ledger_declines = asked && ledger_declines(&case);
        let answered = Answered {
            at_ms: now.boot_ms,
            request,
            account: decision.account,
            approved: decision.approved,
            approved_amount: decision.approved_amount,
            reason: decision.reason,
            by: DecidedBy::StandIn,
            cause,
            asked,
            ledger_declines,
            mark: Mark::default(),
            policy_hash: decision.policy_hash,
            knowledge_age_ms: decision.knowledge_age_ms,
            broken: decision.broken,
            exposure_before: decision.exposure_before,
            exposure_after: decision.exposure_after,
        };
        match self.append(Record::Answer(answered)) {
            Ok(appended) => {
                self.unanswered.remove(&request.id);
                let answer = self.install(&answered, appended.seq());
                let captured = self.captured(&answer, now.boot_ms)?;
                Ok(Given::durable(answer, captured.unwrap_or(appended)))
            }
            // The ledger may hold the money: a decline that it is never told would leave it held. A
            // repeat may be of something that was asked before a restart.
            Err(error) if asked || request.repeat => {
                tracing::warn!(%error, "no answer: the ledger may have been asked and cannot be told");
                self.note_unanswered(request.id);
                Err(refused(&error))
            }
            Err(error) => {
                tracing::warn!(%error, "declined by stand-in without a record");
                let reason = if answered.approved {
                    Reason::StandInUnavailable
                } else {
                    answered.reason
                };
                let declined = Answered {
                    approved: false,
                    approved_amount: Amount::ZERO,
                    reason,
                    exposure_after: answered.exposure_before,
                    ..answered
                };
                Ok(Given::now(self.install_unwritten(&declined)))
            }
        }
    }
}
