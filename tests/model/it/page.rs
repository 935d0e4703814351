//! `docs/protocol.md` says what there is.

use std::collections::BTreeMap;

use model::config::Config;
use model::hunt;
use model::mutants::Mutant;
use model::properties;
use model::protocol::Protocol;
use stateright::Expectation;

const PAGE: &str = include_str!("../../../docs/protocol.md");

#[test]
fn the_page_names_every_property_that_must_always_hold() {
    for property in properties::of(&Protocol::new(Config::everything())) {
        if matches!(property.expectation, Expectation::Always) {
            assert!(PAGE.contains(property.name), "missing: {}", property.name);
        }
    }
}

#[test]
fn the_page_names_every_mutant_with_the_steps_to_what_it_breaks() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let written: BTreeMap<_, _> = rows
        .filter_map(|row| {
            let mut columns = row.split(" | ");
            let name = columns.next()?.trim_end_matches('`');
            Some((name, columns.nth(1)?.trim_end_matches(" |").to_owned()))
        })
        .collect();
    let found: BTreeMap<_, _> = Mutant::ALL
        .into_iter()
        .map(|mutant| {
            let ways = hunt::hunt(mutant).ways.into_iter();
            let steps = ways.filter_map(|way| Some(way.actions?.len().to_string()));
            (mutant.name(), steps.collect::<Vec<_>>().join("; "))
        })
        .collect();
    assert_eq!(written, found);
}
