//! The simulator's only source of chance: SplitMix64 (Steele, Lea and Flood, 2014). Small, fast,
//! the same on every machine, and no two seeds share a stream.

/// A stream of numbers that its seed determines.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `end - 1`; 0 when there is nothing to choose.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The high half of a product is uniform enough for ends far below 2^64.
        let wide = u128::from(self.next()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// From `least` to `most`, both included.
    pub(crate) fn within(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least).unwrap_or(0) + 1;
        least + i64::try_from(self.below(span)).unwrap_or(0)
    }

    /// True so often in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }

    /// One of them, each as likely as its weight says; nothing when all weigh nothing.
    pub(crate) fn weighted<T: Copy>(&mut self, items: &[(u32, T)]) -> Option<T> {
        let sum: u64 = items.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut at = self.below(sum);
        for (weight, item) in items {
            let weight = u64::from(*weight);
            if at < weight {
                return Some(*item);
            }
            at -= weight;
        }
        None
    }

    /// A stream of its own.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_reference_stream() {
        // From the reference implementation, seed 1234567.
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
        assert_eq!(rng.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn choices_stay_in_range_and_reach_all() {
        let mut rng = Rng::new(7);
        let mut seen = [0; 5];
        for _ in 0..1_000 {
            seen[rng.index(5)] += 1;
            assert!((-3..=3).contains(&rng.within(-3, 3)));
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
        assert_eq!(rng.weighted(&[(0, 'a'), (3, 'b')]), Some('b'));
        assert_eq!(rng.weighted::<char>(&[]), None);
        assert_eq!(rng.pick::<char>(&[]), None);
    }
}
