//! A set of field numbers, 1 to 128. Bit 1 is the leftmost, as the standard counts.

#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bitmap(u128);

impl Bitmap {
    /// The two halves as they travel: fields 1 to 64, fields 65 to 128.
    pub(crate) const fn from_halves(primary: u64, secondary: u64) -> Self {
        Self((primary as u128) << 64 | secondary as u128)
    }

    pub(crate) const fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    pub(crate) const fn has(self, number: u8) -> bool {
        self.0 & Self::bit(number) != 0
    }

    #[must_use]
    pub(crate) const fn with(self, number: u8) -> Self {
        Self(self.0 | Self::bit(number))
    }

    #[must_use]
    pub(crate) const fn without(self, number: u8) -> Self {
        Self(self.0 & !Self::bit(number))
    }

    /// 0 and numbers beyond 128 have no bit: they are in no bitmap.
    const fn bit(number: u8) -> u128 {
        match number {
            1..=128 => 1 << (128 - number as u32),
            _ => 0,
        }
    }
}

/// The numbers in ascending order.
impl Iterator for Bitmap {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let number = u8::try_from(self.0.leading_zeros() + 1)
            .ok()
            .filter(|&n| n <= 128)?;
        *self = self.without(number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_in_ascending_order() {
        let bitmap = [128, 2, 65, 64, 1]
            .into_iter()
            .fold(Bitmap::default(), Bitmap::with);
        assert_eq!(
            bitmap.halves(),
            (0xC000_0000_0000_0001, 0x8000_0000_0000_0001)
        );
        assert!(bitmap.collect::<Vec<_>>() == [1, 2, 64, 65, 128]);
        assert!(!bitmap.has(0) && !bitmap.has(129) && bitmap.has(64) && !bitmap.has(3));
        assert!(bitmap.with(0).with(200) == bitmap && bitmap.without(0) == bitmap);
    }
}
