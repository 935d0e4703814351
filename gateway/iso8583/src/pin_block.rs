//! An encrypted PIN, as a type that cannot be printed.

use std::fmt;
use zeroize::Zeroizing;

/// The eight bytes of field 52, as a security module takes them.
///
/// `Debug` shows that there is one and nothing of it. No `Clone`, no serialization; overwritten on
/// drop. Must not outlive the decision (PCI DSS 3.3.1).
pub struct PinBlock(Zeroizing<[u8; LENGTH]>);

const LENGTH: usize = 8;

impl PinBlock {
    /// None if there are not eight bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut block = Self::room();
        if bytes.len() != LENGTH {
            return None;
        }
        block.copy_from_slice(bytes);
        Some(Self(block))
    }

    pub(crate) fn room() -> Zeroizing<[u8; LENGTH]> {
        Zeroizing::new([0; LENGTH])
    }

    /// The bytes themselves. For a security module and nothing else.
    pub fn expose_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinBlock(********)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_block_has_eight_bytes_and_is_not_printed() {
        let block = PinBlock::of(&[0x5A; 8]).unwrap();
        assert_eq!(block.expose_bytes(), &[0x5A; 8]);
        assert_eq!(format!("{block:?}"), "PinBlock(********)");
        assert!(PinBlock::of(&[0; 7]).is_none() && PinBlock::of(&[0; 9]).is_none());
    }
}
