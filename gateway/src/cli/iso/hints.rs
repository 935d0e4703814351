//! What may be wrong with bytes that cannot be read, found by trying what else they could be.

use iso8583::profile::BUILT_IN;
use iso8583::{Coding, Field, Header, Profile, Reason, decode};

use super::framing::Framing;
use super::input::{begins_as_message, from_hex};

/// The most that are given.
const HINTS_MAX: usize = 3;

/// What else the bytes were taken for.
struct Attempt<'b> {
    /// What stands in front or behind in that case, and the cure.
    words: String,
    bytes: &'b [u8],
}

/// Guesses with their cures, the best first; none if nothing fits.
pub(super) fn of(profile: &Profile, framing: Framing, frame: &[u8], reason: Reason) -> Vec<String> {
    let mut hints = Vec::new();
    for attempt in attempts(framing, frame) {
        hints.extend(reads(profile, &attempt));
    }
    hints.extend(hex(profile, frame));
    if hints.is_empty() {
        hints.extend(pads(profile, frame));
    }
    if hints.is_empty() {
        hints.extend(resembles(profile, frame, reason));
    }
    hints.truncate(HINTS_MAX);
    hints
}

/// Guesses for bytes that a framing cannot take a frame from.
pub(super) fn of_stream(profile: &Profile, stream: &[u8]) -> Vec<String> {
    if decode(profile, stream).is_ok() {
        return vec!["the length header is missing: use --framing none".to_owned()];
    }
    let takes = |framing: &Framing| {
        let taken = framing.take(stream);
        taken.is_ok_and(|(message, _)| decode(profile, message).is_ok())
    };
    let fitting = Framing::all().find(takes);
    let hint = fitting.map(|framing| {
        let word = framing.word();
        format!("another length header stands in front: use --framing {word}")
    });
    hint.into_iter().collect()
}

/// The bytes as they are, and without what commonly stands around a message.
fn attempts(framing: Framing, frame: &[u8]) -> Vec<Attempt<'_>> {
    let mut attempts = vec![Attempt {
        words: String::new(),
        bytes: frame,
    }];
    for other in Framing::all() {
        if let Ok((message, [])) = other.take(frame) {
            let (length, word) = (other.header_length(), other.word());
            let twice = if framing == Framing::NONE {
                ""
            } else {
                "another "
            };
            let words =
                format!("{twice}{length}-byte length header in front: use --framing {word}");
            let bytes = message;
            attempts.push(Attempt { words, bytes });
        }
    }
    let inner: Vec<_> = attempts.iter().filter_map(behind_header).collect();
    attempts.extend(inner);
    let line = frame.trim_ascii_end();
    if line.len() < frame.len() {
        let words = "a line end stands behind the message: leave it out".to_owned();
        attempts.push(Attempt { words, bytes: line });
    }
    attempts
}

/// Without a TPDU or an `ISO` text.
fn behind_header<'b>(outer: &Attempt<'b>) -> Option<Attempt<'b>> {
    let (name, length) = match outer.bytes {
        [0x60, ..] => ("a TPDU", 5),
        [b'I', b'S', b'O', ..] => ("an `ISO` header", 12),
        _ => return None,
    };
    let bytes = outer.bytes.get(length..)?;
    let and = if outer.words.is_empty() { "" } else { "; " };
    let words = format!(
        "{}{and}{name} of {length} bytes in front: write header = {length} into a profile file",
        outer.words
    );
    Some(Attempt { words, bytes })
}

/// Which profiles read it, the chosen one first.
fn reads(profile: &Profile, attempt: &Attempt<'_>) -> Vec<String> {
    let reads = |other: &Profile| {
        let version = |message: iso8583::Message<'_>| message.mti().version() == other.version();
        begins_as_message(attempt.bytes, other) && decode(other, attempt.bytes).is_ok_and(version)
    };
    if !attempt.words.is_empty() && reads(profile) {
        return vec![attempt.words.clone()];
    }
    let others = BUILT_IN
        .iter()
        .filter(|other| other.name() != profile.name());
    let fitting = others.filter(|other| reads(other)).map(|other| {
        let name = other.name();
        let and = if attempt.words.is_empty() { "" } else { "; " };
        format!(
            "{}{and}looks like {}: use --profile {name}",
            attempt.words,
            looks(name)
        )
    });
    fitting.collect()
}

fn looks(name: &str) -> &str {
    match name {
        "ebcdic" => "EBCDIC",
        "bcd" => "BCD",
        "base1" => "base1 (a header of 22 bytes)",
        "ascii-hex" => "ASCII with bitmap and bytes in hex",
        "ascii-binary" => "ASCII with bitmap and bytes as they are",
        other => other,
    }
}

/// Bytes that are hex digits which stand for a message.
fn hex(profile: &Profile, frame: &[u8]) -> Option<String> {
    let bytes = from_hex(frame).ok()?;
    let profiles = std::iter::once(profile).chain(BUILT_IN.iter().copied());
    let mut fitting = profiles.filter(|other| decode(other, &bytes).is_ok());
    let name = fitting
        .find(|other| begins_as_message(&bytes, other))?
        .name();
    Some(format!(
        "the bytes are hex digits of a message: give them with --hex --profile {name}"
    ))
}

/// The same profile with odd numbers of digits filled up in another way.
fn pads(profile: &Profile, frame: &[u8]) -> Option<String> {
    const PADS: [&str; 4] = ["bcd-left-0", "bcd-left-f", "bcd-right-0", "bcd-right-f"];
    let is_packed = |field: &Field| matches!(field.coding, Coding::Bcd(_));
    if !profile.fields().any(|(_, field)| is_packed(field)) {
        return None;
    }
    let text = profile.to_toml();
    let own = PADS.into_iter().find(|pad| text.contains(pad))?;
    let fits = |pad: &&str| {
        let other = Profile::from_toml(&text.replace(own, pad));
        other.is_ok_and(|other| decode(&other, frame).is_ok())
    };
    let pad = PADS.into_iter().filter(|pad| *pad != own).find(fits)?;
    Some(format!(
        "odd numbers of digits are filled up in another way: \
         write coding = \"{pad}\" for such fields into a profile file"
    ))
}

/// What the beginning looks like, where nothing reads all of it.
fn resembles(profile: &Profile, frame: &[u8], reason: Reason) -> Vec<String> {
    let mut hints = Vec::new();
    let own = begins_as_message(frame, profile);
    for framing in Framing::all() {
        let (Ok((message, rest)), false) = (framing.take(frame), own) else {
            continue;
        };
        if begins_as_message(message, profile) {
            let more = if rest.is_empty() {
                ""
            } else {
                ", with more behind it"
            };
            let word = framing.word();
            hints.push(format!(
                "a length header may stand in front{more}: try --framing {word}"
            ));
        }
    }
    let others = BUILT_IN
        .iter()
        .filter(|other| !own && other.name() != profile.name());
    let mut others = others.filter(|other| begins_as_message(frame, other));
    // BCD takes almost any two bytes for a type, so its guess counts least.
    let other = others.find(|other| other.header() == Header::None);
    hints.extend(other.map(|other| {
        let name = other.name();
        format!("begins like {}: try --profile {name}", looks(name))
    }));
    if reason == Reason::BitmapNotHex {
        hints.push("a bitmap of bytes stands where 16 hex digits should".to_owned());
    }
    if own && matches!(reason, Reason::Truncated { .. }) {
        hints.push("the end is missing, or an earlier field is shorter than it says".to_owned());
    }
    hints
}
