//! What must hold for any bytes as chip data. Used by the property tests and by a fuzz target, through
//! the public interface alone.

use iso8583::tlv::{self, Elements};

/// Walks chip data, and writes again what it found where it lies flat.
pub(crate) fn any_chip_data(bytes: &[u8]) {
    let mut elements = 0;
    let mut again = Vec::new();
    let mut flat = true;
    for element in Elements::of(bytes) {
        elements += 1;
        let Ok(element) = element else {
            flat = false;
            break;
        };
        assert!(element.depth <= tlv::DEPTH_MAX && element.value.len() <= bytes.len());
        flat &= !element.is_template();
        let mut room = vec![0; element.value.len() + 8];
        let Some(length) = tlv::write(element.tag, element.value, &mut room) else {
            // A tag with a byte of zeros in front of it is read, and not written again.
            flat = false;
            continue;
        };
        again.extend_from_slice(&room[..length]);
    }
    assert!(elements <= bytes.len());
    if flat {
        let first: Vec<_> = Elements::of(bytes)
            .flatten()
            .map(|it| (it.tag, it.value))
            .collect();
        let second: Vec<_> = Elements::of(&again)
            .flatten()
            .map(|it| (it.tag, it.value))
            .collect();
        assert_eq!(first, second, "what was read is written and read again");
    }
}
