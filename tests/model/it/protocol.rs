//! The protocol as it is: every state of these worlds is visited.

use model::config::Config;
use model::search;

#[test]
fn nothing_but_the_order_of_events_loses_no_money() {
    holds(Config::smallest());
}

#[test]
fn a_gateway_crashes_loses_its_journal_is_declared_lost_and_no_money_is_lost_i1_i2_i5_rule_11() {
    let states = holds(Config::one_gateway());
    assert!(
        states > 800_000,
        "the world has become small: {states} states"
    );
}

#[test]
fn a_home_moves_while_a_gateway_is_cut_off_and_no_money_is_lost_i5_rule_15() {
    let states = holds(Config::home_moves());
    assert!(
        states > 1_000_000,
        "the world has become small: {states} states"
    );
}

#[test]
fn the_ledger_decides_by_itself_and_the_answer_wins_i2_i4_rule_4() {
    holds(Config::ledger_asked());
}

#[test]
fn what_is_approved_without_a_lease_costs_at_most_the_floors_i5() {
    holds(Config::floors());
}

/// Every property is as it must be; how many states were visited.
fn holds(config: Config) -> usize {
    let found = search::all_states(config, 2, &mut std::io::sink());
    println!(
        "{}: {} states, {} steps, {} steps deep, {} ms",
        found.config, found.states, found.steps, found.depth, found.milliseconds
    );
    let wrong: Vec<_> = found
        .verdicts
        .iter()
        .filter(|verdict| !verdict.holds)
        .collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", found.config);
    found.states
}
