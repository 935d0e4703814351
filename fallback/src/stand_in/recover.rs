//! Coming back: everything is rebuilt from the journal's records and the local copy.

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
    let unproven = install(&mut state, records);
    state.time.booted(boot_id, now.boot_ms);
    let policy_hash = state.policy_hash;
    state.append(Record::Booted(Booted {
        at_ms: now.boot_ms,
        boot_id,
        policy_hash,
    }))?;
    catch_up(&mut state, now)?;
    for (id, seq) in unproven {
        if state.replay.waits(seq) {
            state.claim_again(id, seq);
        }
    }
    if let Some(mark) = state.copy.mark() {
        state.tell_again(whole(mark.epoch));
        state.settle(state.book.accounts(), now);
    }
    state.book.start_peak();
    Ok(state)
}

/// Takes over every record. Returns what was acknowledged before the ledger was rolled back, and not
/// believed.
fn install(state: &mut State, records: Vec<(u64, Record)>) -> Vec<(AuthorizationId, u64)> {
    let rolled_back = state.copy.rolled_back();
    let disproved = |mark, seq| rolled_back.is_some_and(|back| back.disproves(mark, seq));
    let mut unproven = Vec::new();
    for (seq, record) in records {
        match record {
            Record::Answer(answered) => {
                state.install(&believed(answered, seq, rolled_back), seq);
            }
            Record::Reversal(reversed) => state.install_reversal(&reversed, seq),
            Record::Acknowledged(acknowledged) if disproved(acknowledged.mark, seq) => {
                state.time.advance(acknowledged.at_ms);
                let id = state.replay.id(acknowledged.seq);
                unproven.extend(id.map(|id| (id, acknowledged.seq)));
            }
            Record::Acknowledged(acknowledged) => state.install_acknowledged(&acknowledged),
            Record::Covered(covered) => {
                state.time.advance(covered.at_ms);
                if let Some(id) = state.replay.id(covered.seq) {
                    state.book.covered(id, covered.shortfall.minor());
                }
            }
            Record::Booted(booted) => state.time.booted(booted.boot_id, booted.at_ms),
            Record::Synced => {}
        }
    }
    unproven
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
