use std::collections::BTreeMap;

use ledger_api::{AuthorizationId, AuthorizationView, CardToken, Reason};

use super::Evidence;
use crate::gateway_node::JournalAnswer;
use crate::notebook::{Answer, Outcome, Record, ReversalOutcome};

/// Everything that anybody says about one id.
#[derive(Debug, Default)]
pub(super) struct Story<'a> {
    pub(super) card: Option<CardToken>,
    /// The most that was asked for.
    pub(super) requested_minor: i64,
    /// What clients were told, and by which gateway.
    pub(super) told: Vec<(usize, &'a Answer)>,
    /// A client never heard what came of an attempt.
    pub(super) unanswered: bool,
    /// What the network itself approved, as we acknowledged.
    pub(super) network_minor: Option<i64>,
    /// The least that a reversal which was acknowledged left.
    pub(super) reversed_to: Option<i64>,
    /// The least that a reversal left of which nobody knows whether it was heard.
    pub(super) maybe_reversed_to: Option<i64>,
    /// A capture or a refund under this id that was acknowledged, or may have been taken.
    pub(super) moved: Option<Moved>,
    /// Captures that name this id.
    pub(super) captures: Vec<AuthorizationId>,
    pub(super) journals: Vec<(usize, &'a JournalAnswer)>,
    pub(super) books: Option<&'a AuthorizationView>,
}

/// Money that was captured or given back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) minor: i64,
    pub(super) more: bool,
    /// False where nobody has heard that it was taken.
    pub(super) accepted: bool,
}

impl Story<'_> {
    /// The most that a client was told is approved; `None` where none was told "approved".
    pub(super) fn approved_minor(&self) -> Option<i64> {
        let approvals = self.told.iter().filter(|(_, answer)| answer.approved);
        approvals.map(|(_, answer)| answer.approved_minor).max()
    }

    pub(super) fn is_contested(&self) -> bool {
        self.books.is_some_and(|books| books.contested)
    }

    /// Waits for a person, in plain sight.
    pub(super) fn is_parked(&self) -> bool {
        self.books.is_some_and(|books| books.parked.is_some())
    }

    pub(super) fn effect_minor(&self) -> i64 {
        self.books.map_or(0, |books| books.effect_minor)
    }

    /// What a gateway's journal holds as approved, told to the client or not.
    pub(super) fn journaled_minor(&self) -> Option<i64> {
        let approvals = self.journals.iter().filter(|(_, answer)| answer.approved);
        approvals.map(|(_, answer)| answer.approved_minor).max()
    }
}

/// An answer that says "not here, not now" and not what the payment came to: 91, with which a
/// gateway that is not home declines a repeat (rule 2), or sheds.
pub(super) fn is_elsewhere(answer: &Answer) -> bool {
    answer.response_code == "91" || answer.reason == Some(Reason::RepeatNotAtHome)
}

/// All stories, by id.
pub(super) struct Stories<'a>(pub(super) BTreeMap<AuthorizationId, Story<'a>>);

impl<'a> Stories<'a> {
    pub(super) fn gather(evidence: &'a Evidence) -> Self {
        let mut stories = BTreeMap::<AuthorizationId, Story<'a>>::new();
        for record in &evidence.records {
            let story = stories.entry(record.id()).or_default();
            story.card = Some(record.card());
            add(story, record);
            if let Record::Completion {
                id,
                of: Some(of),
                refund: false,
                outcome,
                ..
            } = record
                && !matches!(outcome, ReversalOutcome::Refused(_))
            {
                let captures = &mut stories.entry(*of).or_default().captures;
                captures.push(*id);
                captures.sort();
                captures.dedup();
            }
        }
        for (gateway, journal) in evidence.journals.iter().enumerate() {
            for answer in journal {
                stories
                    .entry(answer.id)
                    .or_default()
                    .journals
                    .push((gateway, answer));
            }
        }
        for view in evidence.authorizations.iter().chain(&evidence.suspense) {
            let story = stories.entry(view.id).or_default();
            story.card = Some(view.card);
            story.books = Some(view);
        }
        Self(stories)
    }
}

fn add<'a>(story: &mut Story<'a>, record: &'a Record) {
    match record {
        Record::Authorization {
            gateway,
            amount_minor,
            outcome,
            ..
        } => {
            match outcome {
                Outcome::Answered(answer) => story.told.push((*gateway, answer)),
                Outcome::Unanswered(_) => story.unanswered = true,
                // Nothing was decided: a request with other content counts for nothing.
                Outcome::Refused(_) => return,
            }
            story.requested_minor = story.requested_minor.max(*amount_minor);
        }
        Record::Advice {
            approved_minor,
            outcome,
            ..
        } => match outcome {
            ReversalOutcome::Accepted { .. } => {
                story.network_minor = story.network_minor.max(Some(*approved_minor));
            }
            ReversalOutcome::Unanswered(_) => story.unanswered = true,
            ReversalOutcome::Refused(_) => {}
        },
        Record::Completion {
            amount_minor,
            more,
            outcome,
            ..
        } => {
            let accepted = matches!(outcome, ReversalOutcome::Accepted { .. });
            if !matches!(outcome, ReversalOutcome::Refused(_)) {
                story.moved = Some(Moved {
                    minor: *amount_minor,
                    more: *more,
                    accepted: accepted || story.moved.is_some_and(|moved| moved.accepted),
                });
            }
        }
        Record::Reversal {
            remaining_minor,
            outcome,
            ..
        } => {
            let least = |old: Option<i64>| {
                Some(old.map_or(*remaining_minor, |old| old.min(*remaining_minor)))
            };
            match outcome {
                ReversalOutcome::Accepted { .. } => story.reversed_to = least(story.reversed_to),
                ReversalOutcome::Unanswered(_) => {
                    story.maybe_reversed_to = least(story.maybe_reversed_to);
                }
                ReversalOutcome::Refused(_) => {}
            }
        }
    }
}
