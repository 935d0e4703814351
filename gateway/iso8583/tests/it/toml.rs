//! Profiles in files.

use iso8583::presence::{self, BreachKind, ISSUER_1987};
use iso8583::profile::{BCD, BUILT_IN};
use iso8583::{
    Coding, Counts, Length, MessageBuilder, Mti, PrefixCoding, Profile, Secrecy, decode,
};

use crate::damage::with_seeds;
use crate::invariants;

#[test]
fn every_built_in_profile_is_printed_and_read_back_equal() {
    for profile in BUILT_IN {
        let text = profile.to_toml();
        let read = Profile::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(read == **profile, "{text}");
    }
}

#[test]
fn a_profile_may_differ_from_another_in_a_few_words() {
    let read = Profile::from_toml("name = \"same\"\nbased_on = \"bcd\"").unwrap();
    assert!(read.fields().eq(BCD.fields()) && read.name() == "same" && read != BCD);

    let host = Profile::from_toml(
        r#"
        name = "host"
        based_on = "bcd"
        header = 5
        without = [72]
        location = { name = 22, city = 13, region = 0, country = 5 }

        [fields]
        2 = { coding = "bcd-right-f", prefix = "bcd-2", counts = "bytes" }
        22 = { fixed = 4 }
        48 = { max = 255, prefix = "binary-1" }
        60 = { name = "batch", content = "n", coding = "ascii", fixed = 6, secrecy = "open" }

        [[presence]]
        mti = ["0100"]
        demands = ["present 2 without-35", "absent 39"]
        "#,
    )
    .unwrap();
    assert!(host.field(72).is_none() && host.field_name(72).is_empty());
    assert_eq!(host.field_name(60), "batch");
    assert_eq!(
        host.field(60).map(|field| (field.coding, field.secrecy)),
        Some((Coding::Ascii, Secrecy::Open))
    );
    let Some(Length::Variable { prefix, max, .. }) = host.field(48).map(|field| field.length)
    else {
        panic!("field 48 is variable");
    };
    assert_eq!(
        (prefix.coding, prefix.size, prefix.counts, max),
        (PrefixCoding::Binary, 1, Counts::Units, 255)
    );

    let mut message = MessageBuilder::new(&host, Mti::M0100);
    message
        .set_header(b"ISO01")
        .unwrap()
        .set(2, "411111111111111")
        .unwrap();
    let bytes = message.set(60, "000007").unwrap().encode();
    assert_eq!(
        bytes,
        b"ISO01\x01\x00\x40\0\0\0\0\0\0\x10\x08\x41\x11\x11\x11\x11\x11\x11\x1F000007"
    );
    let message = decode(&host, &bytes).unwrap();
    assert!(
        message
            .expose_field(2)
            .is_some_and(|pan| pan == "411111111111111")
    );
    assert_eq!(presence::check(&message), Ok(()));
    let read = Profile::from_toml(&host.to_toml()).unwrap();
    assert!(read == host);
}

#[test]
fn every_condition_can_be_written_in_a_file() {
    let mut text = String::from("name = \"strict\"\nbased_on = \"ascii-hex\"\n");
    for rule in ISSUER_1987 {
        let mtis: Vec<String> = rule.mtis.iter().map(|mti| format!("\"{mti}\"")).collect();
        text += &format!("[[presence]]\nmti = [{}]\ndemands = []\n", mtis.join(", "));
    }
    assert_eq!(
        Profile::from_toml(&text).unwrap().presence().len(),
        ISSUER_1987.len()
    );
    let chip = "[[presence]]\nmti = [\"0100\"]\ndemands = [\"present 55 chip\", \"present 14 keyed\", \
        \"present 4 not-inquiry\", \"absent 4 inquiry\", \"present 38 approved\", \
        \"echo 4 not-partial\", \"present 26 with-52\"]";
    let strict = format!("name = \"strict\"\nbased_on = \"ascii-hex\"\n{chip}");
    let strict = Profile::from_toml(&strict).unwrap();
    assert!(Profile::from_toml(&strict.to_toml()).unwrap() == strict);
    let mut message = MessageBuilder::new(&strict, Mti::M0100);
    let bytes = message.set(22, "071").unwrap().encode();
    let breach = presence::check(&decode(&strict, &bytes).unwrap()).unwrap_err();
    assert_eq!((breach.field, breach.kind), (55, BreachKind::Missing));
}

/// A file, and what is said of it.
const REFUSED: &[(&str, &str)] = &[
    ("name = 7", "invalid type: integer `7`, expected a string"),
    ("based_on = \"bcd\"", "missing field `name`"),
    (
        "name = \"x\"\nbased_on = \"bdc\"",
        "based_on: `bdc` is not known there: write one of ascii-hex, ",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\ncolour = 1",
        "unknown field `colour`, expected one of `name`, `based_on`",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.2 = { charset = \"bcd\" }",
        "unknown field `charset`",
    ),
    (
        "name = \"x\"",
        "`version` is missing: write it, or name a profile that has it in `based_on`",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nversion = 10",
        "write 0 for 1987",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nheader = \"visa\"",
        "header: `visa` is not known there: write one of none, base1",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nheader = 300",
        "a number of bytes up to 255",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nbitmap = \"bits\"",
        "write one of hex, raw",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.two = {}",
        "write one of the numbers 2 to 128",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.65 = { name = \"more\", content = \"b\", coding = \"raw\", fixed = 8, secrecy = \"open\" }",
        "field 65: fields are 2 to 128 without 65",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.3 = { coding = \"packed\" }",
        "field 3, coding: `packed` is not known there: write one of ascii, ebcdic-500",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.3 = { coding = \"raw\" }",
        "field 3: raw is for b, bcd for n and z",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.3 = { fixed = 6, max = 7 }",
        "field 3: write either `fixed`, or `max` with `prefix`",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.3 = { max = 7 }",
        "field 3: `prefix` is missing",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.3 = { max = 100, prefix = \"ascii-2\" }",
        "lengths must go from the shortest up",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.3 = { max = 7, prefix = \"binary-9\" }",
        "1 or 2 bytes where it is binary",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nfields.2 = { min = 20 }",
        "lengths must go from the shortest up",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\nlocation = { name = 1, city = 2, region = 3, country = 4 }",
        "40 characters together",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\n[[presence]]\nmti = [\"01\"]\ndemands = []",
        "presence, mti: `01`",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\n[[presence]]\nmti = []\ndemands = [\"must 2\"]",
        "`must` is not known there: write one of present, absent, echo",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\n[[presence]]\nmti = []\ndemands = [\"present 2 raining\"]",
        "`raining` is not known there: write one of always, ",
    ),
    (
        "name = \"x\"\nbased_on = \"bcd\"\n[[presence]]\nmti = []\ndemands = [\"present x\"]",
        "a need and a field",
    ),
];

#[test]
fn what_a_file_may_not_say_is_refused_with_cause_and_cure() {
    for (text, said) in REFUSED {
        let error = Profile::from_toml(text).unwrap_err().to_string();
        assert!(
            error.contains(said),
            "{text}\n--- said\n{error}\n--- not\n{said}"
        );
    }
}

#[test]
fn odd_dialects_hold_the_same_promises() {
    // Everything that no built-in profile has.
    let odd = Profile::from_toml(
        r#"
        name = "odd"
        based_on = "bcd"
        header = 12
        mti = "ebcdic"
        bitmap = "hex"

        [fields]
        2 = { coding = "bcd-right-f", prefix = "bcd-2", counts = "bytes" }
        32 = { coding = "bcd-left-f", prefix = "ascii-1", counts = "bytes" }
        33 = { coding = "bcd-right-f", prefix = "binary-2" }
        35 = { coding = "bcd-left-0", prefix = "ebcdic-4" }
        43 = { coding = "ebcdic-037" }
        48 = { prefix = "bcd-4" }
        55 = { coding = "ebcdic-037", prefix = "binary-1", counts = "bytes", min = 1 }
        52 = { coding = "ascii" }
        60 = { content = "b", coding = "ascii", max = 499, prefix = "ascii-3" }
        "#,
    )
    .unwrap();
    with_seeds(|random| {
        let mut builder = MessageBuilder::new(&odd, Mti::M0100);
        builder.set_header(b"ISO000000000").unwrap();
        for (number, value) in random.fields(&odd) {
            let set = builder.set(number, &value).map(|_| ());
            assert_eq!(set, Ok(()), "{number} {value}");
        }
        let mut bytes = builder.encode();
        invariants::any_bytes(&odd, &bytes);
        random.damage(&mut bytes);
        invariants::any_bytes(&odd, &bytes);
    });
}
