//! The conformance suite: what every ledger behind the wire contract of [`ledger_api`] must do, asked
//! over HTTP and nothing else, so that any implementation can be asked.
//!
//! Each case says one sentence of the contract, plays it on accounts, cards, ids and gateways of its
//! own, and says what it saw. All of them are drawn from a seed: the same seed on empty books plays the
//! same requests again, another one can be played on books that are in use.

mod batches;
mod customer;
mod desk;
mod feed;
mod ground;
mod life;
mod matrix;
mod order;
mod parked;
mod problems;
mod repeats;
mod report;
mod rules;
mod statements;
#[cfg(test)]
mod tests;
mod together;

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::ask::{AskError, Peer};
pub use ground::{Broken, Ground};
pub use report::{Finding, Report, Result as CaseResult};

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long one case may take.
const CASE_MAX: Duration = Duration::from_secs(120);

type Played<'g> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'g>>;

/// One sentence of the contract.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, for `--only`.
    pub name: &'static str,
    /// What the contract says.
    pub says: &'static str,
    play: for<'g> fn(&'g Ground) -> Played<'g>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! cases {
    ($($group:ident { $($name:ident: $says:literal;)+ })+) => {
        /// Every case, in the order in which they are played; the trial balance is last.
        pub const CASES: &[Case] = &[$($(
            Case {
                name: stringify!($name),
                says: $says,
                play: |ground| Box::pin($group::$name(ground)),
            },
        )+)+];
    };
}

cases! {
    matrix {
        approved_and_told_approved: "the ledger approved, the network was told approved: the same hold, once, in both orders and however often it is told";
        approved_and_told_declined: "the ledger approved, the network was told declined: the hold is released, in both orders";
        declined_and_told_approved: "the ledger declined, the network was told approved: it is booked all the same, in both orders, even below zero";
        declined_and_told_declined: "the ledger declined, the network was told declined: nothing is held";
        unknown_and_told_approved: "the ledger never heard of it, the network was told approved: it is booked";
        unknown_and_told_declined: "the ledger never heard of it, the network was told declined: it is recorded, nothing is held";
        told_amount_wins_rule_6: "rule 6: after an advice the hold equals the told amount, whether that is less or more than what was approved";
    }
    repeats {
        live_repeat_same_answer_i3: "I2, I3: a repeated authorization gets the first answer and holds nothing more";
        live_other_content_is_a_conflict: "an id that is known with other content is answered as a conflict; nothing is done";
        live_other_card_is_a_conflict: "an id that is known for another card is answered as a conflict; nothing is done";
        repeat_in_one_batch: "the same item twice in one batch has one effect and one answer";
        advice_other_content_is_listed: "an advice whose content differs from what is known is booked as told, once, and listed for a person";
        decline_repeats_too: "a declined authorization is declined again, for the same reason, even when the money has come meanwhile";
        opening_again_changes_nothing: "an account that is opened again, and a card that is put again, are left as they are";
    }
    order {
        every_order_of_request_advice_and_reversal: "I13: an authorization, its advice and its reversal, each of the two last twice, give the same books in every order";
        every_order_of_partial_reversals: "I13: reversals to different amounts and an advice give the least amount, in every order";
        every_order_of_two_gateways: "I13: an approval of one gateway, a decline of another and a reversal give the same books in every order";
        tombstone_before_a_live_request: "a reversal that comes first leaves a tombstone: the authorization is declined as reversed_before";
        tombstone_before_an_advice: "a reversal that comes first leaves a tombstone: the advice is taken, and nothing is held";
        partial_reversal_lowers_once: "a partial reversal leaves what it says, once; one that leaves more changes nothing; a full one gives the rest back";
        reversals_call_is_the_same: "POST /v1/reversals does what a reversal among advices does";
    }
    rules {
        approval_beats_decline_rule_3: "rule 3: where two gateways told different answers for one id, the approval is booked, and the case is listed";
        late_live_request_rule_4: "rule 4: a live request for an id that was told gets the told verdict and holds nothing more";
        network_outranks_us_rule_5: "rule 5: the network's own advice outranks a gateway's, and may exceed every limit";
        journal_head_rule_11: "rule 11: the ledger keeps the highest journal head; another epoch or an older head changes nothing until the grant";
        own_spend_is_respected_rule_12: "rule 12: what a gateway has spent and the ledger has not booked cannot be spent again";
        marks_include_their_effect_rule_12: "rule 12: the feed up to the mark of an answer shows its effect";
        advices_are_not_checked: "an advice is booked verbatim, with no balance check";
        refusals_have_their_precedence: "a decline names the first rule that is broken, in the order of precedence";
        a_trace_changes_nothing: "an item may carry a traceparent, even one that is none: it never changes an answer";
    }
    parked {
        unknown_card_is_parked: "an advice for a card that nobody knows is parked with its reason, listed, and parked again when repeated";
        other_currency_is_parked: "an advice in another currency than the account's is parked with its reason and holds nothing";
        parked_delays_only_its_own: "a parked advice delays only its own card: what stands beside it in the batch is booked";
        unbookable_decline_is_recorded: "a decline moves no money: it is recorded for a card that nobody knows, too";
    }
    life {
        a_capture_takes_what_it_says: "a capture takes its amount, less or more than is held, once, and closes the authorization";
        captures_in_parts: "several captures lower the hold by what they take; the last one lets the rest go";
        the_captures_call_is_the_same: "POST /v1/captures and /v1/refunds do what captures and refunds among advices do";
        captures_in_every_order: "I13: an advice, two captures, a capture's reversal told twice and a refund give the same books in every order";
        a_capture_before_its_authorization: "a capture that comes first is taken; the authorization holds what is left of it, and nothing after the last capture";
        what_was_taken_or_given_is_reversed: "a reversal of a capture or a refund takes it back, wholly or in part, by an opposite posting";
        a_refund_gives_back_once: "a refund gives money back, once, with an original or without";
        a_force_post_needs_no_hold_and_no_balance: "rule 18: a capture without a hold is taken, whatever the balance";
        increments_in_every_order: "I13: an authorization, its increment and their reversals give the same hold in every order";
        a_live_increment_adds_to_its_original: "a live increment adds to its original's hold, and is declined once that is captured";
        a_partial_approval_where_the_terminal_takes_one: "where the terminal takes less, what is there is approved, as partially_approved";
        a_balance_inquiry_and_a_verification_hold_nothing: "a balance inquiry tells what is available, a verification checks card and account; both are of zero";
        zero_and_wrong_exponents_are_refused: "captures, refunds and increments of zero, and exponents that are not ISO 4217's, are refused item by item";
    }
    desk {
        a_release_lets_go_once: "a release lets go what is held, once; what is captured, declined or unheard of is refused";
        a_late_capture_is_taken_all_the_same: "rule 17: a capture after the release is taken; the hold never comes back";
        a_closed_account_takes_no_new_money: "a closed account declines live requests and parks advices, until a person books them elsewhere or dismisses them";
        a_parked_advice_is_tried_again: "a parked advice is booked when a person tries it again after the cause is gone, and not before";
        what_was_seen_is_listed_no_more: "a contested case that a person has seen is listed no more; the money stays";
        an_undrained_journal_stops_the_hold_clock_rule_17: "rule 17: a gateway that says that advices wait behind its batch stops the clock by which holds expire";
    }
    batches {
        item_by_item_in_order: "a batch is answered item by item, in order; one bad item leaves the others as they are";
        advices_item_by_item: "a batch of advices is answered item by item, in order, with id and journal number";
        an_empty_batch_is_empty: "a batch without items is answered without items";
        a_full_batch: "a batch of 1,024 items is taken, one of 1,025 is refused as a whole";
    }
    feed {
        feed_has_no_holes_rule_13: "rule 13: feed positions have no holes, and a reader resumes from any position with the same changes";
        listing_and_feed_are_the_state: "the listing, then the feed from its first page's mark, is the state of every card and account";
        other_epoch_is_refused_rule_13: "rule 13: a reader of another epoch, or ahead of the books, is refused and told so";
        a_reader_who_waits_is_told: "a reader who waits for news is answered when there are some";
    }
    statements {
        statement_adds_up_i6: "I6: opening balance and entries of an account, page by page, are its totals";
        entries_are_immutable: "entries stay as they are: what follows is appended, under higher numbers";
    }
    problems {
        unknown_paths_and_methods: "a path or a method that there is not is a problem (RFC 9457) that says retry never";
        bad_ids_and_queries: "an id, a cursor or a query that does not parse is a problem that says retry never";
        bodies_that_do_not_parse: "a body that is not what the call takes is refused as a whole, unknown fields too";
        amounts_that_cannot_be: "negative, too large and broken amounts, and unknown currencies, are refused, and nothing is held";
        a_body_that_is_too_large: "a body that is too large is refused with 413";
        what_is_not_there: "what the books do not hold is 404, and a card of an account that does not exist is refused";
        an_account_keeps_its_currency: "an account that exists is not opened again in another currency";
    }
    together {
        one_authorization_from_sixteen_connections: "one authorization from 16 connections at once: one answer, one hold";
        one_advice_from_sixteen_connections: "one advice from 16 connections at once: one effect, applied once";
        sixteen_spenders_never_overdraw: "16 authorizations at once on one account never spend more than there is";
        advice_and_request_at_once: "a live request and its advice at once end as the advice says";
        the_books_balance_i6: "I6: debits equal credits in every currency, and every account's totals equal its entries";
    }
}

/// What to play.
#[derive(Debug, Clone)]
pub struct Options {
    /// What everything is drawn from.
    pub seed: u64,
    /// The cases' names, or parts of them; all where it is empty.
    pub only: Vec<String>,
}

impl Options {
    /// The cases that are to be played.
    pub fn cases(&self) -> Vec<&'static Case> {
        let wanted = |case: &&Case| {
            self.only.is_empty()
                || self
                    .only
                    .iter()
                    .any(|part| case.name.contains(part.as_str()))
        };
        CASES.iter().filter(wanted).collect()
    }
}

/// Why nothing was played.
#[derive(Debug, thiserror::Error)]
pub enum NotPlayed {
    /// Nobody answers.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The seed was played on these books before.
    #[error("seed {0} was played on these books before; leave it out for a new one")]
    Seed(u64),
    /// What was asked for is not there.
    #[error("no case has `{0}` in its name; `--list` shows them")]
    NoCase(String),
}

/// Plays the cases, one after the other, and tells each one's finding as it comes.
///
/// # Errors
/// Where nothing can be played. A case that fails is no error: it is in the report.
pub async fn play(
    url: &str,
    options: &Options,
    mut told: impl FnMut(&Finding),
) -> Result<Report, NotPlayed> {
    let cases = options.cases();
    if cases.is_empty() {
        return Err(NotPlayed::NoCase(options.only.join("`, `")));
    }
    let peer = Peer::new(url, ANSWER_MAX)?;
    let first = Ground::new(peer.clone(), options.seed, "seed");
    if !first.is_new().await? {
        return Err(NotPlayed::Seed(options.seed));
    }
    let mut report = Report::new(peer.url(), options.seed);
    for case in cases {
        let ground = Ground::new(peer.clone(), options.seed, case.name);
        let began = Instant::now();
        let played = timeout(CASE_MAX, (case.play)(&ground)).await;
        let result = match played {
            Ok(Ok(())) if ground.checks() == 0 => CaseResult::Failed(Broken::nothing_seen()),
            Ok(Ok(())) => CaseResult::Passed,
            Ok(Err(broken)) => CaseResult::Failed(broken),
            Err(_) => CaseResult::Failed(Broken::too_slow(CASE_MAX)),
        };
        let finding = Finding {
            name: case.name,
            says: case.says,
            checks: ground.checks(),
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            result,
        };
        told(&finding);
        report.findings.push(finding);
    }
    Ok(report)
}
