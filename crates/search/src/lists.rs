//! Which listings have which word: the port behind which the bulk of an index is kept.
//!
//! Words are numbers here; which ones stand for what somebody typed is known above, and is the same
//! whatever keeps the lists.

use std::borrow::Cow;

/// Numbers of slots are below this: a posting has 24 bits for them.
pub(crate) const MAX_SLOTS: u32 = 1 << 24;

/// A listing that has the word, and how much the word is worth there. One integer, because there
/// are more of these than of anything else; sorted by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting(u32);

impl Posting {
    /// `slot` must be below 2²⁴.
    #[must_use]
    pub fn new(slot: u32, impact: u8) -> Self {
        debug_assert!(slot < MAX_SLOTS, "slot numbers have 24 bits");
        Self(slot << 8 | u32::from(impact))
    }

    /// The number that stands for the listing.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 >> 8
    }

    /// What the word is worth there, of 255.
    #[must_use]
    pub fn impact(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// Keeps the lists. What was added is read at once, whatever is behind.
pub trait PostingLists: Send + Sync {
    /// A listing came that has these words, each once, each with its impact.
    fn add(&mut self, slot: u32, words: &[(u32, u8)]);

    /// The listing of this slot went; these were its words.
    fn remove(&mut self, slot: u32, words: &[u32]);

    /// The listings that have the word, by slot.
    fn read(&self, word: u32) -> Cow<'_, [Posting]>;
}

/// All lists in memory: what an index has unless it is told otherwise.
#[derive(Debug, Default)]
pub struct MemoryLists {
    lists: Vec<Vec<Posting>>,
}

impl PostingLists for MemoryLists {
    fn add(&mut self, slot: u32, words: &[(u32, u8)]) {
        for &(word, impact) in words {
            if self.lists.len() <= word as usize {
                self.lists.resize_with(word as usize + 1, Vec::new);
            }
            let list = &mut self.lists[word as usize];
            if list.len() == list.capacity() {
                // Doubling would leave a third of the memory unused; most lists hardly grow.
                list.reserve_exact((list.len() / 4).max(3));
            }
            let posting = Posting::new(slot, impact);
            let at = match list.last() {
                Some(last) if *last > posting => list.partition_point(|other| *other < posting),
                _ => list.len(),
            };
            list.insert(at, posting);
        }
    }

    fn remove(&mut self, slot: u32, words: &[u32]) {
        for &word in words {
            let Some(list) = self.lists.get_mut(word as usize) else { continue };
            let at = list.partition_point(|posting| posting.slot() < slot);
            if list.get(at).is_some_and(|posting| posting.slot() == slot) {
                list.remove(at);
            }
            if list.is_empty() {
                *list = Vec::new();
            } else if list.capacity() > 2 * list.len() + 8 {
                list.shrink_to_fit();
            }
        }
    }

    fn read(&self, word: u32) -> Cow<'_, [Posting]> {
        Cow::Borrowed(self.lists.get(word as usize).map_or(&[], Vec::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posting_keeps_both_parts() {
        for (slot, impact) in [(0, 1), (1, 255), (MAX_SLOTS - 1, 7)] {
            let posting = Posting::new(slot, impact);
            assert_eq!((posting.slot(), posting.impact()), (slot, impact));
        }
    }
}
