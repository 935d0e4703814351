//! Fields that hold several values, read out of messages.

use iso8583::composite::{CompositeError, EntryMode, ProcessingCode, Sign};
use iso8583::profile::{ASCII_HEX, BASE1, BCD, EBCDIC};
use iso8583::tlv::TlvReason;
use iso8583::{MessageBuilder, Mti, Profile, decode};

/// Reads one field of a message that has no other.
fn with<T>(
    profile: &Profile,
    number: u8,
    text: &str,
    read: impl Fn(&iso8583::Message<'_>) -> T,
) -> T {
    let mut message = MessageBuilder::new(profile, Mti::M0100);
    message.set(number, text).unwrap();
    let bytes = message.encode();
    read(&decode(profile, &bytes).unwrap())
}

#[test]
fn processing_codes_say_what_and_between_which_accounts() {
    for profile in [&ASCII_HEX, &BCD, &EBCDIC, &BASE1] {
        let code = with(profile, 3, "312030", |message| message.processing_code());
        let expected = ProcessingCode {
            transaction: 31,
            from_account: 20,
            to_account: 30,
        };
        assert_eq!(code, Some(Ok(expected)), "{profile:?}");
        assert!(expected.is_inquiry());
    }
}

#[test]
fn entry_modes_have_three_digits_or_four() {
    for (profile, text, reading, pin_capability) in [
        (&ASCII_HEX, "051", 5, 1),
        (&BCD, "812", 81, 2),
        (&BASE1, "0510", 5, 1),
        (&BASE1, "9010", 90, 1),
    ] {
        let mode = with(profile, 22, text, |message| message.entry_mode());
        let expected = EntryMode {
            reading,
            pin_capability,
        };
        assert_eq!(mode, Some(Ok(expected)), "{profile:?} {text}");
    }
}

#[test]
fn locations_are_divided_as_the_profile_says() {
    let text = "ACME STORES          SPRINGFIELD  CA  US";
    for (profile, name, city, region, country) in [
        (
            &ASCII_HEX,
            "ACME STORES          SP",
            "RINGFIELD  CA",
            "",
            "US",
        ),
        (&BASE1, "ACME STORES          SPRI", "NGFIELD  CA", "", "US"),
    ] {
        let location = with(profile, 43, text, |message| message.location())
            .unwrap()
            .unwrap();
        let parts = [
            location.name,
            location.city,
            location.region,
            location.country,
        ];
        assert_eq!(
            parts.each_ref().map(|part| part.as_str()),
            [name, city, region, country]
        );
    }
}

#[test]
fn additional_amounts_come_one_by_one() {
    let text = "0001840C0000000100001002978D000000000001";
    let amounts: Vec<_> = with(&EBCDIC, 54, text, |message| {
        message.additional_amounts().unwrap().unwrap().collect()
    });
    let [Ok(first), Ok(second)] = amounts[..] else {
        panic!("{amounts:?}");
    };
    assert_eq!(
        (first.account, first.kind, first.sign, first.minor),
        (0, 1, Sign::Credit, 10_000)
    );
    assert_eq!(
        (second.account, second.kind, second.sign, second.minor),
        (10, 2, Sign::Debit, 1)
    );
    assert_eq!((&*first.currency, &*second.currency), ("840", "978"));

    let error = CompositeError::AdditionalAmounts;
    let short = with(&EBCDIC, 54, &text[1..], |message| {
        message.additional_amounts().map(|it| it.err())
    });
    assert_eq!(short, Some(Some(error)));
    let unsigned = text.replacen('C', "X", 1);
    let unsigned = with(&EBCDIC, 54, &unsigned, |message| {
        message
            .additional_amounts()
            .and_then(Result::ok)
            .and_then(|mut it| it.next())
    });
    assert_eq!(unsigned, Some(Err(error)));
}

#[test]
fn chip_data_is_read_whichever_way_it_travels() {
    for profile in [&ASCII_HEX, &BCD] {
        let read = |message: &iso8583::Message<'_>| {
            let mut room = [0; 255];
            let elements = message.expose_chip_data(&mut room)?.ok()?;
            elements
                .map(|it| it.map(|it| (it.tag, it.value.to_vec())))
                .collect::<Result<Vec<_>, _>>()
                .ok()
        };
        let elements = with(profile, 55, "9F2608AABBCCDDEEFF001195050000008000", read);
        let expected = vec![
            (0x9F26, vec![0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00, 0x11]),
            (0x95, vec![0, 0, 0, 0x80, 0]),
        ];
        assert_eq!(elements, Some(expected), "{profile:?}");
    }
    let error = with(&ASCII_HEX, 55, "9F26", |message| {
        let mut room = [0; 255];
        let mut elements = message.expose_chip_data(&mut room)?.ok()?;
        elements.next()?.err()
    });
    assert_eq!(error.map(|it| it.reason), Some(TlvReason::Length));
    let no_room = with(&ASCII_HEX, 55, "9F2600", |message| {
        message.expose_chip_data(&mut [0; 2]).map(|it| it.err())
    });
    assert_eq!(no_room, Some(Some(CompositeError::ChipDataRoom)));
}

#[test]
fn original_data_and_replacement_amounts_are_read_in_every_dialect() {
    let original = "010012345611220834000001234567800000000000";
    let replacement = "000000004000000000000000C00000000C00000000";
    for profile in [&ASCII_HEX, &BCD, &EBCDIC, &BASE1] {
        let read = with(profile, 90, original, |message| message.original_data()).unwrap();
        assert_eq!(read.encode(), original, "{profile:?}");
        assert_eq!((read.mti, &*read.acquirer_id), (Mti::M0100, "12345678"));
        let amounts = with(profile, 95, replacement, |message| {
            message.replacement_amounts()
        });
        assert_eq!(
            amounts.unwrap().unwrap().encode().as_deref(),
            Ok(replacement)
        );
    }
    // Some hosts send zeros where fees belong: the amount can be read all the same.
    let zeros = format!("000000004000{}", "0".repeat(30));
    let actual = with(&ASCII_HEX, 95, &zeros, |message| {
        message.replacement_amount()
    });
    assert_eq!(actual, Some(Ok(4_000)));
    let all = with(&ASCII_HEX, 95, &zeros, |message| {
        message.replacement_amounts()
    });
    assert_eq!(all, Some(Err(CompositeError::ReplacementAmounts)));
}
