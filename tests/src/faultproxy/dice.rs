/// Seeded chance: SplitMix64. Not for secrets.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, connection: u64) -> Self {
        let mut dice = Self(seed ^ connection.wrapping_mul(0xd605_bbb5_8c8a_bbfd));
        dice.draw();
        dice
    }

    /// A number from 0 to 1, 1 excluded.
    pub(super) fn share(&mut self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from 0 to `most`, both included.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.draw() % most.saturating_add(1).max(1)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same_and_shares_are_fair() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed, 7);
            (0..1_000).map(|_| dice.share()).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        let below = rolls(3).into_iter().filter(|share| *share < 0.3).count();
        assert!((250..350).contains(&below), "{below} of 1000 below 0.3");
    }
}
