//! `iso describe`.

use iso8583::Profile;
use iso8583::profile::{ASCII_HEX, BCD, EBCDIC};
use serde_json::{Value, json};

use super::super::framing::Framing;
use super::{ECHO, FIELDS, request, tool};

#[test]
fn an_echo_reads_as_a_page() {
    let said = tool("describe", ECHO);
    assert_eq!((said.code, &*said.err), (0, ""));
    let lines: Vec<String> = said
        .text()
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "0800 network management request, begun by an acquirer (1987)",
            "55 bytes, profile ascii-hex",
            "bitmap 82200000000000000400000000000000",
            "7 transmission date and time n 10 1122083400",
            "11 system trace audit number n 6 000042",
            "70 network management code n 3 301 echo",
            "nothing is missing",
        ]
    );
}

#[test]
fn every_dialect_says_the_same_of_the_same_message() {
    let lines = |profile: &Profile| {
        let bytes = request(profile, &FIELDS);
        let said = tool(
            &format!("describe --json --raw --profile {}", profile.name()),
            &bytes,
        );
        assert_eq!((said.code, &*said.err), (0, ""), "{profile:?}");
        let said: Value = serde_json::from_str(said.text()).unwrap();
        let fields = said["fields"].as_array().unwrap().clone();
        let gist = |field: Value| {
            (
                field["number"].clone(),
                field["value"].clone(),
                field["parts"].clone(),
            )
        };
        let gist: Vec<_> = fields.into_iter().map(gist).collect();
        (said["findings"].clone(), gist)
    };
    let ascii = lines(&ASCII_HEX);
    assert_eq!(lines(&BCD), ascii);
    assert_eq!(lines(&EBCDIC).1.len(), ascii.1.len());
    let (number, value, _) = &ascii.1[0];
    assert_eq!((number, value), (&json!(2), &json!("411111******1111")));
    assert_eq!(ascii.1.last().unwrap().1, Value::Null, "a PIN block");
}

#[test]
fn composite_fields_fall_into_their_parts() {
    let chip = "9F26080102030405060708950500000000009C01005A085413330089020011DF010199";
    let replaced = "000000005000000000000000D00000003C00000000";
    let original = "010012345611220834000001234567800000000000";
    for (number, value, parts) in [
        (3, "012030", "01 cash|20 checking|30 credit"),
        (22, "071", "07 contactless chip|1 takes a PIN"),
        (
            43,
            "ACME STORES            SPRINGFIELD  CAUS",
            "ACME STORES|SPRINGFIELD|CA|US",
        ),
        (
            54,
            "0002840C000000012345",
            "12345 minor units of 840, credit, account 00",
        ),
        (
            55,
            chip,
            "0102030405060708|0000000000|00|<8 bytes>|<1 bytes>",
        ),
        (90, original, "0100|123456|1122083400|12345678"),
        (
            95,
            replaced,
            "5000 minor units|0 minor units|3 minor units, debit|0 minor units, credit",
        ),
    ] {
        let said = tool("describe --json", &request(&ASCII_HEX, &[(number, value)]));
        let said: Value = serde_json::from_str(said.text()).unwrap();
        let found = said["fields"][0]["parts"].as_array().unwrap().iter();
        let found = found.map(|part| match &part["value"] {
            Value::String(value) => value.clone(),
            _ => format!("<{} bytes>", part["length"]),
        });
        assert_eq!(found.collect::<Vec<_>>().join("|"), parts, "field {number}");
    }
}

#[test]
fn what_is_missing_or_does_not_fit_is_found() {
    for (fields, finding) in [
        (
            &[(2, "4111111111111112")][..],
            "field 2: the check digit is wrong",
        ),
        (&[(2, "123")], "field 2 is not 12 to 19 digits"),
        (&[(2, "4111111111111111")], "field 3 is missing"),
        (&[(35, "4111")], "field 35: track 2 is"),
        (
            &[(2, "4111111111111111"), (35, "5413330089020011D2912201")],
            "another card number than field 2",
        ),
        (&[(55, "9F26")], "field 55, chip data, byte 0"),
        (&[(54, "0002840X000000012345")], "field 54 is"),
    ] {
        let said = tool("describe", &request(&ASCII_HEX, fields));
        assert_eq!(said.code, 0);
        assert!(said.text().contains(&format!("! {finding}")) || said.text().contains(finding));
    }
}

#[test]
fn a_stream_is_described_frame_by_frame() {
    for framing in Framing::all().map(Framing::word) {
        let json = br#"{"mti": "0800", "11": "000042"} {"mti": "0810", "11": "000042"}"#;
        let stream = tool(&format!("encode --framing {framing}"), json).out;
        let said = tool(&format!("describe --json --framing {framing}"), &stream);
        assert_eq!(said.code, 0, "{framing}: {said:?}");
        let mtis = said.text().lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["mti"].as_str().unwrap().to_owned()
        });
        assert_eq!(mtis.collect::<Vec<_>>(), ["0800", "0810"], "{framing}");
        let cut = stream.get(..stream.len() - 1).unwrap();
        let said = tool(&format!("describe --raw --framing {framing}"), cut);
        assert_eq!(said.code, 1);
        assert!(said.text().contains("1 bytes too early"), "{framing}");
    }
    let polls = [&b"\0\0\0\x37"[..], ECHO, b"\0\0"].concat();
    let said = tool("describe --framing be2", &polls);
    assert_eq!(said.code, 0);
    assert_eq!(said.text().matches("a poll").count(), 2);
}

#[test]
fn a_refusal_says_where_and_shows_no_value() {
    let mut bytes = request(&ASCII_HEX, &FIELDS);
    let place = bytes
        .windows(10)
        .position(|at| at == b"1122083400")
        .unwrap();
    bytes[place + 3] = b'x';
    let said = tool("describe", &bytes);
    assert_eq!((said.code, &*said.err), (1, ""));
    let text = said.text();
    let first = format!(
        "not readable as ascii-hex, {} bytes: field 7 (transmission date and time), byte {}: ",
        bytes.len(),
        place + 3
    );
    assert!(text.starts_with(&first), "{text}");
    assert!(text.contains("amount, transaction"), "{text}");
    assert!(text.contains("bytes 44 to 55"), "{text}");
    let marked = text.lines().find(|line| line.contains("^^")).unwrap();
    let row = text
        .lines()
        .take_while(|line| *line != marked)
        .last()
        .unwrap();
    let under = marked.find("^^").unwrap();
    assert_eq!(row.get(under..under + 2), Some("LL"), "{text}");
    assert!(!text.contains("010000"), "{text}");
}

/// What stands around, in front or behind a message, or what else it is; how it is read; a hint.
#[test]
fn hints_are_found_by_trying() {
    let ascii = request(&ASCII_HEX, &FIELDS);
    let length = u16::try_from(ascii.len()).unwrap();
    let be2 = [&length.to_be_bytes()[..], &ascii].concat();
    let tpdu = [&b"\x60\0\x01\0\0"[..], &ascii].concat();
    let both = [&(length + 5).to_be_bytes()[..], &tpdu].concat();
    let hex: String = request(&BCD, &FIELDS)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let host = BCD.to_toml().replace("bcd-left-0", "bcd-right-f");
    let host = Profile::from_toml(&host).unwrap();
    let line = [&ascii[..], b"\r\n"].concat();
    for (name, bytes, flags, hint) in [
        (
            "ebcdic",
            request(&EBCDIC, &FIELDS),
            "",
            "looks like EBCDIC: use --profile ebcdic",
        ),
        ("bcd", request(&BCD, &FIELDS), "", "use --profile bcd"),
        (
            "header",
            be2,
            "",
            "2-byte length header in front: use --framing be2",
        ),
        (
            "no header",
            ascii.clone(),
            "--framing be2",
            "header is missing: use --framing none",
        ),
        (
            "tpdu",
            tpdu,
            "",
            "a TPDU of 5 bytes in front: write header = 5",
        ),
        ("both", both, "", "use --framing tpdu"),
        (
            "hex",
            hex.into_bytes(),
            "",
            "give them with --hex --profile bcd",
        ),
        ("line", line, "", "a line end stands behind"),
        (
            "pad",
            request(&host, &FIELDS),
            "--profile bcd",
            "write coding = \"bcd-right-f\"",
        ),
        (
            "cut",
            ascii.get(..100).unwrap().to_vec(),
            "",
            "the end is missing",
        ),
    ] {
        let said = tool(&format!("describe --raw {flags}"), &bytes);
        assert_eq!(said.code, 1, "{name}: {}", said.text());
        let hinted = said.text().lines().find(|line| line.starts_with("hint: "));
        let hinted = hinted.unwrap_or("no hint");
        assert!(hinted.contains(hint), "{name}: {}", said.text());
        let json = tool(&format!("describe --raw --json {flags}"), &bytes);
        let json: Value = serde_json::from_str(json.text()).unwrap();
        let first = json["hints"][0].as_str().unwrap();
        assert_eq!(format!("hint: {first}"), hinted, "{name}");
    }
}

#[test]
fn lower_case_bitmaps_and_line_ends_are_read() {
    let text = String::from_utf8(request(&ASCII_HEX, &FIELDS)).unwrap();
    let (mti, rest) = text.split_at(4);
    let (bitmap, rest) = rest.split_at(16);
    let lower = format!("{mti}{}{rest}\n", bitmap.to_ascii_lowercase());
    assert_eq!(tool("describe", lower.as_bytes()).code, 0);
}

#[test]
fn a_wrong_framing_is_told_from_the_right_one() {
    let message = request(&ASCII_HEX, &FIELDS);
    for framing in Framing::all() {
        let stream = framing.framed(&message).unwrap();
        for told in Framing::all().filter(|told| *told != framing) {
            let flags = format!("--framing {}", told.word());
            let said = tool(&format!("describe --raw {flags}"), &stream);
            assert_eq!(said.code, 1, "{framing:?} {told:?}");
            let hint = format!("use --framing {}\n", framing.word());
            assert!(said.text().contains(&hint), "{told:?}: {}", said.text());
        }
    }
}
