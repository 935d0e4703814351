//! Which gateway is the home of a card: the one that may stand in with the card's full limits.
//!
//! Configuration, versioned, the same file on every gateway; never inferred from who is alive.
//! Highest-random-weight hashing: adding a gateway moves to it its share of the cards and no other.

use std::fmt;

use ledger_api::{CardToken, GatewayId};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::policy::first_u64;
use crate::syntax;

/// More gateways than this are a mistake in the file.
const GATEWAYS_MAX: usize = 64;

/// The fleet. There is no `Homes` without a gateway, or with one twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homes {
    version: u64,
    /// The first stands apart, so that a home always exists.
    first: GatewayId,
    all: Vec<GatewayId>,
}

/// A file of homes that cannot be used. Nothing was started; correct the file and start again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomesError {
    /// Not TOML, or not these keys.
    #[error(
        "the homes do not parse: {0}; write `version = 1` and `gateways = [{{ name = \"gw1\" }}, …]`"
    )]
    Syntax(String),
    /// No gateway at all, or far too many.
    #[error("the homes name {0} gateways; name 1 to {GATEWAYS_MAX}, every one that may stand in")]
    Count(usize),
    /// The same gateway twice.
    #[error("the homes name {0} twice; every gateway needs a name of its own")]
    Twice(GatewayId),
}

impl Homes {
    /// Reads the file.
    ///
    /// # Errors
    /// Says what is wrong and what to do about it.
    pub fn parse(text: &str) -> Result<Self, HomesError> {
        let file: File = syntax::parse(text).map_err(HomesError::Syntax)?;
        let mut all: Vec<_> = file
            .gateways
            .into_iter()
            .map(|gateway| gateway.name)
            .collect();
        all.sort();
        let count = all.len();
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(HomesError::Twice(twice[0].clone()));
        }
        match all.first().cloned() {
            Some(first) if count <= GATEWAYS_MAX => Ok(Self {
                version: file.version,
                first,
                all,
            }),
            _ => Err(HomesError::Count(count)),
        }
    }

    /// The version of the file; every gateway of a fleet must have the same.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All gateways, by name.
    pub fn gateways(&self) -> &[GatewayId] {
        &self.all
    }

    /// True where this gateway belongs to the fleet.
    pub fn contains(&self, gateway: &GatewayId) -> bool {
        self.all.binary_search(gateway).is_ok()
    }

    /// The home of a card: the same on every gateway and in every version of this program.
    pub fn home(&self, card: &CardToken) -> &GatewayId {
        self.all
            .iter()
            .max_by_key(|gateway| weight(gateway, card))
            .unwrap_or(&self.first)
    }
}

impl fmt::Display for Homes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}:", self.version)?;
        self.all
            .iter()
            .try_for_each(|gateway| write!(f, " {gateway}"))
    }
}

/// How much this gateway is drawn to this card.
fn weight(gateway: &GatewayId, card: &CardToken) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"holdfast home 1\0");
    hash.update(gateway.as_str().as_bytes());
    hash.update([0]);
    hash.update(card.to_bytes());
    first_u64(&hash.finalize())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    gateways: Vec<Gateway>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gateway {
    name: GatewayId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(names: &[&str]) -> Homes {
        let list: Vec<_> = names
            .iter()
            .map(|name| format!("{{ name = \"{name}\" }}"))
            .collect();
        Homes::parse(&format!("version = 3\ngateways = [{}]", list.join(", "))).unwrap()
    }

    fn card(number: u16) -> CardToken {
        let mut mac = [7; 16];
        mac[..2].copy_from_slice(&number.to_be_bytes());
        CardToken { key_id: 1, mac }
    }

    #[test]
    fn a_home_is_the_same_in_every_version_of_this_program() {
        let homes = fleet(&["gw1", "gw2", "gw3"]);
        let found: Vec<_> = (0..12).map(|n| homes.home(&card(n)).as_str()).collect();
        assert_eq!(
            found.join(" "),
            "gw2 gw1 gw3 gw3 gw1 gw1 gw1 gw1 gw3 gw2 gw2 gw1",
            "golden: a change here moves cards between live gateways"
        );
    }

    #[test]
    fn the_order_in_the_file_does_not_matter() {
        let (one, other) = (fleet(&["gw1", "gw2", "gw3"]), fleet(&["gw3", "gw1", "gw2"]));
        assert!((0..200).all(|n| one.home(&card(n)) == other.home(&card(n))));
    }

    #[test]
    fn a_new_gateway_takes_its_share_and_moves_nothing_else() {
        let (before, after) = (
            fleet(&["gw1", "gw2", "gw3"]),
            fleet(&["gw1", "gw2", "gw3", "gw4"]),
        );
        let moved: Vec<_> = (0..4_000)
            .filter(|n| before.home(&card(*n)) != after.home(&card(*n)))
            .collect();
        assert!(
            moved
                .iter()
                .all(|n| after.home(&card(*n)).as_str() == "gw4")
        );
        assert!(
            (800..1_200).contains(&moved.len()),
            "a quarter of 4,000: {}",
            moved.len()
        );
    }

    #[test]
    fn a_file_without_gateways_or_with_one_twice_is_refused() {
        for (text, says) in [
            ("version = 1\ngateways = []", "name 0 gateways"),
            (
                "version = 1\ngateways = [{ name = \"a\" }, { name = \"a\" }]",
                "name a twice",
            ),
            (
                "version = 1\ngateways = [{ name = \"A B\" }]",
                "gateway id must be",
            ),
            ("gateways = [{ name = \"a\" }]", "missing field"),
        ] {
            let refused = Homes::parse(text).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert!(fleet(&["gw1"]).contains(&"gw1".parse().unwrap()));
        assert!(!fleet(&["gw1"]).contains(&"gw2".parse().unwrap()));
    }
}
