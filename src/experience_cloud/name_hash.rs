//! A quick hash for names: a large organization shows the same few hundred names a million times.

use std::hash::{BuildHasher, Hasher, RandomState};

/// An odd number without a pattern (the golden ratio), for multiplying.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes hashers for one table, from a seed that nobody can guess: names that meet in one slot cannot be prepared.
#[derive(Clone, Debug)]
pub(super) struct NameHash {
    seed: u64,
}

impl Default for NameHash {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(()) }
    }
}

impl BuildHasher for NameHash {
    type Hasher = NameHasher;

    fn build_hasher(&self) -> NameHasher {
        NameHasher { state: self.seed }
    }
}

/// Takes in eight bytes with one multiplication of 64 by 64 bits, of which both halves count.
#[derive(Debug)]
pub(super) struct NameHasher {
    state: u64,
}

impl NameHasher {
    fn take(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(FACTOR);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let low = product as u64;
        let high = (product >> 64) as u64;
        self.state = low ^ high;
    }
}

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).rotate_left(56);
        let Some(last) = bytes.last_chunk() else { return self.take(short_word(bytes) ^ length) };
        for word in bytes.as_chunks().0 {
            self.take(u64::from_le_bytes(*word));
        }
        // The last eight bytes, some of which may have been taken already: quicker than the rest by itself.
        self.take(u64::from_le_bytes(*last) ^ length);
    }

    /// Only the sign that ends each text: the length in [`Hasher::write`] tells as much.
    fn write_u8(&mut self, _: u8) {}
}

/// Fewer than eight bytes as a number.
fn short_word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_that_differ_little_are_spread_over_the_whole_range() {
        let hash = NameHash::default();
        let names: Vec<String> = (0..10_000).map(|number| format!("Campaign - acme - segment{number:04}")).collect();
        for shift in [0, 32, 57] {
            let slots = names.iter().map(|name| (hash.hash_one(name) >> shift) & 0x7F).collect::<HashSet<_>>();
            assert_eq!(slots.len(), 128, "bits from {shift} on");
        }
        assert_eq!(names.iter().map(|name| hash.hash_one(name)).collect::<HashSet<_>>().len(), names.len());
        assert_ne!(hash.hash_one("a"), hash.hash_one("a\0"));
    }
}
