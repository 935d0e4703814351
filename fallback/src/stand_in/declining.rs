//! Declining because somebody said so: no rule is weighed, and nothing is reserved.

use ledger_api::{Amount, Cause, Mark, Reason};

use super::state::State;
use super::{Given, NoAnswer, refused};
use crate::decide::{Reasons, ledger_declines};
use crate::journal::{Answered, Record};
use crate::words::{DecidedBy, Now, Request};

impl State {
    pub(super) fn decline(
        &mut self,
        request: Request,
        (reason, cause): (Reason, Cause),
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
        let exposure = (case.spend.exposure_minor).saturating_add(case.spend.realised_minor);
        let answered = Answered {
            at_ms: now.boot_ms,
            request,
            account: case.knowledge.card.map(|card| card.account),
            approved: false,
            approved_amount: Amount::ZERO,
            reason,
            by: DecidedBy::StandIn,
            cause,
            asked,
            ledger_declines: asked && ledger_declines(&case),
            mark: Mark::default(),
            policy_hash: self.policy_hash,
            knowledge_age_ms: case.knowledge.age_ms,
            broken: Reasons::of(reason),
            exposure_before: exposure,
            exposure_after: exposure,
        };
        match self.append(Record::Answer(answered)) {
            Ok(appended) => {
                self.unanswered.remove(&request.id);
                let answer = self.install(&answered, appended.seq());
                Ok(Given::durable(answer, appended))
            }
            // As for what the rules decline: the ledger may hold the money, and could not be told.
            Err(error) if asked || request.repeat => {
                tracing::warn!(%error, "no answer: the ledger may have been asked and cannot be told");
                self.note_unanswered(request.id);
                Err(refused(&error))
            }
            Err(error) => {
                tracing::warn!(%error, "declined without a record");
                Ok(Given::now(self.install_unwritten(&answered)))
            }
        }
    }
}
