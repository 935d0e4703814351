//! The profiles that are built in: the tables of the standard, put into one dialect each.

use std::borrow::Cow;

use super::differences::{IN_1993, IN_2003};
use super::iso1987::Format::{Fixed, Ll, Lll};
use super::iso1987::{Format, ROWS, Row, row};
use super::names::Names;
use super::{BitmapCoding, LocationLayout, MtiCoding, Profile};
use crate::coding::{CodePage, Coding, Pad};
use crate::field::{Field, Length};
use crate::header::Header;
use crate::prefix::{Prefix, PrefixCoding};
use crate::presence::ESSENTIAL_1987;
use crate::step::Step;
use crate::{Content, Secrecy};

/// 1987, all characters ASCII, bitmaps in hex, bytes as pairs of hex digits. The length in front
/// of field 55 counts hex digits.
pub static ASCII_HEX: Profile = profile("ascii-hex", 0, ALL_ASCII, &[]);

/// [`ASCII_HEX`] with the differences of 1993 that are data.
pub static ASCII_HEX_1993: Profile = profile("ascii-hex-1993", 1, ALL_ASCII, IN_1993);

/// [`ASCII_HEX`] with the differences of 2003 that are data.
pub static ASCII_HEX_2003: Profile = profile("ascii-hex-2003", 2, ALL_ASCII, IN_2003);

/// 1987, all characters ASCII, bitmaps and bytes as they are.
pub static ASCII_BINARY: Profile = profile(
    "ascii-binary",
    0,
    Dialect {
        bitmap: BitmapCoding::Raw,
        bytes: Coding::Raw,
        ..ALL_ASCII
    },
    &[],
);

/// 1987, digits two by two, text in ASCII, bitmaps and bytes as they are. An odd number of digits
/// has a zero in front, a track one behind; fees (x+n) are ASCII, currencies digits.
pub static BCD: Profile = profile(
    "bcd",
    0,
    Dialect {
        mti: MtiCoding::Bcd,
        bitmap: BitmapCoding::Raw,
        numeric: Coding::Bcd(Pad::LEFT_ZERO),
        track: Coding::Bcd(Pad::RIGHT_ZERO),
        bytes: Coding::Raw,
        lengths: Lengths::Digits(PrefixCoding::Bcd),
        ..ALL_ASCII
    },
    NUMERIC_CURRENCIES,
);

/// Mastercard-like: 1987, all characters and lengths EBCDIC (code page 500), bitmaps and bytes as
/// they are.
pub static EBCDIC: Profile = profile(
    "ebcdic",
    0,
    Dialect {
        header: Header::None,
        mti: MtiCoding::Ebcdic,
        bitmap: BitmapCoding::Raw,
        location: LocationLayout {
            name: 23,
            city: 14,
            region: 0,
            country: 3,
        },
        numeric: EBCDIC_500,
        track: EBCDIC_500,
        signed: EBCDIC_500,
        text: EBCDIC_500,
        bytes: Coding::Raw,
        lengths: Lengths::Digits(PrefixCoding::Ebcdic),
    },
    &[],
);

/// Visa-like: a header of 22 bytes, 1987, digits two by two, text in EBCDIC (code page 500),
/// bitmaps and bytes as they are, and a length of one binary byte that counts digits of digits
/// and bytes otherwise. Field 22 has four digits; 60, 62 and 63 are bytes.
pub static BASE1: Profile = profile(
    "base1",
    0,
    Dialect {
        header: Header::Base1,
        mti: MtiCoding::Bcd,
        bitmap: BitmapCoding::Raw,
        location: LocationLayout {
            name: 25,
            city: 13,
            region: 0,
            country: 2,
        },
        numeric: Coding::Bcd(Pad::LEFT_ZERO),
        track: Coding::Bcd(Pad::LEFT_ZERO),
        signed: EBCDIC_500,
        text: EBCDIC_500,
        bytes: Coding::Raw,
        lengths: Lengths::OneByte,
    },
    IN_BASE1,
);

/// All that are built in.
pub static BUILT_IN: &[&Profile] = &[
    &ASCII_HEX,
    &ASCII_BINARY,
    &BCD,
    &EBCDIC,
    &BASE1,
    &ASCII_HEX_1993,
    &ASCII_HEX_2003,
];

/// How a message begins, and how the contents of a table travel.
#[derive(Clone, Copy)]
struct Dialect {
    header: Header,
    mti: MtiCoding,
    bitmap: BitmapCoding,
    location: LocationLayout,
    numeric: Coding,
    track: Coding,
    signed: Coding,
    text: Coding,
    bytes: Coding,
    lengths: Lengths,
}

#[derive(Clone, Copy)]
enum Lengths {
    /// Two or three digits.
    Digits(PrefixCoding),
    /// One binary byte, which bounds every field.
    OneByte,
}

const EBCDIC_500: Coding = Coding::Ebcdic(CodePage::Cp500);

const ALL_ASCII: Dialect = Dialect {
    header: Header::None,
    mti: MtiCoding::Ascii,
    bitmap: BitmapCoding::Hex,
    location: LocationLayout {
        name: 23,
        city: 13,
        region: 2,
        country: 2,
    },
    numeric: Coding::Ascii,
    track: Coding::Ascii,
    signed: Coding::Ascii,
    text: Coding::Ascii,
    bytes: Coding::Ascii,
    lengths: Lengths::Digits(PrefixCoding::Ascii),
};

const NUMERIC_CURRENCIES: &[Row] = &[
    row(
        49,
        "currency, transaction",
        Content::Numeric,
        Fixed(3),
        Secrecy::Open,
    ),
    row(
        50,
        "currency, settlement",
        Content::Numeric,
        Fixed(3),
        Secrecy::Open,
    ),
    row(
        51,
        "currency, cardholder billing",
        Content::Numeric,
        Fixed(3),
        Secrecy::Open,
    ),
];

const IN_BASE1: &[Row] = &[
    row(
        22,
        "point of service entry mode",
        Content::Numeric,
        Fixed(4),
        Secrecy::Open,
    ),
    row(
        34,
        "primary account number, extended",
        Content::Numeric,
        Ll(28),
        Secrecy::Pan,
    ),
    NUMERIC_CURRENCIES[0],
    NUMERIC_CURRENCIES[1],
    NUMERIC_CURRENCIES[2],
    row(
        60,
        "additional point of service",
        Content::Bytes,
        Lll(255),
        Secrecy::Sensitive,
    ),
    row(
        62,
        "payment service",
        Content::Bytes,
        Lll(255),
        Secrecy::Sensitive,
    ),
    row(
        63,
        "private use",
        Content::Bytes,
        Lll(255),
        Secrecy::Sensitive,
    ),
];

const fn profile(
    name: &'static str,
    version: u8,
    dialect: Dialect,
    differences: &'static [Row],
) -> Profile {
    let mut fields = [None; 129];
    fill(&mut fields, dialect, ROWS);
    fill(&mut fields, dialect, differences);
    Profile {
        name: Cow::Borrowed(name),
        version,
        header: dialect.header,
        mti: dialect.mti,
        bitmap: dialect.bitmap,
        location: dialect.location,
        fields,
        steps: Step::table(&fields),
        names: Names::BuiltIn(differences),
        presence: Cow::Borrowed(ESSENTIAL_1987),
    }
}

const fn fill(fields: &mut [Option<Field>; 129], dialect: Dialect, rows: &[Row]) {
    let mut at = 0;
    while at < rows.len() {
        let number = rows[at].number as usize;
        fields[number] = Some(field(dialect, rows[at]));
        at += 1;
    }
}

const fn field(dialect: Dialect, row: Row) -> Field {
    let coding = match row.content {
        Content::Numeric => dialect.numeric,
        Content::Track => dialect.track,
        Content::SignedNumeric => dialect.signed,
        Content::AlphaNumeric | Content::AlphaNumericSpace | Content::Text => dialect.text,
        Content::Bytes => dialect.bytes,
    };
    Field {
        content: row.content,
        coding,
        length: length(dialect.lengths, row.format),
        secrecy: row.secrecy,
    }
}

const fn length(lengths: Lengths, format: Format) -> Length {
    let (digits, max) = match format {
        Format::Fixed(length) => return Length::Fixed(length),
        Format::Ll(max) => (2, max),
        Format::Lll(max) => (3, max),
    };
    match lengths {
        Lengths::Digits(coding) => Length::Variable {
            prefix: Prefix::new(coding, digits),
            min: 0,
            max,
        },
        Lengths::OneByte => Length::Variable {
            prefix: Prefix::new(PrefixCoding::Binary, 1),
            min: 0,
            max: if max > 255 { 255 } else { max },
        },
    }
}
