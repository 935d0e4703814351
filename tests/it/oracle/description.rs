//! A profile in the words of a script that makes an oracle's own table of it. One source of truth: the
//! tables of the crate.

use iso8583::profile::{BitmapCoding, MtiCoding};
use iso8583::{
    CodePage, Coding, Content, Counts, Field, Header, Length, Pad, PadNibble, PrefixCoding,
    Profile, Side,
};
use serde_json::{Value, json};

/// As the scripts read it:
///
/// ```json
/// { "mti": "ascii", "bitmap": "hex", "header": 0, "fields": { "2": {
///     "content": "n", "coding": "ascii", "pad": null, "max": 19,
///     "prefix": { "coding": "ascii", "bytes": 2, "counts": "units" } } } }
/// ```
///
/// `max` counts what the field consists of as it travels: characters, digits, hex digits, raw bytes.
pub(super) fn described(profile: &Profile) -> Value {
    let fields: serde_json::Map<_, _> = profile
        .fields()
        .map(|(number, field)| (number.to_string(), described_field(field)))
        .collect();
    json!({
        "mti": match profile.mti_coding() {
            MtiCoding::Ascii => "ascii",
            MtiCoding::Ebcdic => "cp500",
            MtiCoding::Bcd => "bcd",
        },
        "bitmap": match profile.bitmap_coding() {
            BitmapCoding::Hex => "hex",
            BitmapCoding::Raw => "raw",
        },
        "header": match profile.header() {
            Header::None => 0,
            Header::Opaque(length) => length,
            Header::Base1 => 22,
        },
        "fields": fields,
    })
}

fn described_field(field: &Field) -> Value {
    let (coding, pad) = match field.coding {
        Coding::Ascii => ("ascii", None),
        Coding::Ebcdic(CodePage::Cp500) => ("cp500", None),
        Coding::Ebcdic(CodePage::Cp037) => ("cp037", None),
        Coding::Bcd(pad) => ("bcd", Some(described_pad(pad))),
        Coding::Raw => ("raw", None),
    };
    let is_hex = field.content == Content::Bytes && field.coding != Coding::Raw;
    let (prefix, max) = match field.length {
        Length::Fixed(length) => (None, length),
        Length::Variable { prefix, max, .. } => {
            let coding = match prefix.coding {
                PrefixCoding::Ascii => "ascii",
                PrefixCoding::Ebcdic => "cp500",
                PrefixCoding::Bcd => "bcd",
                PrefixCoding::Binary => "binary",
            };
            let counts = match prefix.counts {
                Counts::Units => "units",
                Counts::Bytes => "bytes",
            };
            let prefix =
                json!({ "coding": coding, "bytes": prefix.wire_length(), "counts": counts });
            (Some(prefix), max)
        }
    };
    json!({
        "content": match field.content {
            Content::Numeric => "n",
            Content::AlphaNumeric => "an",
            Content::AlphaNumericSpace => "anp",
            Content::Text => "ans",
            Content::Track => "z",
            Content::SignedNumeric => "x+n",
            Content::Bytes => "b",
        },
        "coding": coding,
        "pad": pad,
        "max": if is_hex { 2 * max } else { max },
        "prefix": prefix,
    })
}

fn described_pad(pad: Pad) -> Value {
    json!({
        "side": match pad.side {
            Side::Left => "left",
            Side::Right => "right",
        },
        "nibble": match pad.nibble {
            PadNibble::Zero => "0",
            PadNibble::F => "F",
        },
    })
}
