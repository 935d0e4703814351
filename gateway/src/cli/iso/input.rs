//! Bytes from a file or from stdin, as they are or written in hex.

use std::io::Read;
use std::path::Path;

use iso8583::Profile;
use zeroize::Zeroizing;

use super::framing::Framing;
use super::mask;

/// The most that is read, in bytes: some ten thousand messages.
const INPUT_MAX: usize = 16 * 1024 * 1024;

/// How bytes are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In whichever way they can be read as messages.
    Either,
    /// As pairs of hex digits; spaces and line ends between them do not count.
    Hex,
    /// As they are.
    Raw,
}

/// All of a file, or of `stdin` where none is named or it is `-`.
///
/// # Errors
/// With a sentence that names file and cause.
pub(super) fn read(
    path: Option<&Path>,
    stdin: &mut dyn Read,
) -> Result<Zeroizing<Vec<u8>>, String> {
    match path.filter(|path| *path != Path::new("-")) {
        None => read_all(stdin).map_err(|error| format!("stdin cannot be read: {error}")),
        Some(path) => {
            let file = std::fs::File::open(path);
            file.and_then(|mut file| read_all(&mut file))
                .map_err(|error| {
                    let path = mask::typed(&path.display().to_string());
                    format!("{path} cannot be read: {error}")
                })
        }
    }
}

/// Without leaving copies behind, as a vector that grows would.
fn read_all(from: &mut dyn Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut all = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let mut room = Zeroizing::new([0; 16 * 1024]);
    loop {
        let count = match from.read(&mut *room) {
            Ok(0) => return Ok(all),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if all.len() + count > INPUT_MAX {
            let text = "there are more than 16 MiB: give fewer messages at once";
            return Err(std::io::Error::other(text));
        }
        if all.capacity() - all.len() < count {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * all.capacity()));
            larger.extend_from_slice(&all);
            all = larger;
        }
        all.extend_from_slice(room.get(..count).unwrap_or_default());
    }
}

/// The bytes that the input stands for.
///
/// # Errors
/// If it is said to be hex and is not.
pub(super) fn bytes(
    input: Zeroizing<Vec<u8>>,
    form: Form,
    framing: Framing,
    profile: &Profile,
) -> Result<Zeroizing<Vec<u8>>, String> {
    match form {
        Form::Raw => Ok(input),
        Form::Hex => from_hex(&input),
        Form::Either => Ok(whichever_reads(input, framing, profile)),
    }
}

/// A message of ASCII can consist of hex digits alone, so only reading tells.
fn whichever_reads(
    input: Zeroizing<Vec<u8>>,
    framing: Framing,
    profile: &Profile,
) -> Zeroizing<Vec<u8>> {
    let reads = |bytes: &[u8]| {
        let first = framing.take(bytes).ok().map(|(message, _)| message);
        first.is_some_and(|message| iso8583::decode(profile, message).is_ok())
    };
    if reads(&input) {
        return input;
    }
    // What `echo` puts behind a message.
    let line = input.trim_ascii_end();
    if line.len() < input.len() && reads(line) {
        return Zeroizing::new(line.to_vec());
    }
    match from_hex(&input) {
        Ok(bytes) if !begins_as_message(line, profile) || reads(&bytes) => bytes,
        _ => input,
    }
}

/// Whether at least a message type that there is stands where it should.
pub(super) fn begins_as_message(bytes: &[u8], profile: &Profile) -> bool {
    iso8583::salvage(profile, bytes).is_some_and(|message| {
        let mti = message.mti();
        mti.version() <= 2
            && mti.class() != iso8583::Class::Reserved
            && mti.function() != iso8583::Function::Reserved
            && mti.origin() != iso8583::Origin::Reserved
    })
}

/// Pairs of hex digits to bytes.
///
/// # Errors
/// If there is anything else than hex digits and white space, half a pair, or nothing.
pub(super) fn from_hex(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let mut half = None;
    for (at, character) in text.iter().enumerate() {
        if character.is_ascii_whitespace() {
            continue;
        }
        let digit = char::from(*character).to_digit(16);
        let digit = digit.and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or_else(|| {
            format!("byte {at} of the input is no hex digit: give hex digits only, or use --raw")
        })?;
        half = match half {
            None => Some(digit),
            Some(high) => {
                bytes.push(high << 4 | digit);
                None
            }
        };
    }
    match half {
        Some(_) => Err("an odd number of hex digits: one is missing or too many".to_owned()),
        None if bytes.is_empty() => Err("there are no hex digits: give a message".to_owned()),
        None => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::profile::{ASCII_HEX, BCD};

    const ECHO: &str = "0800822000000000000004000000000000001122083400000042301";
    const ECHO_BCD: &str = "0800 8220000000000000 0400000000000000 1122083400 000042 0301\n";

    fn either(text: &str, profile: &Profile) -> Vec<u8> {
        let input = Zeroizing::new(text.as_bytes().to_vec());
        bytes(input, Form::Either, Framing::NONE, profile)
            .unwrap()
            .to_vec()
    }

    #[test]
    fn hex_and_bytes_are_told_apart_by_reading_them() {
        let hex: String = ECHO.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(either(ECHO, &ASCII_HEX), ECHO.as_bytes());
        assert_eq!(either(&format!("{ECHO}\n"), &ASCII_HEX), ECHO.as_bytes());
        assert_eq!(either(&hex, &ASCII_HEX), ECHO.as_bytes());
        assert_eq!(either(ECHO_BCD, &BCD).len(), 28);
        // Cut short: still a message of ASCII that is shown where it ends.
        let cut = ECHO.get(..40).unwrap();
        assert_eq!(either(cut, &ASCII_HEX), cut.as_bytes());
    }

    #[test]
    fn what_is_not_hex_is_refused_without_being_repeated() {
        for (text, words) in [
            ("0800x", "byte 4"),
            ("080", "odd number"),
            (" \n", "no hex digits"),
        ] {
            let refused = from_hex(text.as_bytes()).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        assert_eq!(*from_hex(b"08 0\n0fF").unwrap(), [8, 0, 0xFF]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named_and_a_pasted_message_is_not_repeated() {
        let refused = |path: &str| read(Some(Path::new(path)), &mut &b""[..]).unwrap_err();
        assert!(refused("no/such").starts_with("no/such cannot be read"));
        let pasted = "0100400000000000000016411111111111111";
        assert!(!refused(pasted).contains("4111"));
        assert_eq!(*read(Some(Path::new("-")), &mut &b"x"[..]).unwrap(), b"x");
    }
}
