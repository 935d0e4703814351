//! The words of a profile file, and what they stand for.

use super::ProfileFileError;
use crate::coding::{CodePage, Coding, Pad, PadNibble, Side};
use crate::prefix::{Counts, Prefix, PrefixCoding};
use crate::presence::{Demand, Need, When};
use crate::profile::{BitmapCoding, MtiCoding};
use crate::{Content, Mti, Secrecy};

/// A word for each value.
pub(super) type Words<T> = &'static [(&'static str, T)];

pub(super) const MTIS: Words<MtiCoding> = &[
    ("ascii", MtiCoding::Ascii),
    ("ebcdic", MtiCoding::Ebcdic),
    ("bcd", MtiCoding::Bcd),
];

pub(super) const BITMAPS: Words<BitmapCoding> =
    &[("hex", BitmapCoding::Hex), ("raw", BitmapCoding::Raw)];

pub(super) const CONTENTS: Words<Content> = &[
    ("n", Content::Numeric),
    ("an", Content::AlphaNumeric),
    ("anp", Content::AlphaNumericSpace),
    ("ans", Content::Text),
    ("z", Content::Track),
    ("x+n", Content::SignedNumeric),
    ("b", Content::Bytes),
];

pub(super) const CODINGS: Words<Coding> = &[
    ("ascii", Coding::Ascii),
    ("ebcdic-500", Coding::Ebcdic(CodePage::Cp500)),
    ("ebcdic-037", Coding::Ebcdic(CodePage::Cp037)),
    ("bcd-left-0", bcd(Side::Left, PadNibble::Zero)),
    ("bcd-left-f", bcd(Side::Left, PadNibble::F)),
    ("bcd-right-0", bcd(Side::Right, PadNibble::Zero)),
    ("bcd-right-f", bcd(Side::Right, PadNibble::F)),
    ("raw", Coding::Raw),
];

pub(super) const PREFIXES: Words<PrefixCoding> = &[
    ("ascii", PrefixCoding::Ascii),
    ("ebcdic", PrefixCoding::Ebcdic),
    ("bcd", PrefixCoding::Bcd),
    ("binary", PrefixCoding::Binary),
];

pub(super) const COUNTS: Words<Counts> = &[("units", Counts::Units), ("bytes", Counts::Bytes)];

pub(super) const SECRECIES: Words<Secrecy> = &[
    ("open", Secrecy::Open),
    ("personal", Secrecy::Personal),
    ("pan", Secrecy::Pan),
    ("sensitive", Secrecy::Sensitive),
];

const NEEDS: Words<Need> = &[
    ("present", Need::Present),
    ("absent", Need::Absent),
    ("echo", Need::Echo),
];

const WHENS: Words<When> = &[
    ("always", When::Always),
    ("inquiry", When::Inquiry),
    ("not-inquiry", When::NotInquiry),
    ("chip", When::Chip),
    ("keyed", When::Keyed),
    ("approved", When::Approved),
    ("not-partial", When::NotPartial),
];

const fn bcd(side: Side, nibble: PadNibble) -> Coding {
    Coding::Bcd(Pad { side, nibble })
}

/// The value of a word.
pub(super) fn pick<T: Copy>(
    place: &str,
    words: &[(&'static str, T)],
    word: &str,
) -> Result<T, ProfileFileError> {
    let found = words.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        unknown(place, word, &names.join(", "))
    })
}

/// The word for a value.
pub(super) fn name_of<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    let found = words.iter().find(|(_, known)| *known == value);
    found.map(|(name, _)| *name).unwrap_or_default()
}

/// `ascii-2`: a coding and a size.
pub(super) fn prefix(number: u8, word: &str) -> Result<Prefix, ProfileFileError> {
    let place = format!("field {number}, prefix");
    let (coding, size) = word.split_once('-').unwrap_or((word, ""));
    let size = size
        .parse()
        .map_err(|_| unknown(&place, word, "ascii-2, ebcdic-3, bcd-2, binary-1 and so on"))?;
    Ok(Prefix::new(pick(&place, PREFIXES, coding)?, size))
}

/// `0100`.
pub(super) fn mti(word: &str) -> Result<Mti, ProfileFileError> {
    Mti::parse(word).map_err(|_| unknown("presence, mti", word, "four digits such as 0100"))
}

/// `present 4 not-inquiry`: a need, a field, and a condition unless it is always.
pub(super) fn demand(text: &str) -> Result<Demand, ProfileFileError> {
    let place = "presence, demands";
    let mut parts = text.split_whitespace();
    let need = pick(place, NEEDS, parts.next().unwrap_or_default())?;
    let field = parts.next().and_then(|field| field.parse().ok());
    let field = field.filter(|field| (2..=128).contains(field));
    let field =
        field.ok_or_else(|| unknown(place, text, "a need and a field, such as present 2"))?;
    let when = match parts.next() {
        None => When::Always,
        Some(word) => when(place, word)?,
    };
    match parts.next() {
        None => Ok(Demand { field, need, when }),
        Some(more) => Err(unknown(place, more, "one condition for each demand")),
    }
}

fn when(place: &str, word: &str) -> Result<When, ProfileFileError> {
    let other = |kind: &str| word.strip_prefix(kind).and_then(|field| field.parse().ok());
    match (other("with-"), other("without-")) {
        (Some(field), _) => Ok(When::With(field)),
        (_, Some(field)) => Ok(When::Without(field)),
        _ => pick(place, WHENS, word).map_err(|_| {
            let names: Vec<&str> = WHENS.iter().map(|(name, _)| *name).collect();
            unknown(
                place,
                word,
                &format!("{}, with-35, without-35", names.join(", ")),
            )
        }),
    }
}

/// What [`demand`] reads.
pub(super) fn demand_word(demand: Demand) -> String {
    let Demand { field, need, when } = demand;
    let need = name_of(NEEDS, need);
    match when {
        When::Always => format!("{need} {field}"),
        When::With(other) => format!("{need} {field} with-{other}"),
        When::Without(other) => format!("{need} {field} without-{other}"),
        _ => format!("{need} {field} {}", name_of(WHENS, when)),
    }
}

fn unknown(place: &str, word: &str, allowed: &str) -> ProfileFileError {
    ProfileFileError::Word {
        place: place.to_owned(),
        word: word.to_owned(),
        allowed: allowed.to_owned(),
    }
}
