//! Coming back: everything is rebuilt from the journal's records and the local copy.

use std::collections::BTreeMap;

use ledger_api::{Amount, AuthorizationId, Mark};

use super::learn::whole;
use super::state::State;
use super::{OpenError, Setup};
use crate::copy::RolledBack;
use crate::journal::{Answered, Booted, Covered, Record};
use crate::words::{DecidedBy, Now};

/// Replays the records through the same steps that made them, and lets go of what the copy shows.
///
/// An approval whose coverage is not known stays reserved until the feed shows it; one that is known
/// to have left, from the journal or from the copy, keeps its shortfall charged (rule 14).
pub(super) fn recover(mut setup: Setup, now: Now) -> Result<State, OpenError> {
    let boot_id = setup.boot_id;
    let records = std::mem::take(&mut setup.records);
    let mut state = State::new(setup);
    state.copy_check();
    let told_again = install(&mut state, records);
    state.time.booted(boot_id, now.boot_ms);
    let policy_hash = state.policy_hash;
    state.append(Record::Booted(Booted {
        at_ms: now.boot_ms,
        boot_id,
        policy_hash,
    }))?;
    catch_up(&mut state, now)?;
    state.capture_what_is_left(now.boot_ms)?;
    // After what left before: these came back since.
    for (seq, again) in told_again {
        state.claim_again(again.id, seq);
        if let Some((mark, parked)) = again.taken {
            state.book.acknowledge(again.id, seq, mark, parked);
        }
    }
    if let Some(mark) = state.copy.mark() {
        state.tell_again(whole(mark.epoch), now);
        state.settle(state.book.unsettled(), now);
    }
    state.book.start_peak();
    // Nobody waits for these.
    state.journal.nudge();
    Ok(state)
}

/// A record that was acknowledged, and then told to a restored ledger again: what it approved had become
/// exposure again.
struct Again {
    id: AuthorizationId,
    /// The restored ledger's acknowledgement, and whether it only parked it; `None` while it waits.
    taken: Option<(Mark, bool)>,
}

/// Takes over every record. Returns what was told again and is not known to have left since.
fn install(state: &mut State, records: Vec<(u64, Record)>) -> BTreeMap<u64, Again> {
    let rolled_back = state.copy.rolled_back();
    let disproved = |mark, seq| rolled_back.is_some_and(|back| back.disproves(mark, seq));
    let mut again = BTreeMap::new();
    for (seq, record) in records {
        match record {
            Record::Answer(answered) => {
                state.fetch(&answered.request);
                state.install(&believed(answered, seq, rolled_back), seq);
            }
            Record::Reversal(reversed) => state.install_reversal(&reversed, seq),
            Record::Completion(completed) => state.install_completion(completed, seq),
            Record::Acknowledged(acknowledged) if disproved(acknowledged.mark, seq) => {
                state.time.advance(acknowledged.at_ms);
                let told = acknowledged.seq;
                again.extend(
                    state
                        .replay
                        .id(told)
                        .map(|id| (told, Again { id, taken: None })),
                );
            }
            Record::Acknowledged(acknowledged) => {
                let told = acknowledged.seq;
                // What was parked before is charged already, and for good.
                let before = state.replay.is_taken(told) && !state.replay.is_parked(told);
                state.install_acknowledged(&acknowledged);
                let taken = Some((acknowledged.mark, acknowledged.parked.is_some()));
                if (before || again.contains_key(&told))
                    && let Some(id) = state.replay.id(told)
                {
                    again.insert(told, Again { id, taken });
                }
            }
            Record::Covered(covered) => {
                state.time.advance(covered.at_ms);
                // It left before the rollback, and came back with it.
                if rolled_back.is_none_or(|back| back.seq < seq) {
                    again.remove(&covered.seq);
                }
                if let Some(id) = state.replay.id(covered.seq) {
                    state.book.covered(id, covered.shortfall.minor());
                }
            }
            Record::Booted(booted) => state.time.booted(booted.boot_id, booted.at_ms),
            Record::Synced => {}
        }
    }
    again
}

/// The answer without a mark that a rolled-back ledger has disproved: no position shows it.
fn believed(answered: Answered, seq: u64, rolled_back: Option<RolledBack>) -> Answered {
    let disproved = rolled_back.is_some_and(|back| back.disproves(answered.mark, seq));
    if answered.by == DecidedBy::Ledger && disproved {
        let mark = Mark::default();
        return Answered { mark, ..answered };
    }
    answered
}

/// The copy may know of shortfalls whose records were lost in the crash: the journal learns them
/// again, so that they survive the copy too.
fn catch_up(state: &mut State, now: Now) -> Result<(), OpenError> {
    let shortfalls = state.copy.shortfalls();
    let mut known: Vec<_> = shortfalls.iter().map(|(id, minor)| (*id, *minor)).collect();
    known.sort_unstable();
    for (id, minor) in known {
        if let Some(seq) = state.book.left_before(id, minor) {
            let shortfall = Amount::new(minor).unwrap_or(Amount::MAX);
            state.append(Record::Covered(Covered {
                at_ms: now.boot_ms,
                seq,
                shortfall,
            }))?;
        }
    }
    Ok(())
}
