//! What a message must carry.
//!
//! These rules ask only for what a decision and its matching need. Local time (12, 13), merchant
//! type (18), entry mode (22) and condition (25) are mandatory for many hosts; in this generic
//! profile they are optional. An amount is always asked for, so inquiries without one are refused,
//! and so is a card number, so a request with track 2 alone is refused.

use crate::{Message, Mti, Profile};

/// Message types that share a list of mandatory fields.
#[derive(Debug)]
pub struct Rule {
    /// The types this rule is for.
    pub mtis: &'static [Mti],
    /// In the order in which they are missed.
    pub mandatory: &'static [u8],
}

/// The first mandatory field that `message` lacks or has without content: refuse it with 30 in
/// field 39 and this number in field 44. None if nothing is missing or the profile has no rule for
/// this type.
pub fn missing(message: &Message<'_>) -> Option<u8> {
    let mandatory = mandatory(message.profile(), message.mti())?;
    let empty = |&number: &u8| message.expose_field(number).is_none_or(str::is_empty);
    mandatory.iter().copied().find(empty)
}

/// What messages of this type must carry; None if the profile has no rule for it, which is how
/// it says that a host does not receive such messages.
pub fn mandatory(profile: &Profile, mti: Mti) -> Option<&'static [u8]> {
    profile
        .presence
        .iter()
        .find(|rule| rule.mtis.contains(&mti))
        .map(|rule| rule.mandatory)
}

/// What an issuer's host asks of the messages it receives.
pub(crate) const GENERIC_1987: &[Rule] = &[
    Rule {
        mtis: &[Mti::M0100, Mti::M0101],
        mandatory: &[2, 3, 4, 7, 11, 32, 37, 41, 42, 49],
    },
    Rule {
        mtis: &[Mti::M0120, Mti::M0121],
        mandatory: &[2, 3, 4, 7, 11, 32, 37, 39, 41, 42, 49],
    },
    Rule {
        mtis: &[Mti::M0400, Mti::M0401, Mti::M0420, Mti::M0421],
        mandatory: &[2, 3, 4, 7, 11, 32, 37, 41, 42, 49, 90],
    },
    Rule {
        mtis: &[Mti::M0800, Mti::M0801],
        mandatory: &[7, 11, 70],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{bytes_of, value_of};
    use crate::{decode, profile::ASCII_HEX};

    #[test]
    fn the_first_missing_field_is_named() {
        for mti in [
            "0100", "0101", "0120", "0121", "0400", "0401", "0420", "0421", "0800", "0801",
        ] {
            let mti = Mti::parse(mti).unwrap();
            let all = mandatory(&ASCII_HEX, mti).unwrap();
            assert!(all.is_sorted(), "{mti}");
            for left_out in all.iter().copied().map(Some).chain([None]) {
                let numbers = all
                    .iter()
                    .copied()
                    .filter(|&number| Some(number) != left_out);
                let fields: Vec<_> = numbers.map(|number| (number, value_of(number))).collect();
                let bytes = bytes_of(mti, &fields);
                let message = decode(&ASCII_HEX, &bytes).unwrap();
                assert_eq!(missing(&message), left_out, "{mti} without {left_out:?}");
            }
        }
    }

    #[test]
    fn a_mandatory_field_without_content_is_missing() {
        let all = mandatory(&ASCII_HEX, Mti::M0100).unwrap();
        let mut fields: Vec<_> = all
            .iter()
            .map(|&number| (number, value_of(number)))
            .collect();
        fields[5] = (32, String::new());
        let bytes = bytes_of(Mti::M0100, &fields);
        assert_eq!(missing(&decode(&ASCII_HEX, &bytes).unwrap()), Some(32));
    }

    #[test]
    fn answers_and_unknown_types_have_no_rule() {
        for mti in ["0110", "0130", "0200", "0430", "0600", "0810"] {
            assert_eq!(
                mandatory(&ASCII_HEX, Mti::parse(mti).unwrap()),
                None,
                "{mti}"
            );
        }
    }
}
