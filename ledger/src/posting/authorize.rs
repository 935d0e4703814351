//! Deciding a live authorization.

use ledger_api::{
    AccountId, AccountStatus, Amount, AuthorizeAnswer, AuthorizeRequest, CardStatus, GatewayId,
    LedgerDecision, Mark, Reason, Verdict,
};

use super::draft::{DraftOutcome, MarkAt};
use super::record::{Record, Told};
use super::working_set::WorkingSet;

impl WorkingSet {
    pub(super) fn authorize(
        &mut self,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
        yymm: u16,
    ) -> DraftOutcome {
        match self.record(&request.id) {
            Some(record) => self.authorize_known(record, gateway, request),
            None => {
                let verdict = self.verdict(request, yymm);
                let account = self.card(&request.card).map(|card| card.state.account);
                let record = Record::new(request.id, request.card, account);
                self.decided(record, None, gateway, request, verdict)
            }
        }
    }

    /// A repeat gets what the first one got (I3); what was told meanwhile stands (rule 4); what was
    /// taken back before it came is not held any more.
    fn authorize_known(
        &mut self,
        mut record: Record,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
    ) -> DraftOutcome {
        let other_content = record
            .fingerprint
            .is_some_and(|fingerprint| fingerprint != request.fingerprint);
        if other_content || record.card != request.card {
            return conflict();
        }
        match record.standing() {
            Some(told @ Told::Before(_)) => answer(record.account, told.verdict(), MarkAt::Head),
            Some(told @ Told::ByUs(_)) => {
                let account = record.account;
                if record.asked.append(gateway) {
                    self.keep(record);
                }
                answer(account, told.verdict(), MarkAt::Head)
            }
            None => {
                let before = record.clone();
                let verdict = declined(Reason::ReversedBefore);
                self.decided(record, Some(&before), gateway, request, verdict)
            }
        }
    }

    fn decided(
        &mut self,
        mut record: Record,
        before: Option<&Record>,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
        verdict: Verdict,
    ) -> DraftOutcome {
        record.requested = request.amount_minor;
        // A decline moves no money, so it does not say in which currency an answer that was told is.
        if verdict.approved {
            record.currency = Some(request.currency);
        }
        record.fingerprint = Some(request.fingerprint);
        record.decided = Some(verdict);
        record.asked.append(gateway);
        let account = record.account;
        match self.book(record, before) {
            Ok(mark) => answer(account, verdict, mark),
            Err(problem) => DraftOutcome {
                outcome: super::Outcome::Authorized(AuthorizeAnswer::Failed(problem), 0),
                mark: MarkAt::Head,
            },
        }
    }

    /// The rules in order of precedence: the first one broken is the reason.
    fn verdict(&self, request: &AuthorizeRequest, yymm: u16) -> Verdict {
        match self.refusal(request, yymm) {
            Some(reason) => declined(reason),
            None => Verdict {
                approved: true,
                approved_minor: request.amount_minor,
                reason: Reason::Approved,
            },
        }
    }

    fn refusal(&self, request: &AuthorizeRequest, yymm: u16) -> Option<Reason> {
        let Some(card) = self.card(&request.card).map(|card| card.state) else {
            return Some(Reason::UnknownCard);
        };
        let Some(account) = self.account(card.account) else {
            return Some(Reason::AccountClosed);
        };
        // What a gateway has spent can only lower what is available.
        let spendable = account
            .totals
            .available()
            .saturating_sub(request.unbooked_minor.max(0));
        let broken = [
            (card.status == CardStatus::Closed, Reason::CardClosed),
            (card.status == CardStatus::Frozen, Reason::CardFrozen),
            (u16::from(card.expiry) < yymm, Reason::CardExpired),
            (
                account.status == AccountStatus::Closed,
                Reason::AccountClosed,
            ),
            (
                account.currency != request.currency,
                Reason::CurrencyMismatch,
            ),
            (
                request.amount_minor > card.transaction_max_minor,
                Reason::OverTransactionLimit,
            ),
            (
                spendable < request.amount_minor.minor(),
                Reason::InsufficientFunds,
            ),
        ];
        broken
            .into_iter()
            .find_map(|(broken, reason)| broken.then_some(reason))
    }
}

fn declined(reason: Reason) -> Verdict {
    Verdict {
        approved: false,
        approved_minor: Amount::ZERO,
        reason,
    }
}

fn conflict() -> DraftOutcome {
    let outcome = super::Outcome::Authorized(AuthorizeAnswer::Conflict, 0);
    DraftOutcome {
        outcome,
        mark: MarkAt::Head,
    }
}

fn answer(account: Option<AccountId>, verdict: Verdict, mark: MarkAt) -> DraftOutcome {
    let decision = LedgerDecision {
        account,
        approved_minor: verdict.approved_minor,
        approved: verdict.approved,
        reason: verdict.reason,
        mark: Mark::default(),
    };
    let outcome = super::Outcome::Authorized(AuthorizeAnswer::Decided(decision), 0);
    DraftOutcome { outcome, mark }
}
