//! A set of field numbers, 1 to 128. Bit 1 is the leftmost, as the standard counts.

#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bitmap {
    /// Fields 1 to 64, as they travel.
    primary: u64,
    /// Fields 65 to 128, as they travel.
    secondary: u64,
}

const FIRST: u64 = 1 << 63;

impl Bitmap {
    /// The two halves as they travel: fields 1 to 64, fields 65 to 128.
    pub(crate) const fn from_halves(primary: u64, secondary: u64) -> Self {
        Self { primary, secondary }
    }

    pub(crate) const fn halves(self) -> (u64, u64) {
        (self.primary, self.secondary)
    }

    #[inline]
    pub(crate) const fn has(self, number: u8) -> bool {
        let only = Self::only(number);
        self.primary & only.primary | self.secondary & only.secondary != 0
    }

    #[inline]
    #[must_use]
    pub(crate) const fn with(self, number: u8) -> Self {
        let only = Self::only(number);
        Self::from_halves(self.primary | only.primary, self.secondary | only.secondary)
    }

    #[inline]
    #[must_use]
    pub(crate) const fn without(self, number: u8) -> Self {
        let only = Self::only(number);
        Self::from_halves(
            self.primary & !only.primary,
            self.secondary & !only.secondary,
        )
    }

    /// 0 and numbers beyond 128 have no bit: they are in no bitmap.
    #[inline]
    const fn only(number: u8) -> Self {
        match number {
            1..=64 => Self::from_halves(FIRST >> (number - 1), 0),
            65..=128 => Self::from_halves(0, FIRST >> (number - 65)),
            _ => Self::from_halves(0, 0),
        }
    }
}

/// The numbers in ascending order.
impl Iterator for Bitmap {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let (half, first) = match self.primary {
            0 => (&mut self.secondary, 65),
            _ => (&mut self.primary, 1),
        };
        if *half == 0 {
            return None;
        }
        let place = half.leading_zeros();
        *half &= !(FIRST >> place);
        Some(first + place as u8)
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
