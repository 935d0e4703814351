//! The engine of stand-in: what a gateway calls.
//!
//! One lock over everything that a decision reads or changes, never held across an `await`. Inside
//! it a decision is made, reserved and appended to the journal in one step, so that two deciders
//! cannot spend the same limit (I5). Outside it the answer waits until its record is durable. A
//! caller that goes away in between loses nothing: the reservation and the record stay (rule 8).
//!
//! | step | under the lock | then waits for |
//! |---|---|---|
//! | [`StandIn::decide`] | known answer? → rules → append → reserve, capture | durable |
//! | [`StandIn::decline_now`] | known answer? → append | durable |
//! | [`StandIn::record`] | known answer? → append → subtract until the feed shows it, capture | written; durable with a capture |
//! | [`StandIn::accept_advice`], [`StandIn::accept_completion`], [`StandIn::accept_reversal`] | known? → append → queue | durable |
//! | [`StandIn::acknowledge`] | append → leave the queue | written |
//! | [`StandIn::apply_feed`], [`StandIn::replace_listing`] | learn → let go of what it shows | nothing |
//!
//! **Without a journal.** Full: what would be approved is declined, and the decline is kept in memory
//! only; where the ledger was asked and may hold the money, there is no answer, because nobody could
//! tell it of the decline. Failed: whatever was being written gets no answer (rule 10); after that as
//! with a full one. The ledger's own answers still pass: they are durable in its books.
//!
//! **A lost or rolled-back journal** fences stand-in (rule 11): at the start the local copy knows how
//! far the journal was durable, and the ledger knows how far it was told. What they know is that it had
//! this epoch, this many records and this hash; until an operator says that the old journal's allowance
//! is spent, nothing is approved. What was answered is told on.
//!
//! **A restored ledger** is told again what it has acknowledged and may have lost (rule 22), what
//! stand-in approved being exposure again, and what it had approved itself: everything under a new
//! epoch; inside one epoch, where a listing ends before what was reached, everything with a mark after
//! the end of that listing (rule 13).

use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger_api::{
    AdviceAnswer, AdviceItem, Amount, AuthorizationId, CardToken, Cause, Change, FeedPage,
    GatewayId, JournalHead, Mark, Reason,
};

use crate::copy::LocalCopy;
use crate::homes::Homes;
use crate::journal::{AppendError, Appended, Journal, JournalFailed, Record};
use crate::policy::{Policy, PolicyError};
use crate::words::{
    Accepted, Answer, Completion, Decision, Found, JournaledAnswer, LedgerAnswer, NoAnswer,
    NotTaken, Now, Reference, Request,
};

mod answers;
mod completions;
mod deciding;
mod declining;
mod in_flight;
mod learn;
mod recover;
mod replay;
mod state;
mod status;
mod tell;
mod weigh;

use completions::Sought;
use state::State;
pub use status::{JournalState, Knowledge, Status, Verdicts};

/// What stand-in is made of.
#[derive(Debug)]
pub struct Setup {
    /// This gateway.
    pub gateway: GatewayId,
    /// The fleet.
    pub homes: Homes,
    /// The signed limits.
    pub policy: Policy,
    /// The journal, just opened.
    pub journal: Journal,
    /// What was in it.
    pub records: Vec<(u64, Record)>,
    /// The local copy.
    pub copy: LocalCopy,
    /// Which start of which machine this is; zero where nobody knows.
    pub boot_id: u128,
}

/// Why stand-in did not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// This gateway is in no fleet.
    #[error(
        "gateway {0} is not among the homes; add it to the file of homes, on every gateway, or \
         start it under a name that is there"
    )]
    NotAmongHomes(GatewayId),
    /// The caps of the fleet do not fit into the programme's.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The start could not be written down.
    #[error("stand-in cannot start: {0}")]
    Journal(#[from] AppendError),
}

/// The engine. See the module.
#[derive(Debug)]
pub struct StandIn {
    state: Mutex<State>,
}

/// What is known of an authorization before the ledger is asked.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The answer that it got, once it may be given again.
    pub answer: Option<Answer>,
    /// True where it was reversed before it came, and the ledger has not heard of that.
    pub is_reversed: bool,
    /// What the rules say now. Reserves nothing (rule 7).
    pub shadow: Decision,
    /// As [`StandIn::unbooked`].
    pub unbooked_minor: i64,
}

/// An answer that may not be given before its record is safe.
#[derive(Debug)]
#[must_use = "an answer may only be given once it is kept"]
pub struct Given {
    answer: Answer,
    until: Until,
}

/// What an answer waits for. The record is the answer's own, or that of the first one.
#[derive(Debug)]
enum Until {
    /// Nothing.
    Now,
    /// It survives a power cut.
    Durable(Appended),
    /// It survives the end of the process: the ledger holds the answer too.
    Written(Appended),
}

impl StandIn {
    /// Rebuilds answers, spend, windows and the replay queue from the journal's records, and writes
    /// down that the gateway started.
    ///
    /// # Errors
    /// The gateway is in no fleet, the fleet's caps do not fit, or the journal does not take the record. A journal that is not the
    /// one that the copy knows is no error: see [`StandIn::fenced`].
    pub fn open(setup: Setup, now: Now) -> Result<Self, OpenError> {
        if !setup.homes.contains(&setup.gateway) {
            return Err(OpenError::NotAmongHomes(setup.gateway));
        }
        setup.policy.fits(&setup.homes)?;
        Ok(Self {
            state: Mutex::new(recover::recover(setup, now)?),
        })
    }

    /// True where this gateway is the home of the card.
    pub fn is_home(&self, card: &CardToken) -> bool {
        self.lock().is_home(card)
    }

    /// All that there is to know of an authorization before the ledger is asked, in one look.
    pub fn look(&self, request: &Request, now: Now) -> Look {
        let state = self.lock();
        let answer = state.answers.get(&request.id);
        Look {
            answer: answer.filter(|answer| state.may_give(answer, state.ready())),
            is_reversed: state.is_reversed(&request.id),
            shadow: state.weigh(request, now),
            unbooked_minor: state.unbooked(&request.card),
        }
    }

    /// The answer that an id got, once it may be given again.
    pub fn answer(&self, id: &AuthorizationId) -> Option<Answer> {
        let state = self.lock();
        let answer = state.answers.get(id)?;
        state.may_give(&answer, state.ready()).then_some(answer)
    }

    /// True where nothing is known of an id that could keep it from being decided like any other: no
    /// answer, safe or not, and no reversal that the ledger has not taken yet.
    pub fn is_new(&self, id: &AuthorizationId) -> bool {
        let state = self.lock();
        state.answers.get(id).is_none() && !state.is_reversed(id)
    }

    /// True where a reversal of this id is known here and the ledger has not taken it yet.
    pub fn is_reversed(&self, id: &AuthorizationId) -> bool {
        self.lock().is_reversed(id)
    }

    /// The id that a client's key was used for.
    pub fn id_for_alias(&self, alias: u64) -> Option<AuthorizationId> {
        self.lock().answers.alias(alias)
    }

    /// Answers with these references of the network.
    pub fn find(&self, stan: u32, rrn: &[u8; 12]) -> Vec<Answer> {
        let state = self.lock();
        let ready = state.ready();
        let mut found = state.answers.find(stan, rrn);
        found.retain(|answer| state.may_give(answer, ready));
        found
    }

    /// Answers after a record of the journal, in its order: for audits.
    pub fn answers_after(&self, seq: u64, limit: usize) -> Vec<JournaledAnswer> {
        let state = self.lock();
        let ready = state.ready();
        let answers = state
            .answers
            .after(seq)
            .filter(|answer| ready.includes(answer))
            .take(limit);
        answers
            .map(|answer| JournaledAnswer {
                answer: *answer,
                acknowledged: !state.replay.waits(answer.seq),
            })
            .collect()
    }

    /// Stand-in approvals on the card's account whose advice the ledger has not acknowledged, in
    /// minor units.
    pub fn unbooked(&self, card: &CardToken) -> i64 {
        self.lock().unbooked(card)
    }

    /// What the rules say now. Reserves nothing (rule 7).
    pub fn shadow(&self, request: &Request, now: Now) -> Decision {
        self.lock().weigh(request, now)
    }

    /// Decides without the ledger. `asked` says that the ledger was asked and its outcome is not
    /// known. An id that has an answer gets that one.
    ///
    /// # Errors
    /// The record's batch failed: nobody knows whether it is durable (rule 10). Or the journal takes no
    /// record and the ledger was asked: it may hold money for a decline that it could not be told.
    pub async fn decide(
        &self,
        request: Request,
        cause: Cause,
        asked: bool,
        now: Now,
    ) -> Result<Answer, NoAnswer> {
        self.decide_now(request, cause, asked, now)?.kept().await
    }

    /// The step of [`StandIn::decide`] under the lock: what is left is to wait.
    ///
    /// # Errors
    /// As for [`StandIn::decide`].
    pub fn decide_now(
        &self,
        request: Request,
        cause: Cause,
        asked: bool,
        now: Now,
    ) -> Result<Given, NoAnswer> {
        self.lock().decide(request, cause, asked, now)
    }

    /// Declines without weighing any rule: somebody else has decided that nothing is approved here, and
    /// gives the `reason`. An id that has an answer gets that one. What is left is to wait.
    ///
    /// # Errors
    /// As for [`StandIn::decide`].
    pub fn decline_now(
        &self,
        request: Request,
        reason: Reason,
        cause: Cause,
        asked: bool,
        now: Now,
    ) -> Result<Given, NoAnswer> {
        self.lock().decline(request, (reason, cause), asked, now)
    }

    /// Keeps the ledger's answer. An id that has an answer keeps that one, and gets it.
    ///
    /// # Errors
    /// The record's batch failed. Or the journal takes no record, and the approval takes the money at
    /// once: its capture must not be forgotten.
    pub async fn record(
        &self,
        request: Request,
        ledger: LedgerAnswer,
        now: Now,
    ) -> Result<Answer, NoAnswer> {
        self.record_now(request, ledger, now)?.kept().await
    }

    /// The step of [`StandIn::record`] under the lock: what is left is to wait.
    ///
    /// # Errors
    /// As for [`StandIn::record`].
    pub fn record_now(
        &self,
        request: Request,
        ledger: LedgerAnswer,
        now: Now,
    ) -> Result<Given, NoAnswer> {
        self.lock().record(request, ledger, now)
    }

    /// Takes the network's own answer (0120). It outranks ours and is not in our exposure (rule 5).
    ///
    /// # Errors
    /// The network has told another one before, which stands. Or it could not be made durable; the
    /// network must send it again.
    pub async fn accept_advice(
        &self,
        request: Request,
        approved: bool,
        approved_amount: Amount,
        now: Now,
    ) -> Result<Accepted, NotTaken> {
        let (accepted, appended) =
            self.lock()
                .accept_advice(request, approved, approved_amount, now)?;
        durable(appended).await?;
        Ok(accepted)
    }

    /// Takes a capture or a refund (0220): never refused for its amount, and outside the bound
    /// (rule 18).
    ///
    /// # Errors
    /// The id was told before with other content, which stands. Or it could not be made durable; the
    /// network must send it again.
    pub async fn accept_completion(
        &self,
        completion: Completion,
        now: Now,
    ) -> Result<Accepted, NotTaken> {
        let (accepted, appended) = self.lock().accept_completion(completion, now)?;
        durable(appended).await?;
        Ok(accepted)
    }

    /// The authorization that a reversal means which names it by these references and its amount. Only
    /// those that were answered here are known.
    pub fn original_to_reverse(&self, reference: &Reference, amount: Amount) -> Found {
        let amount = Sought::Exactly(amount.minor());
        self.lock().find_original(reference, amount)
    }

    /// The authorization to which a completion belongs that names it by these references. Its amount may
    /// be another one, so that it decides only between several.
    pub fn original_to_complete(&self, reference: &Reference, amount: Amount) -> Found {
        let amount = Sought::Rather(amount.minor());
        self.lock().find_original(reference, amount)
    }

    /// Takes a reversal: whatever is locally spent for the id shrinks to `remaining`, once (rule 9).
    /// One that comes before its original makes the original a decline.
    ///
    /// # Errors
    /// It could not be made durable; the network must send it again.
    pub async fn accept_reversal(
        &self,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        now: Now,
    ) -> Result<Accepted, NoAnswer> {
        self.take_back(id, card, remaining, false, now).await
    }

    /// The same of an authorization that took the money at once (0200), and of its capture.
    ///
    /// # Errors
    /// As for [`StandIn::accept_reversal`].
    pub async fn accept_reversal_of_both(
        &self,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        now: Now,
    ) -> Result<Accepted, NoAnswer> {
        self.take_back(id, card, remaining, true, now).await
    }

    async fn take_back(
        &self,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        captured: bool,
        now: Now,
    ) -> Result<Accepted, NoAnswer> {
        let (accepted, appended) = self
            .lock()
            .accept_reversal(id, card, remaining, captured, now)?;
        // Records become durable in their order: the last one covers both.
        durable(appended).await?;
        Ok(accepted)
    }

    /// How many records the ledger has to be told.
    pub fn backlog(&self) -> usize {
        self.lock().replay.len()
    }

    /// The next records to tell, in the order of the journal, and where its durable end is. The same
    /// ones again until they are acknowledged.
    pub fn pending_advices(&self, max: usize) -> (JournalHead, Vec<AdviceItem>) {
        self.lock().pending_advices(max)
    }

    /// What the ledger said to them. A `Failed` one goes behind the others.
    ///
    /// # Errors
    /// The acknowledgements could not be written: after a restart the ledger is told again, which
    /// does no harm.
    pub async fn acknowledge(&self, said: &[AdviceAnswer], now: Now) -> Result<(), NoAnswer> {
        let appended = self.lock().acknowledge(said, now)?;
        match appended {
            Some(appended) => appended.written().await.map_err(outcome_unknown),
            None => Ok(()),
        }
    }

    /// From where to follow the feed; `None`: list first.
    pub fn feed_mark(&self) -> Option<Mark> {
        self.lock().copy.feed_mark()
    }

    /// Takes a complete listing, made from `mark` (its first page's) on. One of a new epoch, or one that
    /// ends before what was known, is of a restored ledger: see the module.
    pub fn replace_listing(&self, mark: Mark, states: Vec<Change>, now: Now) {
        self.lock().replace_listing(mark, states, now);
    }

    /// Takes the next page of the feed. One that does not follow is refused, and
    /// [`StandIn::feed_mark`] asks for a listing.
    pub fn apply_feed(&self, page: &FeedPage, now: Now) {
        self.lock().apply_feed(page, now);
    }

    /// The ledger was asked for what is newer, and there was nothing.
    pub fn heard(&self, now: Now) {
        self.lock().heard(now);
    }

    /// Decides by another policy from now on. What was approved stays counted: in windows, in exposure, and
    /// at merchants and terminals. Who may raise the bound is for the caller to know.
    ///
    /// # Errors
    /// The fleet's caps do not fit, or it counts in another currency: the one in force stays.
    pub fn replace_policy(&self, policy: Policy, now: Now) -> Result<(), PolicyError> {
        self.lock().replace_policy(policy, now)
    }

    /// The policy in force.
    pub fn policy(&self) -> Policy {
        self.lock().policy.clone()
    }

    /// No stand-in from now on, until the process is restarted. What was answered is told on.
    pub fn fence(&self, why: String) {
        self.lock().fence(why);
    }

    /// Why there is no stand-in, if it is fenced.
    pub fn fenced(&self) -> Option<String> {
        self.lock().fenced.clone()
    }

    /// Compares the journal with the head that the ledger saw last, and fences stand-in where the
    /// journal was lost or rolled back (rule 11). Reads the disk: call it at the start.
    pub fn last_seen_check(&self, ledger_head: Option<JournalHead>) {
        self.lock().last_seen_check(ledger_head);
    }

    /// How stand-in is.
    pub fn status(&self, now: Now) -> Status {
        self.lock().status(now)
    }

    /// A panic under the lock leaves at worst a sum that is too high: the sums of the book change in
    /// one place, and what is reserved is reserved after it was appended.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Given {
    /// Waits until the answer may be given.
    ///
    /// # Errors
    /// The record's batch failed: nobody knows whether it is there.
    pub async fn kept(self) -> Result<Answer, NoAnswer> {
        match self.until {
            Until::Now => {}
            Until::Durable(appended) => appended.durable().await.map_err(outcome_unknown)?,
            Until::Written(appended) => appended.written().await.map_err(outcome_unknown)?,
        }
        Ok(self.answer)
    }

    /// The answer and the record that it waits for, `None` where it may be given now: for whoever waits
    /// for many together. Nothing of the answer may go out before its record is durable (I1).
    pub fn apart(self) -> (Answer, Option<Appended>) {
        let record = match self.until {
            Until::Now => None,
            // What is durable is written.
            Until::Durable(appended) | Until::Written(appended) => Some(appended),
        };
        (self.answer, record)
    }

    fn now(answer: Answer) -> Self {
        let until = Until::Now;
        Self { answer, until }
    }

    fn durable(answer: Answer, appended: Appended) -> Self {
        let until = Until::Durable(appended);
        Self { answer, until }
    }

    fn written(answer: Answer, appended: Appended) -> Self {
        let until = Until::Written(appended);
        Self { answer, until }
    }
}

async fn durable(appended: Option<Appended>) -> Result<(), NoAnswer> {
    match appended {
        Some(appended) => appended.durable().await.map_err(outcome_unknown),
        None => Ok(()),
    }
}

fn outcome_unknown(failed: JournalFailed) -> NoAnswer {
    NoAnswer::OutcomeUnknown(failed.to_string())
}

fn refused(error: &AppendError) -> NoAnswer {
    match error {
        AppendError::Full(full) => NoAnswer::JournalFull(full.to_string()),
        AppendError::Failed(failed) => NoAnswer::OutcomeUnknown(failed.to_string()),
    }
}

#[cfg(test)]
mod tests;
