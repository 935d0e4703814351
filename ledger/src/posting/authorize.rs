//! Deciding a live authorization.

use ledger_api::{
    AccountStatus, Amount, AuthorizationKind, AuthorizeAnswer, AuthorizeRequest, CardStatus,
    GatewayId, LedgerDecision, Mark, Problem, Reason, Retry, Verdict,
};

use super::accounts::Account;
use super::advice::{own_original, wrong_exponent, zero_amount};
use super::draft::{DraftOutcome, MarkAt};
use super::record::{Record, Told};
use super::working_set::WorkingSet;

impl WorkingSet {
    pub(super) fn authorize(
        &mut self,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
    ) -> DraftOutcome {
        if let Some(problem) = senseless(request) {
            return failed(problem);
        }
        match self.record(&request.id) {
            Some(record) => self.authorize_known(record, gateway, request),
            None => {
                let account = self.card(&request.card).map(|card| card.state.account);
                let record = Record::new(request.id, request.card, account);
                self.authorize_new(record, None, gateway, request)
            }
        }
    }

    /// A repeat gets what the first one got (I3); what was told meanwhile stands (rule 4); what was
    /// taken back before it came is not held any more.
    fn authorize_known(
        &mut self,
        record: Record,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
    ) -> DraftOutcome {
        let mut record = match self.adopt(record, request.card) {
            Ok(record) => record,
            Err(problem) => return failed(problem),
        };
        let other_content = record
            .fingerprint
            .is_some_and(|fingerprint| fingerprint != request.fingerprint);
        if other_content || record.card != request.card || record.life.moved.is_some() {
            return conflict();
        }
        match record.standing() {
            Some(told @ Told::Before(_)) => answer(&record, told.verdict(), MarkAt::Head),
            Some(told @ Told::ByUs(_)) => {
                let answered = answer(&record, told.verdict(), MarkAt::Head);
                if record.asked.append(gateway) {
                    self.keep(record);
                }
                answered
            }
            None if record.reversed_to.is_some() => {
                let before = record.clone();
                let verdict = declined(Reason::ReversedBefore);
                self.decided(record, Some(&before), gateway, request, verdict)
            }
            // Only what adds to it, takes or gives back came before it.
            None => {
                let before = record.clone();
                let of_card = self.card(&request.card).map(|card| card.state.account);
                record.account = record.account.or(of_card);
                self.authorize_new(record, Some(&before), gateway, request)
            }
        }
    }

    fn authorize_new(
        &mut self,
        mut record: Record,
        before: Option<&Record>,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
    ) -> DraftOutcome {
        self.attach(&mut record, request.original);
        record.life.transaction = request.transaction;
        let verdict = self.verdict(&mut record, before, request);
        self.decided(record, before, gateway, request, verdict)
    }

    fn decided(
        &mut self,
        mut record: Record,
        before: Option<&Record>,
        gateway: &GatewayId,
        request: &AuthorizeRequest,
        verdict: Verdict,
    ) -> DraftOutcome {
        tell(&mut record, request, verdict);
        record.asked.append(gateway);
        let mut answered = answer(&record, verdict, MarkAt::Head);
        match self.book(record, before) {
            Ok(mark) => {
                answered.mark = mark;
                answered
            }
            Err(problem) => failed(problem),
        }
    }

    /// The rules in order of precedence: the first one broken is the reason. Of too little money a
    /// terminal that takes less gets what there is.
    fn verdict(
        &self,
        record: &mut Record,
        before: Option<&Record>,
        request: &AuthorizeRequest,
    ) -> Verdict {
        let account = record.account.and_then(|id| self.account(id)).copied();
        // What a gateway has spent can only lower what is available.
        let available = account.map_or(0, |account| account.totals.available());
        let spendable = available.saturating_sub(request.unbooked_minor.max(0));
        let needed = self.needed(record, before, request);
        let verdict = match self.refusal(record, account, request, spendable < needed) {
            None => Verdict {
                approved: true,
                approved_minor: request.amount_minor,
                reason: Reason::Approved,
            },
            Some(Reason::InsufficientFunds) if request.partial => {
                // What is needed differs from the amount only where others have named it before.
                let rest = request.amount_minor.minor() - needed.saturating_sub(spendable);
                match Amount::new(rest) {
                    Ok(rest) if spendable > 0 && !rest.is_zero() => Verdict {
                        approved: true,
                        approved_minor: rest,
                        reason: Reason::PartiallyApproved,
                    },
                    _ => declined(Reason::InsufficientFunds),
                }
            }
            Some(reason) => declined(reason),
        };
        if verdict.approved && request.kind == AuthorizationKind::BalanceInquiry {
            record.life.shown_minor = Some(spendable);
        }
        verdict
    }

    /// How much more an approval of all of it would hold.
    fn needed(&self, record: &Record, before: Option<&Record>, request: &AuthorizeRequest) -> i64 {
        if before.is_none() && record.life.link.is_none() {
            return request.amount_minor.minor();
        }
        let mut approved = record.clone();
        let verdict = Verdict {
            approved: true,
            approved_minor: request.amount_minor,
            reason: Reason::Approved,
        };
        tell(&mut approved, request, verdict);
        self.would_add(approved, before)
    }

    fn refusal(
        &self,
        record: &Record,
        account: Option<Account>,
        request: &AuthorizeRequest,
        lacking: bool,
    ) -> Option<Reason> {
        let Some(card) = self.card(&request.card).map(|card| card.state) else {
            return Some(Reason::UnknownCard);
        };
        let Some(account) = account else {
            return Some(Reason::AccountClosed);
        };
        let original = record.original().and_then(|id| self.record(&id));
        let over = record.is_over() || original.is_some_and(|original| original.is_over());
        let asks_for_money = request.kind.is_purchase();
        let broken = [
            (card.status == CardStatus::Closed, Reason::CardClosed),
            (card.status == CardStatus::Frozen, Reason::CardFrozen),
            (u16::from(card.expiry) < self.now.yymm, Reason::CardExpired),
            (
                account.status == AccountStatus::Closed,
                Reason::AccountClosed,
            ),
            (
                account.currency != request.currency,
                Reason::CurrencyMismatch,
            ),
            (
                record.life.link.is_some_and(|link| !link.counts),
                Reason::TransactionNotPermitted,
            ),
            (over, Reason::AuthorizationClosed),
            (
                request.amount_minor > card.transaction_max_minor,
                Reason::OverTransactionLimit,
            ),
            (asks_for_money && lacking, Reason::InsufficientFunds),
        ];
        broken
            .into_iter()
            .find_map(|(broken, reason)| broken.then_some(reason))
    }
}

fn tell(record: &mut Record, request: &AuthorizeRequest, verdict: Verdict) {
    record.requested = request.amount_minor;
    // A decline moves no money, so it does not say in which currency an answer that was told is.
    if verdict.approved {
        record.currency = Some(request.currency);
    }
    record.fingerprint = Some(request.fingerprint);
    record.decided = Some(verdict);
}

/// What no rule can decide. Nothing is kept of it.
fn senseless(request: &AuthorizeRequest) -> Option<Problem> {
    if !request.currency.has_exponent(request.exponent) {
        return Some(wrong_exponent(request.currency));
    }
    let zero = request.amount_minor.is_zero();
    if !request.kind.is_purchase() && (!zero || request.original.is_some()) {
        let detail =
            "a verification and a balance inquiry are of zero and stand alone; nothing was done";
        return Some(Problem::new("not_of_zero", 422, Retry::Never, detail));
    }
    match request.original {
        Some(original) if original == request.id => Some(own_original()),
        Some(_) if zero => Some(zero_amount()),
        _ => None,
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

fn failed(problem: Problem) -> DraftOutcome {
    DraftOutcome {
        outcome: super::Outcome::Authorized(AuthorizeAnswer::Failed(problem), 0),
        mark: MarkAt::Head,
    }
}

fn answer(record: &Record, verdict: Verdict, mark: MarkAt) -> DraftOutcome {
    let decision = LedgerDecision {
        account: record.account,
        approved_minor: verdict.approved_minor,
        approved: verdict.approved,
        reason: verdict.reason,
        available_minor: record.life.shown_minor,
        mark: Mark::default(),
    };
    let outcome = super::Outcome::Authorized(AuthorizeAnswer::Decided(decision), 0);
    DraftOutcome { outcome, mark }
}
