use std::collections::{BTreeMap, HashMap};

use ledger_api::{
    AccountId, AuthorizationId, AuthorizationState, AuthorizationView, CardStatus, Side,
};

use super::story::{Stories, Story, is_elsewhere};
use super::{Audit, AuditOptions, Evidence, Invariant, Verdict};
use crate::notebook::{By, Outcome, Record};

/// I1: every approval that was told, by a client's or a journal's word, is in the books.
pub(super) fn approvals_in_the_books(stories: &Stories<'_>, audit: &mut Audit) {
    let mut cases = Vec::new();
    for (id, story) in &stories.0 {
        let is_kept = |books: &&AuthorizationView| {
            let taken = books.state != AuthorizationState::Tombstone;
            taken || books.parked.is_some()
        };
        if story.moved.is_some_and(|moved| moved.accepted) && story.books.filter(is_kept).is_none()
        {
            cases.push(format!("{id}: a completion that is not in the books"));
            audit.lost_approvals.push(*id);
        }
        let told = story.approved_minor();
        let promised = told
            .or_else(|| story.journaled_minor())
            .or(story.network_minor);
        if promised.is_none() {
            continue;
        }
        let known = story.books.is_some_and(|books| {
            let approved = [books.told, books.network, books.decided]
                .into_iter()
                .flatten();
            approved.into_iter().any(|verdict| verdict.approved) || books.parked.is_some()
        });
        if !known {
            cases.push(format!(
                "{id}: approved ({promised:?}) and not in the books"
            ));
            audit.lost_approvals.push(*id);
        }
        for (gateway, answer) in &story.journals {
            if !answer.acknowledged && audit.backlog == 0 {
                cases.push(format!(
                    "{id}: gateway {gateway} has no backlog and this unacknowledged"
                ));
            }
        }
    }
    audit.invariants.insert(Invariant::I1, Verdict::of(cases));
}

/// I2: no id holds more than it asked for, and the money says the same as the authorizations.
pub(super) fn no_effect_twice(
    evidence: &Evidence,
    stories: &Stories<'_>,
    options: &AuditOptions,
    audit: &mut Audit,
) {
    let mut cases = Vec::new();
    for (id, story) in &stories.0 {
        let most = story
            .requested_minor
            .max(story.network_minor.unwrap_or_default());
        let asked_by_a_client = !story.told.is_empty() || story.unanswered;
        if asked_by_a_client && !(0..=most).contains(&story.effect_minor()) {
            cases.push(format!(
                "{id}: {} is held, {most} was asked for",
                story.effect_minor()
            ));
            audit.double_postings.push(*id);
        }
        let moved = story.moved.map(|moved| moved.minor);
        if moved.is_some_and(|minor| !(0..=minor).contains(&story.effect_minor())) {
            cases.push(format!(
                "{id}: {} is posted, {moved:?} was told",
                story.effect_minor()
            ));
            audit.double_postings.push(*id);
        }
    }
    let openings = openings(evidence);
    let mut effects = HashMap::<AccountId, i64>::new();
    for view in &evidence.authorizations {
        if let Some(account) = view.account {
            *effects.entry(account).or_default() += taken(view);
        }
    }
    for account in evidence
        .accounts
        .iter()
        .filter(|account| !account.account.is_internal())
    {
        let credits = account.totals.credits_posted;
        let given = credits - openings.get(&account.account).unwrap_or(&credits);
        let spent = account.totals.debits_pending + account.totals.debits_posted - given;
        let effect = effects.get(&account.account).copied().unwrap_or_default();
        if spent != effect {
            cases.push(format!(
                "account {}: debits of {spent}, authorizations of {effect}",
                account.account
            ));
        }
    }
    if options.entries {
        entries_equal_effects(evidence, &mut cases, audit);
    }
    audit.invariants.insert(Invariant::I2, Verdict::of(cases));
}

fn entries_equal_effects(evidence: &Evidence, cases: &mut Vec<String>, audit: &mut Audit) {
    let mut sums = BTreeMap::<AuthorizationId, i64>::new();
    for entry in &evidence.entries {
        if let Some(id) = entry.authorization {
            *sums.entry(id).or_default() += match entry.side {
                Side::Debit => entry.amount_minor,
                Side::Credit => -entry.amount_minor,
            };
        }
    }
    let effects: HashMap<_, _> = (evidence.authorizations.iter())
        .map(|view| (view.id, taken(view)))
        .collect();
    for (id, sum) in sums {
        let effect = effects.get(&id).copied().unwrap_or_default();
        if sum != effect {
            cases.push(format!("{id}: entries of {sum}, an effect of {effect}"));
            audit.double_postings.push(id);
        }
    }
}

/// What an account has less for it: a refund gives.
fn taken(view: &AuthorizationView) -> i64 {
    if view.state == AuthorizationState::Refunded {
        -view.effect_minor
    } else {
        view.effect_minor
    }
}

fn openings(evidence: &Evidence) -> HashMap<AccountId, i64> {
    let cards = evidence.cards.iter();
    cards
        .map(|card| (card.account, card.opening_minor))
        .collect()
}

/// I3: one id, one answer, whichever door and gateway.
pub(super) fn same_answers(stories: &Stories<'_>, audit: &mut Audit) {
    let mut cases = Vec::new();
    for (id, story) in &stories.0 {
        if story.told.iter().any(|(_, answer)| is_elsewhere(answer)) {
            audit.repeats_not_at_home.push(*id);
        }
        let mut answers = story
            .told
            .iter()
            .filter(|(_, answer)| !is_elsewhere(answer));
        let Some((first_gateway, first)) = answers.next() else {
            continue;
        };
        for (gateway, other) in answers {
            let by_one_gateway = gateway == first_gateway;
            let both_declined = !first.approved && !other.approved;
            if !by_one_gateway && both_declined && other.verdict() != first.verdict() {
                // Rule 3: two gateways that could not ask. No money hangs on which rule declined.
                audit.declined_differently.push(*id);
                continue;
            }
            // Rule 5: what the network has answered itself outranks what we had.
            let outranked = story.network_minor.is_some_and(|minor| {
                [first, other]
                    .iter()
                    .any(|it| it.approved_minor == minor && it.approved)
            });
            if outranked {
                continue;
            }
            if other.verdict() != first.verdict() && (by_one_gateway || !story.is_contested()) {
                cases.push(format!(
                    "{id}: gateway {first_gateway} answered {:?}, gateway {gateway} {:?}",
                    first.verdict(),
                    other.verdict()
                ));
                audit.answer_mismatches.push(*id);
            }
        }
    }
    audit.invariants.insert(Invariant::I3, Verdict::of(cases));
}

/// I4: the effect is what was told, less what was reversed.
pub(super) fn books_as_told(stories: &Stories<'_>, audit: &mut Audit) {
    let mut cases = Vec::new();
    for (id, story) in &stories.0 {
        if story.is_parked() {
            continue;
        }
        let Some(allowed) = allowed_effects(stories, story) else {
            continue;
        };
        let effect = story.effect_minor();
        if !allowed.contains(&effect) {
            cases.push(format!(
                "{id}: {effect} is held, what was told allows {allowed:?} (told {:?}, reversed to \
                 {:?}, contested {})",
                story
                    .told
                    .iter()
                    .map(|(_, answer)| answer.verdict())
                    .collect::<Vec<_>>(),
                story.reversed_to,
                story.is_contested(),
            ));
            audit.answer_mismatches.push(*id);
        }
    }
    audit.invariants.insert(Invariant::I4, Verdict::of(cases));
}

/// What the books may hold; `None` where nobody was told anything that binds them.
fn allowed_effects(stories: &Stories<'_>, story: &Story<'_>) -> Option<Vec<i64>> {
    if let Some(moved) = story.moved {
        let mut allowed = less_reversed(story, &[moved.minor]);
        allowed.extend((!moved.accepted).then_some(0));
        return Some(allowed);
    }
    let told = story.network_minor.or_else(|| story.approved_minor());
    let told = match told {
        Some(approved) => vec![approved],
        // The answer to one attempt never arrived: what its gateway wrote down stands (rule 3).
        None if story.unanswered || story.is_contested() => {
            vec![0, story.journaled_minor().unwrap_or(story.requested_minor)]
        }
        None if story.told.is_empty() => return None,
        None => vec![0],
    };
    let mut allowed = less_reversed(story, &told);
    for capture in &story.captures {
        let captured = stories.0.get(capture)?;
        // Not heard of, or by which way it belongs here is for the ledger to say.
        let moved = captured.moved.filter(|moved| moved.accepted)?;
        let taken = less_reversed(captured, &[moved.minor]);
        let left = |held: &i64| {
            let held = *held;
            let left = taken.iter().map(move |taken| (held - taken).max(0));
            left.map(|left| if moved.more { left } else { 0 })
        };
        allowed = allowed.iter().flat_map(left).collect();
    }
    Some(allowed)
}

/// What may be left of amounts, by the reversals that were heard and those that may have been.
fn less_reversed(story: &Story<'_>, told: &[i64]) -> Vec<i64> {
    let reversed = |to: Option<i64>| {
        told.iter()
            .map(move |told| to.map_or(*told, |to| to.min(*told)))
    };
    let mut allowed: Vec<_> = reversed(story.reversed_to).collect();
    if let Some(maybe) = story.maybe_reversed_to {
        allowed.extend(reversed(Some(
            story.reversed_to.map_or(maybe, |to| to.min(maybe)),
        )));
    }
    allowed
}

/// I5: neither a gateway nor the fleet ever passed its limit.
pub(super) fn exposure(evidence: &Evidence) -> Verdict {
    let mut cases = Vec::new();
    for status in &evidence.statuses {
        if status.exposure_peak_minor > status.exposure_max_minor {
            cases.push(format!(
                "{}: a peak of {} over the cap of {}",
                status.gateway, status.exposure_peak_minor, status.exposure_max_minor
            ));
        }
    }
    let peak: i64 = evidence
        .statuses
        .iter()
        .map(|status| status.exposure_peak_minor)
        .sum();
    for status in evidence
        .statuses
        .iter()
        .filter(|status| peak > status.bound_minor)
    {
        cases.push(format!(
            "peaks of {peak} over the bound of {}",
            status.bound_minor
        ));
    }
    Verdict::of(cases)
}

/// I6: the ledger's own trial balance, and the accounts it shows.
pub(super) fn conservation(evidence: &Evidence) -> Verdict {
    let mut cases = Vec::new();
    if !evidence.books.balanced {
        cases.push(format!(
            "the books do not balance; crooked: {:?}",
            evidence.books.crooked
        ));
    }
    for line in &evidence.books.currencies {
        let (debits, credits) = (
            (line.totals.debits_pending, line.totals.debits_posted),
            (line.totals.credits_pending, line.totals.credits_posted),
        );
        if debits != credits {
            cases.push(format!(
                "{}: debits {debits:?}, credits {credits:?}",
                line.currency
            ));
        }
    }
    let openings = openings(evidence);
    let mut given = HashMap::<AccountId, i64>::new();
    for entry in &evidence.entries {
        if entry.authorization.is_some() && entry.side == Side::Credit {
            *given.entry(entry.account).or_default() += entry.amount_minor;
        }
    }
    let completed =
        (evidence.records.iter()).any(|record| matches!(record, Record::Completion { .. }));
    let told = !(evidence.entries.is_empty() && completed);
    for account in &evidence.accounts {
        let opening = openings.get(&account.account).filter(|_| told);
        let given = given.get(&account.account).copied().unwrap_or_default();
        if opening.is_some_and(|opening| account.totals.credits_posted != opening + given) {
            cases.push(format!(
                "account {}: credits are not its opening and what was given back",
                account.account
            ));
        }
        if account.available_minor != account.totals.available() {
            cases.push(format!(
                "account {}: available is not its totals'",
                account.account
            ));
        }
    }
    Verdict::of(cases)
}

/// I7: judged by what the cards were when they were seeded.
pub(super) fn blocked_cards(evidence: &Evidence, stories: &Stories<'_>) -> Verdict {
    let blocked: HashMap<_, _> = evidence
        .cards
        .iter()
        .filter(|card| card.status != CardStatus::Open)
        .map(|card| (card.token, card.status))
        .collect();
    let mut cases = Vec::new();
    for (id, story) in &stories.0 {
        let Some(status) = story.card.and_then(|card| blocked.get(&card)) else {
            continue;
        };
        let by_us = |by: By| by != By::Network;
        let journaled = story
            .journals
            .iter()
            .any(|(_, it)| it.approved && by_us(it.decided_by));
        let told = story.told.iter().any(|(_, answer)| answer.approved);
        if (journaled || told) && story.network_minor.is_none() {
            cases.push(format!("{id}: approved for a card that is {status:?}"));
        }
    }
    Verdict::of(cases)
}

/// I8, for the answers that came.
pub(super) fn budget(evidence: &Evidence, options: &AuditOptions) -> Verdict {
    let Some(budget) = options.budget else {
        return Verdict::NotChecked("no budget was given");
    };
    let late = evidence.records.iter().filter_map(|record| match record {
        Record::Authorization {
            id,
            outcome: Outcome::Answered(answer),
            ..
        } if answer.latency > budget => Some(format!("{id}: answered after {:?}", answer.latency)),
        _ => None,
    });
    Verdict::of(late.collect())
}

/// I15, in the files of the stack.
pub(super) fn card_numbers(evidence: &Evidence) -> Verdict {
    match &evidence.card_numbers_in {
        None => Verdict::NotChecked("nobody looked"),
        Some(files) => Verdict::of(
            files
                .iter()
                .map(|file| format!("a card number in {file}"))
                .collect(),
        ),
    }
}
