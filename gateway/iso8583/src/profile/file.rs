//! Profiles as TOML text, so that a dialect needs no Rust.
//!
//! A file names the built-in profile that it starts from and says what differs:
//!
//! ```
//! let host = iso8583::Profile::from_toml(r#"
//!     name = "my-host"
//!     based_on = "bcd"
//!     without = [72]
//!
//!     [fields]
//!     2 = { coding = "bcd-right-f" }
//!     48 = { max = 255, prefix = "binary-1" }
//!     60 = { name = "batch", content = "n", coding = "ascii", fixed = 6, secrecy = "open" }
//! "#)?;
//! assert_eq!(host.field_name(60), "batch");
//! # Ok::<(), iso8583::profile::ProfileFileError>(())
//! ```
//!
//! [`Profile::to_toml`] prints all of a profile: every word that a file may use is there.

mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::names::Names;
use super::{FieldFault, LocationLayout, Profile, check_field};
use crate::field::{Field, Length};
use crate::header::Header;
use crate::prefix::{Counts, Prefix};
use crate::presence::{Demand, Rule};
use crate::step::Step;
use words::{
    BITMAPS, CODINGS, CONTENTS, COUNTS, MTIS, PREFIXES, SECRECIES, demand, demand_word, name_of,
    pick,
};

impl Profile {
    /// Reads a profile from TOML text.
    ///
    /// # Errors
    /// If the text is not TOML, has a key or a word that it should not have, lacks one, or
    /// describes a field that cannot be. The message names the place and the cure.
    pub fn from_toml(text: &str) -> Result<Self, ProfileFileError> {
        let file: ProfileFile =
            toml::from_str(text).map_err(|error| ProfileFileError::Toml(Box::new(error)))?;
        file.into_profile()
    }

    /// The whole profile as TOML text, which [`Profile::from_toml`] reads back to an equal one.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_toml(&mut text);
        text
    }

    fn write_toml(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "name = {}", quoted(&self.name))?;
        writeln!(text, "version = {}", self.version)?;
        match self.header {
            Header::None => writeln!(text, "header = \"none\"")?,
            Header::Base1 => writeln!(text, "header = \"base1\"")?,
            Header::Opaque(length) => writeln!(text, "header = {length}")?,
        }
        writeln!(text, "mti = \"{}\"", name_of(MTIS, self.mti))?;
        writeln!(text, "bitmap = \"{}\"", name_of(BITMAPS, self.bitmap))?;
        let LocationLayout {
            name,
            city,
            region,
            country,
        } = self.location;
        writeln!(
            text,
            "location = {{ name = {name}, city = {city}, region = {region}, country = {country} }}"
        )?;
        writeln!(text, "\n[fields]")?;
        for (number, field) in self.fields() {
            write_field(text, number, self.field_name(number), field)?;
        }
        for rule in self.presence() {
            let mtis: Vec<String> = rule.mtis.iter().map(|mti| format!("\"{mti}\"")).collect();
            let demands = rule
                .demands
                .iter()
                .map(|it| format!("\"{}\"", demand_word(*it)));
            let demands: Vec<String> = demands.collect();
            writeln!(text, "\n[[presence]]\nmti = [{}]", mtis.join(", "))?;
            writeln!(text, "demands = [{}]", demands.join(", "))?;
        }
        Ok(())
    }
}

fn write_field(text: &mut String, number: u8, name: &str, field: &Field) -> std::fmt::Result {
    let content = name_of(CONTENTS, field.content);
    let coding = name_of(CODINGS, field.coding);
    let secrecy = name_of(SECRECIES, field.secrecy);
    let name = quoted(name);
    write!(
        text,
        "{number} = {{ name = {name}, content = \"{content}\", coding = \"{coding}\", "
    )?;
    match field.length {
        Length::Fixed(length) => write!(text, "fixed = {length}, ")?,
        Length::Variable { prefix, min, max } => {
            let Prefix {
                coding,
                size,
                counts,
            } = prefix;
            let (coding, counts) = (name_of(PREFIXES, coding), name_of(COUNTS, counts));
            write!(text, "min = {min}, max = {max}, ")?;
            write!(
                text,
                "prefix = \"{coding}-{size}\", counts = \"{counts}\", "
            )?;
        }
    }
    writeln!(text, "secrecy = \"{secrecy}\" }}")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Why text is not a profile.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProfileFileError {
    /// Not TOML, or a key that does not belong there.
    #[error("the profile cannot be read: {0}")]
    Toml(Box<toml::de::Error>),
    /// A word that is none of those that may stand there.
    #[error("{place}: `{word}` is not known there: write one of {allowed}")]
    Word {
        /// Where it stands.
        place: String,
        /// The word.
        word: String,
        /// The words that may.
        allowed: String,
    },
    /// Something is not there that nothing else gives.
    #[error("{place}: `{key}` is missing: write it, or name a profile that has it in `based_on`")]
    Missing {
        /// Where it should stand.
        place: String,
        /// Its name.
        key: &'static str,
    },
    /// A field that cannot be.
    #[error("field {number}: {fault}")]
    Field {
        /// Its number.
        number: u8,
        /// What is wrong.
        fault: FieldFault,
    },
    /// A fixed length and a length in front.
    #[error("field {number}: write either `fixed`, or `max` with `prefix`")]
    TwoLengths {
        /// Its number.
        number: u8,
    },
    /// A field 43 of other than 40 characters, or a version that is no digit.
    #[error("`{key}` cannot be: {cure}")]
    Setting {
        /// Its name.
        key: &'static str,
        /// What to write instead.
        cure: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    name: String,
    based_on: Option<String>,
    version: Option<u8>,
    header: Option<HeaderFile>,
    mti: Option<String>,
    bitmap: Option<String>,
    location: Option<LocationFile>,
    #[serde(default)]
    without: Vec<u8>,
    #[serde(default)]
    fields: BTreeMap<String, FieldFile>,
    presence: Option<Vec<RuleFile>>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a header is \"none\", \"base1\", or a number of bytes up to 255"
)]
enum HeaderFile {
    Word(String),
    Length(u8),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocationFile {
    name: u8,
    city: u8,
    region: u8,
    country: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldFile {
    name: Option<String>,
    content: Option<String>,
    coding: Option<String>,
    fixed: Option<u16>,
    min: Option<u16>,
    max: Option<u16>,
    prefix: Option<String>,
    counts: Option<String>,
    secrecy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    mti: Vec<String>,
    demands: Vec<String>,
}

impl ProfileFile {
    fn into_profile(self) -> Result<Profile, ProfileFileError> {
        let base = match &self.based_on {
            None => None,
            Some(name) => Some(Profile::built_in(name).ok_or_else(|| unknown_base(name))?),
        };
        let mut fields = base.map_or([None; 129], |base| base.fields);
        let mut names: Vec<String> = (0..=128)
            .map(|number| base.map_or("", |base| base.field_name(number)).to_owned())
            .collect();
        for number in &self.without {
            if let Some(field) = fields.get_mut(usize::from(*number)) {
                *field = None;
            }
            if let Some(name) = names.get_mut(usize::from(*number)) {
                name.clear();
            }
        }
        for (number, file) in &self.fields {
            let number = number_of(number)?;
            let place = usize::from(number);
            let (Some(field), Some(name)) = (fields.get_mut(place), names.get_mut(place)) else {
                return Err(FieldFault::Number.at(number));
            };
            *field = Some(file.field(number, field.as_ref())?);
            match &file.name {
                Some(given) => given.clone_into(name),
                None if name.is_empty() => return Err(missing(number, "name")),
                None => {}
            }
        }
        let (steps, names) = (Step::table(&fields), Names::Read(names));
        Ok(Profile {
            version: self.version(base)?,
            header: self.header(base)?,
            mti: setting("mti", MTIS, self.mti.as_deref(), base.map(|base| base.mti))?,
            bitmap: setting(
                "bitmap",
                BITMAPS,
                self.bitmap.as_deref(),
                base.map(|it| it.bitmap),
            )?,
            location: self.location(base)?,
            presence: self.presence(base)?,
            name: Cow::Owned(self.name),
            fields,
            steps,
            names,
        })
    }

    fn version(&self, base: Option<&Profile>) -> Result<u8, ProfileFileError> {
        let version = self.version.or(base.map(|base| base.version));
        let version = version.ok_or_else(|| missing_setting("version"))?;
        if version <= 9 {
            return Ok(version);
        }
        let (key, cure) = ("version", "write 0 for 1987, 1 for 1993, 2 for 2003");
        Err(ProfileFileError::Setting { key, cure })
    }

    fn header(&self, base: Option<&Profile>) -> Result<Header, ProfileFileError> {
        const WORDS: &[(&str, Header)] = &[("none", Header::None), ("base1", Header::Base1)];
        match &self.header {
            None => base
                .map(|base| base.header)
                .ok_or_else(|| missing_setting("header")),
            Some(HeaderFile::Word(word)) => pick("header", WORDS, word),
            Some(HeaderFile::Length(length)) => Ok(Header::Opaque(*length)),
        }
    }

    fn location(&self, base: Option<&Profile>) -> Result<LocationLayout, ProfileFileError> {
        let Some(file) = &self.location else {
            let location = base.map(|base| base.location);
            return location.ok_or_else(|| missing_setting("location"));
        };
        let layout = LocationLayout {
            name: file.name,
            city: file.city,
            region: file.region,
            country: file.country,
        };
        let parts = [layout.name, layout.city, layout.region, layout.country];
        if parts.map(u32::from).iter().sum::<u32>() == 40 {
            return Ok(layout);
        }
        let (key, cure) = ("location", "its parts are 40 characters together");
        Err(ProfileFileError::Setting { key, cure })
    }

    fn presence(&self, base: Option<&Profile>) -> Result<Cow<'static, [Rule]>, ProfileFileError> {
        let Some(rules) = &self.presence else {
            return Ok(base.map_or(Cow::Borrowed(&[]), |base| base.presence.clone()));
        };
        let rule = |rule: &RuleFile| {
            let mtis: Result<Vec<_>, _> = rule.mti.iter().map(|mti| words::mti(mti)).collect();
            let demands: Result<Vec<Demand>, _> =
                rule.demands.iter().map(|it| demand(it)).collect();
            Ok(Rule {
                mtis: Cow::Owned(mtis?),
                demands: Cow::Owned(demands?),
            })
        };
        let rules: Result<Vec<Rule>, _> = rules.iter().map(rule).collect();
        Ok(Cow::Owned(rules?))
    }
}

impl FieldFile {
    /// The field as the file says, the rest as in `base`.
    fn field(&self, number: u8, base: Option<&Field>) -> Result<Field, ProfileFileError> {
        let place = format!("field {number}");
        let word = |key: &str| format!("{place}, {key}");
        let content = match &self.content {
            Some(name) => Some(pick(&word("content"), CONTENTS, name)?),
            None => base.map(|base| base.content),
        };
        let coding = match &self.coding {
            Some(name) => Some(pick(&word("coding"), CODINGS, name)?),
            None => base.map(|base| base.coding),
        };
        let secrecy = match &self.secrecy {
            Some(name) => Some(pick(&word("secrecy"), SECRECIES, name)?),
            None => base.map(|base| base.secrecy),
        };
        let field = Field {
            content: content.ok_or_else(|| missing(number, "content"))?,
            coding: coding.ok_or_else(|| missing(number, "coding"))?,
            length: self.length(number, base.map(|base| base.length))?,
            secrecy: secrecy.ok_or_else(|| missing(number, "secrecy"))?,
        };
        match check_field(number, &field) {
            Ok(()) => Ok(field),
            Err(fault) => Err(fault.at(number)),
        }
    }

    fn length(&self, number: u8, base: Option<Length>) -> Result<Length, ProfileFileError> {
        let variable = self.min.is_some()
            || self.max.is_some()
            || self.prefix.is_some()
            || self.counts.is_some();
        match (self.fixed, variable, base) {
            (Some(_), true, _) => return Err(ProfileFileError::TwoLengths { number }),
            (Some(length), false, _) => return Ok(Length::Fixed(length)),
            (None, false, Some(base)) => return Ok(base),
            _ => {}
        }
        let (base_prefix, base_min, base_max) = match base {
            Some(Length::Variable { prefix, min, max }) => (Some(prefix), min, Some(max)),
            _ => (None, 0, None),
        };
        let mut prefix = match &self.prefix {
            Some(word) => words::prefix(number, word)?,
            None => base_prefix.ok_or_else(|| missing(number, "prefix"))?,
        };
        match &self.counts {
            Some(word) => prefix.counts = pick(&format!("field {number}, counts"), COUNTS, word)?,
            None if self.prefix.is_some() => prefix.counts = Counts::Units,
            None => {}
        }
        Ok(Length::Variable {
            prefix,
            min: self.min.unwrap_or(base_min),
            max: self
                .max
                .or(base_max)
                .ok_or_else(|| missing(number, "max"))?,
        })
    }
}

impl FieldFault {
    const fn at(self, number: u8) -> ProfileFileError {
        let fault = self;
        ProfileFileError::Field { number, fault }
    }
}

fn number_of(text: &str) -> Result<u8, ProfileFileError> {
    text.parse().map_err(|_| ProfileFileError::Word {
        place: "fields".to_owned(),
        word: text.to_owned(),
        allowed: "the numbers 2 to 128".to_owned(),
    })
}

fn setting<T: Copy>(
    key: &'static str,
    words: &[(&'static str, T)],
    given: Option<&str>,
    base: Option<T>,
) -> Result<T, ProfileFileError> {
    match given {
        Some(word) => pick(key, words, word),
        None => base.ok_or_else(|| missing_setting(key)),
    }
}

fn missing_setting(key: &'static str) -> ProfileFileError {
    let place = "the profile".to_owned();
    ProfileFileError::Missing { place, key }
}

fn missing(number: u8, key: &'static str) -> ProfileFileError {
    let place = format!("field {number}");
    ProfileFileError::Missing { place, key }
}

fn unknown_base(name: &str) -> ProfileFileError {
    let names: Vec<&str> = super::BUILT_IN
        .iter()
        .map(|profile| profile.name())
        .collect();
    ProfileFileError::Word {
        place: "based_on".to_owned(),
        word: name.to_owned(),
        allowed: names.join(", "),
    }
}
