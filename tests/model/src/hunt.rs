//! Hunting mutants: each must break what it is meant to break.

use serde::Serialize;

use crate::config::Config;
use crate::mutants::Mutant;
use crate::search;

/// A way to where a property is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The property.
    pub property: &'static str,
    /// The actions in words, the fewest that do it. `None`: there is no way, the mutant survives.
    pub actions: Option<Vec<String>>,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hunted {
    /// Its name.
    pub mutant: &'static str,
    /// Property by property.
    pub ways: Vec<Way>,
}

impl Hunted {
    /// The properties that it should break and does not. Empty: it is found.
    #[must_use]
    pub fn survives(&self) -> Vec<&'static str> {
        let unbroken = self.ways.iter().filter(|way| way.actions.is_none());
        unbroken.map(|way| way.property).collect()
    }
}

/// Looks for all that the mutant is meant to break, in its world.
#[must_use]
pub fn hunt(mutant: Mutant) -> Hunted {
    hunt_in(mutant, &mutant.world())
}

/// The same in any world.
#[must_use]
pub fn hunt_in(mutant: Mutant, world: &Config) -> Hunted {
    let ways = mutant.breaks().iter().map(|property| {
        let found = search::shortest(world.clone(), property);
        Way {
            property,
            actions: found.map(|actions| actions.iter().map(ToString::to_string).collect()),
        }
    });
    Hunted {
        mutant: mutant.name(),
        ways: ways.collect(),
    }
}
