//! What was found, for people and for programs.

use std::io::{self, Write};

use model::actions::Action;
use model::config::Config;
use model::hunt::Hunted;
use model::search::Found;
use serde::Serialize;
use serde_json::json;

/// The actions in words.
pub(crate) fn words(actions: &[Action]) -> Vec<String> {
    actions.iter().map(ToString::to_string).collect()
}

/// A world searched.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    /// What was found.
    pub(crate) found: Found,
    /// The first property that is broken, and the shortest way there.
    pub(crate) way: Option<(&'static str, Vec<String>)>,
}

/// Worlds searched, and all of them together.
pub(crate) fn checked(to: &mut impl Write, all: &[Checked], is_json: bool) -> io::Result<()> {
    let holds = all.iter().all(|it| it.found.holds());
    let states: usize = all.iter().map(|it| it.found.states).sum();
    if is_json {
        let all = json!({ "holds": holds, "states": states, "worlds": all });
        return writeln!(to, "{all:#}");
    }
    for Checked { found, way } in all {
        verdicts(to, found)?;
        if let Some((property, actions)) = way {
            steps(to, property, actions)?;
        }
    }
    let says = if holds { "pass" } else { "FAIL" };
    writeln!(to, "\n{} world(s), {states} states: {says}", all.len())
}

fn verdicts(to: &mut impl Write, found: &Found) -> io::Result<()> {
    writeln!(
        to,
        "\n{}: {} states, {} steps between them, {} steps deep, {:.1} s",
        found.config,
        found.states,
        found.steps,
        found.depth,
        found.milliseconds as f64 / 1_000.0,
    )?;
    for verdict in &found.verdicts {
        let is = match (verdict.kind, verdict.holds) {
            ("always", true) => "holds",
            ("always", false) => "BROKEN",
            (_, true) => "happens",
            (_, false) => "NEVER",
        };
        writeln!(to, "  {:9}  {is:7}  {}", verdict.kind, verdict.property)?;
    }
    Ok(())
}

/// The table of mutants, then the way to each.
pub(crate) fn hunted(to: &mut impl Write, all: &[Hunted], is_json: bool) -> io::Result<()> {
    if is_json {
        return writeln!(to, "{:#}", json!(all));
    }
    for (hunted, way) in all
        .iter()
        .flat_map(|it| it.ways.iter().map(move |way| (it, way)))
    {
        let steps = match &way.actions {
            Some(actions) => format!("{:>2} steps", actions.len()),
            None => "SURVIVES".to_owned(),
        };
        writeln!(to, "{:28}  {steps}  {}", hunted.mutant, way.property)?;
    }
    for hunted in all {
        let last = hunted.ways.last();
        if let Some((way, actions)) = last.and_then(|way| Some((way, way.actions.as_ref()?))) {
            steps(
                to,
                &format!("{} / {}", hunted.mutant, way.property),
                actions,
            )?;
        }
    }
    Ok(())
}

/// The shortest way to a property.
pub(crate) fn way(
    to: &mut impl Write,
    property: &str,
    way: Option<&[Action]>,
    is_json: bool,
) -> io::Result<()> {
    let way = way.map(words);
    match way {
        _ if is_json => writeln!(to, "{:#}", json!({ "property": property, "actions": way })),
        Some(actions) => steps(to, property, &actions),
        None => writeln!(to, "{property}: there is no way"),
    }
}

/// Which property is meant cannot be said.
pub(crate) fn names(to: &mut impl Write, asked: &str, names: &[&str]) -> io::Result<()> {
    writeln!(to, "`{asked}` could be any of these, or none:")?;
    names.iter().try_for_each(|name| writeln!(to, "  {name}"))
}

/// The worlds.
pub(crate) fn worlds(to: &mut impl Write, worlds: &[Config]) -> io::Result<()> {
    for world in worlds {
        let faults = world.faults;
        writeln!(
            to,
            "{:13} {} gateway(s), {} payments, {} lease(s) of {}, balance {}, floor {}; {} crash(es), \
             {} lost journal(s), {} cut(s), {} move(s), {} declared lost; ledger {}",
            world.name,
            world.gateways,
            world.payments,
            world.leases,
            world.lease,
            world.opening,
            world.floor,
            faults.crashes,
            faults.losses,
            faults.cuts,
            faults.moves,
            faults.declared,
            if world.asks {
                "asked first"
            } else {
                "not asked"
            },
        )?;
    }
    Ok(())
}

fn steps(to: &mut impl Write, title: &str, actions: &[String]) -> io::Result<()> {
    writeln!(to, "\n{title}, in {} steps:", actions.len())?;
    for (number, action) in (1..).zip(actions) {
        writeln!(to, "{number:>3}  {action}")?;
    }
    Ok(())
}
