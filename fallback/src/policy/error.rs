//! What is wrong with a policy, and what to do about it.

use super::VERSION;

/// A policy file that cannot be used. Nothing was started or changed; correct the file and try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, a key is missing, unknown or of the wrong type, or an amount is not one.
    #[error("the policy does not parse: {0}; correct it; the annotated default names every key")]
    Syntax(String),
    /// Written for another program.
    #[error(
        "the policy has version {found}, this program reads version {VERSION}; carry its limits over into \
         the annotated default of this version"
    )]
    Version {
        /// What the file says.
        found: u32,
    },
    /// One limit makes another one meaningless.
    #[error(
        "the policy contradicts itself: {smaller} ({smaller_value}) is above {larger} \
         ({larger_value}); lower the first or raise the second"
    )]
    Contradiction {
        /// The limit that must be the smaller one.
        smaller: String,
        /// Its value, in minor units where it is money.
        smaller_value: i64,
        /// The limit that must be the larger one.
        larger: String,
        /// Its value.
        larger_value: i64,
    },
    /// A value that cannot be.
    #[error("the policy has {key} = {value}; it must be {must}")]
    OutOfRange {
        /// Which key.
        key: String,
        /// What the file says.
        value: u64,
        /// What it may be.
        must: &'static str,
    },
    /// Something that parses and means nothing.
    #[error("the policy has {what}; {cure}")]
    Meaningless {
        /// What is there.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// The caps of the gateways do not fit into the programme's.
    #[error(
        "{gateways} gateways with exposure.gateway_max_minor = {each} are {sum}, above \
         exposure.programme_max_minor = {most}; lower the first to {fits} or raise the second"
    )]
    Programme {
        /// How many gateways the homes name.
        gateways: usize,
        /// The cap of one, in minor units.
        each: i64,
        /// All together.
        sum: i64,
        /// The programme's.
        most: i64,
        /// The cap that would fit.
        fits: i64,
    },
}

impl PolicyError {
    pub(super) fn meaningless(what: impl Into<String>, cure: &'static str) -> Self {
        let what = what.into();
        Self::Meaningless { what, cure }
    }
}

/// That a number is within its range.
pub(super) fn range(
    key: impl Into<String>,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
    must: &'static str,
) -> Result<(), PolicyError> {
    if range.contains(&value) {
        return Ok(());
    }
    let key = key.into();
    Err(PolicyError::OutOfRange { key, value, must })
}

/// That one limit is not above another one.
pub(super) fn nests(smaller: (&str, i64), larger: (&str, i64)) -> Result<(), PolicyError> {
    if smaller.1 <= larger.1 {
        return Ok(());
    }
    Err(PolicyError::Contradiction {
        smaller: smaller.0.to_owned(),
        smaller_value: smaller.1,
        larger: larger.0.to_owned(),
        larger_value: larger.1,
    })
}
