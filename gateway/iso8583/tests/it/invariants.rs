//! What must hold for any bytes as a message, also for those that a fuzzer makes up. Used by the
//! property tests and by a fuzz target, through the public interface alone.

use iso8583::profile::{BitmapCoding, MtiCoding};
use iso8583::{
    Base1, Encoder, Header, Message, MessageBuilder, Profile, decode, presence, salvage,
};

/// Does with bytes from a stranger whatever a host does, and checks that an accepted message is
/// written again byte by byte.
pub(crate) fn any_bytes(profile: &Profile, bytes: &[u8]) {
    let decoded = decode(profile, bytes);
    let salvaged = salvage(profile, bytes);
    match &decoded {
        Ok(message) => {
            let again = rebuilt(message);
            assert_eq!(again, plain(message, bytes), "it is written as it was read");
            assert_eq!(
                written(message),
                again,
                "the encoder agrees with the builder"
            );
            let salvaged = salvaged.as_ref().map(rebuilt);
            assert_eq!(salvaged, Some(again), "all of it can be salvaged");
        }
        Err(error) => {
            assert!(error.offset <= bytes.len() && !error.to_string().is_empty());
            assert_eq!(error.mti, salvaged.as_ref().map(Message::mti));
        }
    }
    for message in decoded.ok().iter().chain(&salvaged) {
        read_all(message);
    }
}

/// Asks a message for everything that it may be asked for.
fn read_all(message: &Message<'_>) {
    let _ = (
        presence::check(message),
        message.mti().response(),
        format!("{message:?}"),
    );
    let _ = (
        presence::check_by(presence::ISSUER_1987, message),
        Base1::new(message.header()),
    );
    let _ = (
        message.pan(),
        message.track2(),
        message.pin_block(),
        message.original_data(),
    );
    let _ = (
        message.replacement_amounts(),
        message.replacement_amount(),
        message.location(),
    );
    let _ = (message.processing_code(), message.entry_mode());
    if let Some(Ok(amounts)) = message.additional_amounts() {
        assert!(amounts.count() <= 1_000);
    }
    if let Some(Ok(elements)) = message.expose_chip_data(&mut [0; 1_000]) {
        assert!(elements.count() <= 1_000);
    }
    for number in message.present() {
        let value = message.expose_field(number);
        let value = value.unwrap_or_else(|| panic!("field {number} is present"));
        assert_eq!(value.to_text().len(), value.len());
        assert!(value == value.to_text().as_str() && value.to_text().is_ascii());
        assert!(value.as_str().is_none_or(|text| value == text));
        assert_eq!(
            message.place_of(number).map(|place| place.len()),
            Some(value.wire().len())
        );
    }
}

/// The message built again, field by field.
pub(crate) fn rebuilt(message: &Message<'_>) -> Vec<u8> {
    let mut builder = MessageBuilder::new(message.profile(), message.mti());
    let fields: Vec<u8> = message
        .present()
        .filter(|&number| !mac_is_misplaced(message, number))
        .collect();
    let header = builder.set_header(message.header()).map(|_| ());
    assert_eq!(header, Ok(()));
    match builder.echo(message, &fields) {
        Ok(builder) => builder.encode(),
        Err(error) => panic!("{error}"),
    }
}

/// A salvaged message may have a code in the middle, which none that is written has.
fn mac_is_misplaced(message: &Message<'_>, number: u8) -> bool {
    number == 64 && message.present().any(|other| other > 64)
}

/// The message written straight into a buffer that is just long enough.
fn written(message: &Message<'_>) -> Vec<u8> {
    let mut room = vec![0; rebuilt(message).len()];
    let encoder = Encoder::with_header(
        message.profile(),
        message.header(),
        message.mti(),
        &mut room,
    );
    let written = encoder.and_then(|mut encoder| {
        for number in message.present() {
            if let Some(value) = message.expose_field(number) {
                encoder.put_value(number, &value)?;
            }
        }
        encoder.finish()
    });
    match written {
        Ok(bytes) => bytes.to_vec(),
        Err(error) => panic!("{error}"),
    }
}

/// The one way to write accepted bytes: bitmaps in upper case, no second one if it is empty, and the
/// length in the header is right.
fn plain(message: &Message<'_>, bytes: &[u8]) -> Vec<u8> {
    let profile = message.profile();
    let mut bytes = bytes.to_vec();
    let start = message.header().len()
        + match profile.mti_coding() {
            MtiCoding::Bcd => 2,
            MtiCoding::Ascii | MtiCoding::Ebcdic => 4,
        };
    let (half, zero) = match profile.bitmap_coding() {
        BitmapCoding::Hex => (16, b'0'),
        BitmapCoding::Raw => (8, 0),
    };
    let hex = half == 16;
    let first = bytes[start];
    let nibble = if hex {
        char::from(first).to_digit(16).unwrap_or(0) as u8
    } else {
        first >> 4
    };
    let second = nibble >= 8;
    if hex {
        let length = if second { 32 } else { 16 };
        bytes[start..start + length].make_ascii_uppercase();
    }
    if second
        && bytes[start + half..start + 2 * half]
            .iter()
            .all(|&byte| byte == zero)
    {
        bytes.drain(start + half..start + 2 * half);
        bytes[start] = if hex {
            b'0' + (nibble - 8)
        } else {
            first & 0x7F
        };
    }
    if profile.header() == Header::Base1 {
        let length = (bytes.len() as u16).to_be_bytes();
        bytes[3..5].copy_from_slice(&length);
    }
    bytes
}
