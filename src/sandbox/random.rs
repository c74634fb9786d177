//! Reproducible numbers: the same seed gives the same world and the same disorder.

/// `SplitMix64`, seeded.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below the limit; 0 when that is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}

/// Puts the rows in an order that follows from the seed alone.
pub(super) fn shuffle<T>(rows: &mut [T], seed: u64) {
    let mut numbers = Numbers::from_seed(seed);
    for last in (1..rows.len()).rev() {
        rows.swap(last, numbers.below(last + 1));
    }
}
