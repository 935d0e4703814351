//! The protocol as something to search.

use stateright::{Model, Property};

use crate::actions::Action;
use crate::config::Config;
use crate::properties;
use crate::state::State;
use crate::step;

/// The protocol in a world.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// The world.
    pub config: Config,
    /// Only this property, where one is named: the search ends with the shortest way to it.
    pub only: Option<String>,
    all: Vec<Action>,
}

impl Protocol {
    /// The protocol in this world, with all of its properties.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            all: step::possible::all(&config),
            only: None,
            config,
        }
    }

    /// With one property.
    #[must_use]
    pub fn only(config: Config, property: &str) -> Self {
        Self {
            only: Some(property.to_owned()),
            ..Self::new(config)
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.config)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let possible = self
            .all
            .iter()
            .filter(|action| step::possible::is_possible(&self.config, state, **action));
        actions.extend(possible);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        step::step(&self.config, state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all = properties::of(self).into_iter();
        all.filter(|property| {
            self.only
                .as_deref()
                .is_none_or(|only| only == property.name)
        })
        .collect()
    }
}
