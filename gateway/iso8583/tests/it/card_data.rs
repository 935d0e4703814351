//! What proves a card or names its holder comes out only where somebody asks for it by name.

use iso8583::profile::{ASCII_HEX, BCD, BUILT_IN, EBCDIC};
use iso8583::{MessageBuilder, Mti, Value, decode};

const SECRETS: &[(u8, &str)] = &[
    (2, "4111111111111111"),
    (14, "2912"),
    (35, "4111111111111111D29122010000099900"),
    (45, "B4111111111111111^DOE/JANE^2912201"),
    (48, "9203 123 CVC"),
    (52, "0123456789ABCDEF"),
    (55, "5A084111111111111111"),
    (126, "CVV2 999"),
];

#[test]
fn nothing_secret_is_printed_in_any_dialect() {
    for profile in BUILT_IN {
        let mti = Mti::M0100.with_version(profile.version());
        let mut builder = MessageBuilder::new(profile, mti);
        for (number, text) in SECRETS {
            builder.set(*number, text).unwrap();
        }
        builder.set(41, "TERM0001").unwrap();
        let bytes = builder.encode();
        let message = decode(profile, &bytes).unwrap();
        let printed = format!(
            "{message:?} {message:#?} {builder:?} {:?} {:?} {:?}",
            message.pan(),
            message.track2(),
            message.pin_block()
        );
        let values: Vec<Option<Value<'_>>> = SECRETS
            .iter()
            .map(|(number, _)| message.expose_field(*number))
            .collect();
        let printed = format!("{printed} {values:?}");
        for secret in [
            "4111111111111111",
            "2912",
            "DOE",
            "CVC",
            "CVV2",
            "0123456789ABCDEF",
            "5A08",
            "999",
        ] {
            assert!(!printed.contains(secret), "{profile:?} {secret} {printed}");
        }
        assert!(
            printed.contains("TERM0001") && printed.contains("<pin block>"),
            "{printed}"
        );
        for (number, _) in SECRETS.iter().filter(|(number, _)| *number != 14) {
            assert!(message.has(*number));
            assert_eq!(message.field(*number), None, "field {number}");
        }
    }
}

#[test]
fn what_was_asked_for_by_name_is_what_was_sent() {
    for profile in [&ASCII_HEX, &BCD, &EBCDIC] {
        let mut builder = MessageBuilder::new(profile, Mti::M0100);
        for (number, text) in SECRETS {
            builder.set(*number, text).unwrap();
        }
        let bytes = builder.encode();
        let message = decode(profile, &bytes).unwrap();
        assert_eq!(message.pan().unwrap().expose_digits(), "4111111111111111");
        let track = message.track2().unwrap().unwrap();
        assert_eq!((track.expiry(), track.service_code()), ("2912", "201"));
        assert_eq!(track.pan().expose_digits(), "4111111111111111");
        let block = message.pin_block().unwrap();
        assert_eq!(
            block.expose_bytes(),
            &[0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]
        );
    }
}

#[test]
fn a_refusal_says_where_and_why_but_not_what() {
    let bytes = b"0100400000000000000016411111111111111x";
    let error = decode(&ASCII_HEX, bytes).unwrap_err();
    let text = "unreadable 0100 message, field 2, byte 37: \
        a character that is not allowed there: expected digits (n)";
    assert_eq!(error.to_string(), text);
    assert!(!format!("{error:?}").contains("4111"));
    let mut builder = MessageBuilder::new(&ASCII_HEX, Mti::M0100);
    let refused = builder.set(39, "0").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "field 39 cannot be sent: a length of 1, allowed are 2 to 2"
    );
}
