//! A message written as JSON: `{"mti": "0100", "2": "…", "4": "000000001000"}`.

use std::fmt;

use iso8583::{Content, EncodeError, Field, Length, MessageBuilder, Mti, Profile, Reason};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::input::from_hex;

/// Keys and values as they stand. Values may be card data: there is no `Debug`.
pub(super) struct Recipe(Vec<(String, Zeroizing<String>)>);

/// Reads all recipes of a text, one behind the other.
///
/// # Errors
/// With a sentence that names line and cure and repeats no value.
pub(super) fn read_all(text: &[u8]) -> Result<Vec<Recipe>, String> {
    let recipes = serde_json::Deserializer::from_slice(text).into_iter();
    let recipes: Result<Vec<_>, _> = recipes.collect();
    let recipes = recipes.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            Category::Eof => "the JSON ends too early",
            Category::Data => "a message is one object, and every value in it is text in quotes",
            Category::Syntax | Category::Io => "this is not JSON",
        };
        format!("line {line}, column {column}: {what}: write {EXAMPLE}")
    })?;
    if recipes.is_empty() {
        return Err(format!("there is no message: write {EXAMPLE}"));
    }
    Ok(recipes)
}

/// What a message looks like.
const EXAMPLE: &str = r#"such as {"mti": "0800", "7": "1122083400", "11": "000042", "70": "301"}"#;

impl Recipe {
    /// The message as bytes, without framing.
    ///
    /// # Errors
    /// With a sentence that names the field and the cure and repeats no value.
    pub(super) fn encode(&self, profile: &Profile) -> Result<Zeroizing<Vec<u8>>, String> {
        let mti = self.get("mti").ok_or_else(|| {
            "`mti` is missing: write the message type, such as \"mti\": \"0100\"".to_owned()
        })?;
        let mti = Mti::parse(mti).map_err(|error| format!("`mti`: {error}"))?;
        if mti.version() != profile.version() {
            let (name, version) = (profile.name(), profile.version());
            return Err(format!(
                "`mti`: profile {name} is for types that begin with {version}: \
                 begin with that, or choose another --profile"
            ));
        }
        let mut builder = MessageBuilder::new(profile, mti);
        if let Some(header) = self.get("header") {
            let header = from_hex(header.as_bytes());
            let header = header.map_err(|_| "`header`: write it in pairs of hex digits")?;
            let set = builder.set_header(&header);
            set.map_err(|error| format!("`header`: {}", error.reason))?;
        }
        let mut seen = [false; 129];
        for (place, (key, value)) in self.0.iter().enumerate() {
            if matches!(key.as_str(), "mti" | "header") {
                continue;
            }
            let number = number(key, place)?;
            if let Some(seen) = seen.get_mut(usize::from(number))
                && std::mem::replace(seen, true)
            {
                return Err(format!("field {number} is there twice: write it once"));
            }
            let set = builder.set(number, value);
            set.map_err(|error| explained(profile, error))?;
        }
        let mut bytes = Zeroizing::new(vec![0; builder.length_max()]);
        let length = builder.encode_to(&mut bytes).map(<[u8]>::len);
        bytes.truncate(length.map_err(|error| error.to_string())?);
        Ok(bytes)
    }

    fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

/// The field that a key names. A key that names none is only repeated where it is short.
fn number(key: &str, place: usize) -> Result<u8, String> {
    let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    let number = key.parse().ok().filter(|_| digits);
    let number = number.filter(|number| (2..=128).contains(number) && *number != 65);
    number.ok_or_else(|| {
        let key = match key.len() {
            0..=8 => format!("`{}`", key.escape_debug()),
            _ => format!("key {}", place + 1),
        };
        format!("{key} is no field: write \"mti\", \"header\" or a number from 2 to 128")
    })
}

/// The error with what to write instead.
fn explained(profile: &Profile, error: EncodeError) -> String {
    let field = error.field.and_then(|number| profile.field(number));
    let cure = match (field, error.reason) {
        (Some(field), Reason::LengthOutOfBounds { length, .. }) => pad_cure(field, length),
        (_, Reason::Content(Content::Numeric)) => ": without points, spaces and signs",
        _ => "",
    };
    format!("{error}{cure}")
}

/// How a field of fixed length that is too short is filled up.
fn pad_cure(field: &Field, length: usize) -> &'static str {
    match (field.length, field.content) {
        (Length::Fixed(fixed), _) if length > fixed.into() => "",
        (Length::Fixed(_), Content::Numeric) => ": fill it up with zeros on the left",
        (Length::Fixed(_), Content::Text | Content::AlphaNumericSpace) => {
            ": fill it up with spaces on the right"
        }
        _ => "",
    }
}

impl<'de> Deserialize<'de> for Recipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

/// Keeps keys that come twice, which a map would not.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Recipe;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Recipe, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Recipe(entries))
    }
}
