//! Chance that is the same in every run.

/// A linear congruence.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [high @ .., _, _, _, _] = self.0.to_be_bytes();
        u32::from_be_bytes(high) as usize % bound.max(1)
    }

    /// True so often, of a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// Around the middle of 0 to 100: the mean of three throws.
    pub(crate) fn middling(&mut self) -> usize {
        (self.below(101) + self.below(101) + self.below(101)) / 3
    }

    /// The word with one slip of the finger, if it is long enough to be known still.
    pub(crate) fn misspell(&mut self, word: &str) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        if letters.len() < 6 || !word.is_ascii() {
            return word.to_owned();
        }
        let at = 1 + self.below(letters.len() - 2);
        match self.below(3) {
            0 => letters.swap(at, at + 1),
            1 => {
                letters.remove(at);
            }
            _ => letters.insert(at, letters[at]),
        }
        letters.into_iter().collect()
    }
}
