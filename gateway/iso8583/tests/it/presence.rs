//! What messages must and must not carry.

use iso8583::presence::{
    BreachKind::*, ISSUER_1987, Need, check_answer, check_by, demands, missing,
};
use iso8583::profile::ASCII_HEX;
use iso8583::{Mti, decode};

use crate::sample::REQUEST_FIELDS;
use crate::{bytes_of, value_of};

#[test]
fn the_first_missing_field_is_named() {
    for mti in [
        "0100", "0101", "0120", "0121", "0200", "0201", "0220", "0221", "0400", "0401", "0420",
        "0421", "0800", "0801",
    ] {
        let mti = Mti::parse(mti).unwrap();
        let all: Vec<u8> = demands(&ASCII_HEX, mti)
            .unwrap()
            .iter()
            .map(|it| it.field)
            .collect();
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
    let all = demands(&ASCII_HEX, Mti::M0100).unwrap();
    let mut fields: Vec<_> = all
        .iter()
        .map(|it| (it.field, value_of(it.field)))
        .collect();
    fields[5] = (32, String::new());
    let bytes = bytes_of(Mti::M0100, &fields);
    assert_eq!(missing(&decode(&ASCII_HEX, &bytes).unwrap()), Some(32));
}

#[test]
fn answers_and_unknown_types_have_no_rule_in_the_essential_table() {
    for mti in ["0110", "0130", "0210", "0430", "0600", "0810"] {
        assert_eq!(demands(&ASCII_HEX, Mti::parse(mti).unwrap()), None, "{mti}");
    }
}

#[test]
fn an_issuer_may_ask_for_more_under_conditions() {
    for (mti, without, with, breach) in [
        ("0100", &[][..], &[][..], None),
        ("0200", &[], &[], None),
        ("0100", &[12], &[], Some((12, Missing, "012"))),
        // A card number, or the track that it stands on.
        ("0100", &[2], &[(35, "4111111111111111=2912201")], None),
        ("0100", &[2], &[], Some((2, Missing, "002"))),
        // An amount, unless something is only asked.
        ("0100", &[4], &[], Some((4, Missing, "004"))),
        ("0100", &[4, 49], &[(3, "310000")], None),
        ("0100", &[49], &[], Some((49, Missing, "049"))),
        // Chip data where a chip was read, the expiry where the number was typed.
        ("0100", &[55], &[], Some((55, Missing, "055"))),
        ("0100", &[55], &[(22, "021")], None),
        ("0100", &[55], &[(22, "011")], Some((14, Missing, "014"))),
        ("0100", &[55], &[(22, "011"), (14, "2912")], None),
        (
            "0100",
            &[],
            &[(52, "0123456789ABCDEF")],
            Some((26, Missing, "026")),
        ),
        // A request has no answer in it.
        ("0100", &[], &[(39, "00")], Some((39, Forbidden, "039"))),
        ("0100", &[], &[(32, "")], Some((32, Empty, "032"))),
        // An advice tells what was decided, and brings nothing that proves the card.
        ("0120", &[], &[], Some((39, Missing, "039"))),
        ("0120", &[], &[(39, "00")], Some((38, Missing, "038"))),
        ("0120", &[], &[(39, "05")], None),
        (
            "0120",
            &[],
            &[(39, "05"), (52, "0123456789ABCDEF")],
            Some((52, Forbidden, "052")),
        ),
        ("0420", &[], &[(39, "68")], Some((90, Missing, "090"))),
        ("0800", &[], &[], Some((70, Missing, "070"))),
        ("0800", &[], &[(70, "301")], None),
    ] {
        let bytes = bytes_of(Mti::parse(mti).unwrap(), &changed(without, with));
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        let found = check_by(ISSUER_1987, &message).err();
        let told = found
            .as_ref()
            .map(|it| (it.field, it.kind, it.additional_data()));
        let told = told
            .as_ref()
            .map(|(field, kind, text)| (*field, *kind, text.as_str()));
        assert_eq!(told, breach, "{mti} without {without:?} with {with:?}");
    }
}

#[test]
fn an_answer_repeats_what_its_request_had() {
    let answer = |without: &[u8], with: &[(u8, &str)]| {
        let mut fields = changed(&[18, 22, 25, 55], &[(38, "A1B2C3"), (39, "00")]);
        fields.retain(|(number, _)| !without.contains(number));
        fields.extend(
            with.iter()
                .map(|(number, text)| (*number, (*text).to_owned())),
        );
        // Set twice, the later one stands.
        bytes_of(Mti::M0110, &fields)
    };
    let request = bytes_of(Mti::M0100, &changed(&[], &[]));
    let request = decode(&ASCII_HEX, &request).unwrap();
    for (bytes, breach) in [
        (answer(&[], &[]), None),
        (answer(&[37], &[]), Some((37, NotEchoed))),
        (answer(&[], &[(11, "123457")]), Some((11, NotEchoed))),
        // Less than was asked for, and said so.
        (answer(&[], &[(4, "000000005000")]), Some((4, NotEchoed))),
        (answer(&[], &[(4, "000000005000"), (39, "10")]), None),
        (answer(&[38], &[]), Some((38, Missing))),
        (answer(&[38], &[(39, "51")]), None),
        (
            answer(&[], &[(35, "4111111111111111=2912201")]),
            Some((35, Forbidden)),
        ),
    ] {
        let answer = decode(&ASCII_HEX, &bytes).unwrap();
        let found = check_answer(ISSUER_1987, &request, &answer).err();
        assert_eq!(found.map(|it| (it.field, it.kind)), breach, "{answer:?}");
    }
}

#[test]
fn a_breach_says_cause_and_cure() {
    let bytes = bytes_of(Mti::M0100, &changed(&[12], &[]));
    let breach = check_by(ISSUER_1987, &decode(&ASCII_HEX, &bytes).unwrap()).unwrap_err();
    assert_eq!(
        breach.to_string(),
        "field 12 is missing: send it with messages of this type"
    );
}

#[test]
fn no_type_has_two_rules_and_no_rule_contradicts_itself() {
    let mut seen = Vec::new();
    for rule in ISSUER_1987 {
        for mti in rule.mtis.iter() {
            assert!(!seen.contains(mti), "{mti}");
            seen.push(*mti);
        }
        for demand in rule.demands.iter().filter(|it| it.need == Need::Absent) {
            let others = rule.demands.iter().filter(|it| it.field == demand.field);
            assert_eq!(others.count(), 1, "{demand:?}");
        }
    }
}

/// A purchase with a chip card that [`ISSUER_1987`] finds nothing wrong with, without some fields and
/// with others.
fn changed(without: &[u8], with: &[(u8, &str)]) -> Vec<(u8, String)> {
    // It needs no expiry, country, track or place.
    let good = REQUEST_FIELDS
        .iter()
        .filter(|(number, _)| ![14, 19, 35, 43].contains(number));
    let good = good.chain(&[(55, "9F2600")]);
    let kept = good.filter(|(number, _)| !without.contains(number));
    kept.chain(with)
        .map(|(number, text)| (*number, (*text).to_owned()))
        .collect()
}
