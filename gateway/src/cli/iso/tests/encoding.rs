//! `iso encode`.

use super::{ECHO, tool};

const JSON: &[u8] = br#"{"mti": "0800", "70": "301", "11": "000042", "7": "1122083400"}"#;

#[test]
fn fields_are_written_in_order_in_any_dialect() {
    assert_eq!(tool("encode", JSON).out, ECHO);
    let said = tool("encode --hex --profile bcd --framing be2", JSON);
    assert_eq!(said.code, 0);
    let bytes = "001C0800822000000000000004000000000000001122083400000042";
    assert_eq!(said.text(), format!("{bytes}0301\n"));
    for profile in ["ascii-hex", "ascii-binary", "bcd", "ebcdic", "base1"] {
        let bytes = tool(&format!("encode --profile {profile}"), JSON).out;
        let said = tool(&format!("describe --raw --profile {profile}"), &bytes);
        assert_eq!(said.code, 0, "{profile}: {}", said.text());
    }
}

#[test]
fn errors_name_the_field_and_the_cure_and_repeat_nothing() {
    for (json, words) in [
        ("", "there is no message"),
        ("4111111111111111", "a message is one object"),
        (
            r#"{"mti": "0100", "2": 4111111111111111}"#,
            "text in quotes",
        ),
        (
            r#"{"mti": "0100", "2": "4111111111111111""#,
            "ends too early",
        ),
        (r#"{"mti": "0100", "2": "4111111111111111" x}"#, "not JSON"),
        (r#"{"2": "4111111111111111"}"#, "`mti` is missing"),
        (r#"{"mti": "4111111111111111"}"#, "four digits"),
        (r#"{"mti": "1100"}"#, "types that begin with 0"),
        (
            r#"{"mti": "0100", "4": "4111"}"#,
            "field 4 cannot be sent: a length of 4, allowed are 12 to 12: fill it up with zeros",
        ),
        (r#"{"mti": "0100", "41": "4111"}"#, "spaces on the right"),
        (
            r#"{"mti": "0100", "2": "4111 1111"}"#,
            "without points, spaces",
        ),
        (r#"{"mti": "0100", "1": "4111"}"#, "`1` is no field"),
        (r#"{"mti": "0100", "+4": "4111"}"#, "`+4` is no field"),
        (
            r#"{"mti": "0100", "4111111111111111": ""}"#,
            "key 2 is no field",
        ),
        (
            r#"{"mti": "0100", "2": "4111", "02": "4111"}"#,
            "field 2 is there twice",
        ),
        (
            r#"{"mti": "0100", "header": "4111"}"#,
            "`header`: not a header",
        ),
        (r#"{"mti": "0100"} {"mti": "0100"}"#, "need a --framing"),
    ] {
        let said = tool("encode", json.as_bytes());
        assert_eq!(said.code, 1, "{json}: {said:?}");
        assert!(said.err.contains(words), "{json}: {}", said.err);
        assert!(!said.err.contains("4111"), "{json}: {}", said.err);
        assert!(said.out.is_empty(), "{json}");
    }
    let two = br#"{"mti": "0800"} {"mti": "0800", "11": "1"}"#;
    let said = tool("encode --framing be2", two);
    assert!(said.err.contains("message 2: field 11"), "{}", said.err);
    assert!(said.out.is_empty(), "all or none");
}
