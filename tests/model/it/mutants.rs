//! The protocol with one thing done wrong: each must be found, and for what it is.

use model::hunt::{self, Hunted};
use model::mutants::Mutant;

#[test]
fn expiry_that_gives_money_back_overdraws_the_account() {
    is_found(Mutant::ReclaimOnExpiry);
}

#[test]
fn going_on_after_a_lost_journal_spends_a_lease_twice_rule_11() {
    is_found(Mutant::NoEpochFence);
}

#[test]
fn closing_a_lease_before_its_advices_are_booked_overdraws_the_account() {
    is_found(Mutant::CloseBeforeDrain);
}

#[test]
fn booking_a_duplicate_advice_takes_the_money_twice_i2() {
    is_found(Mutant::NoDedup);
}

#[test]
fn answering_before_the_sync_loses_an_approval_i1() {
    is_found(Mutant::AnswerBeforeFsync);
}

#[test]
fn a_late_snapshot_that_erases_spend_exceeds_the_lease_i5_rule_12() {
    is_found(Mutant::StaleSnapshotErasesSpend);
}

#[test]
fn moving_a_home_without_fencing_the_old_one_overdraws_the_account_rule_15() {
    is_found(Mutant::HomeMovedWithoutFence);
}

#[test]
fn moving_a_home_without_draining_the_old_one_lets_two_gateways_spend_rule_15() {
    is_found(Mutant::HomeMovedWithoutDrain);
}

#[test]
fn a_grant_added_twice_exceeds_the_lease_i5() {
    is_found(Mutant::DuplicateGrant);
}

#[test]
fn certifying_a_close_before_its_sync_lets_a_restart_spend_on() {
    is_found(Mutant::CertificateBeforeFsync);
}

#[test]
fn an_advice_before_the_sync_contradicts_a_later_answer_i4() {
    is_found(Mutant::AdviceBeforeFsync);
}

#[test]
fn giving_back_a_lost_gateways_lease_overdraws_the_account() {
    is_found(Mutant::LostLeaseGivenBack);
}

#[test]
fn keeping_the_ledgers_hold_beside_the_advice_takes_the_money_twice_i2() {
    is_found(Mutant::HoldKeptBesideAdvice);
}

#[test]
fn a_question_after_its_advice_that_holds_again_takes_the_money_twice_rule_4() {
    is_found(Mutant::LateQuestionHoldsAgain);
}

#[test]
fn a_floor_afresh_after_a_lost_journal_exceeds_the_bound_rule_11() {
    is_found(Mutant::FloorAfreshAfterLoss);
}

/// Every property that it is meant to break is broken; prints the shortest ways there.
fn is_found(mutant: Mutant) {
    let hunted = hunt::hunt(mutant);
    print(&hunted);
    let survives = hunted.survives();
    assert!(survives.is_empty(), "{mutant} does not break {survives:?}");
}

fn print(hunted: &Hunted) {
    for way in &hunted.ways {
        println!("{} breaks: {}", hunted.mutant, way.property);
        for (number, action) in (1..).zip(way.actions.iter().flatten()) {
            println!("{number:>3}  {action}");
        }
    }
}
