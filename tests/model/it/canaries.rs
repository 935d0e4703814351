//! A search that could not fail would prove nothing: here it must.

use std::collections::BTreeSet;

use model::config::Config;
use model::hunt;
use model::mutants::Mutant;
use model::properties;
use model::protocol::Protocol;
use model::search;
use model::words::Money;
use stateright::Expectation;

#[test]
fn a_mutant_that_does_nothing_wrong_survives_the_hunt() {
    for mutant in Mutant::ALL {
        let mut world = mutant.world();
        world.mutant = None;
        let hunted = hunt::hunt_in(mutant, &world);
        assert_eq!(
            hunted.survives(),
            mutant.breaks(),
            "{mutant}: the protocol as it is breaks what only the mutant should"
        );
    }
}

#[test]
fn a_world_in_which_nothing_happens_does_not_pass() {
    let empty = Config {
        payments: 0,
        ..Config::smallest()
    };
    let found = search::all_states(empty, 1, &mut std::io::sink());
    assert!(!found.holds());
    assert!(
        found.verdicts.iter().all(|it| !it.is_broken()),
        "nothing is broken: it is the sometimes that are missing"
    );
}

#[test]
fn every_property_that_must_always_hold_is_broken_by_some_mutant() {
    let broken: BTreeSet<_> = Mutant::ALL
        .iter()
        .flat_map(|mutant| mutant.breaks())
        .copied()
        .collect();
    let unbroken: Vec<_> = properties::of(&Protocol::new(Config::everything()))
        .into_iter()
        .filter(|property| matches!(property.expectation, Expectation::Always))
        .map(|property| property.name)
        .filter(|name| !broken.contains(name))
        .collect();
    assert!(unbroken.is_empty(), "never seen to fail: {unbroken:?}");
}

#[test]
fn every_property_that_must_sometimes_hold_happens_in_a_world_that_the_tests_search() {
    let names = |config: Config| -> BTreeSet<_> {
        let all = properties::of(&Protocol::new(config));
        all.into_iter().map(|property| property.name).collect()
    };
    let searched: BTreeSet<_> = [
        Config::one_gateway(),
        Config::home_moves(),
        Config::ledger_asked(),
        Config::floors(),
    ]
    .into_iter()
    .flat_map(names)
    .collect();
    assert_eq!(searched, names(Config::everything()));
}

#[test]
fn the_worlds_leave_room_for_what_is_counted_in_them() {
    for config in Config::all() {
        let spent: Money = config.amounts.iter().sum();
        assert!(
            spent > config.lease,
            "{}: no lease is ever too small",
            config.name
        );
        assert!(config.leases_max() == config.leases, "{}", config.name);
    }
}
