//! All words of the market, and for each the listings that have it.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Numbers of slots are below this: a posting has 24 bits for them.
pub(crate) const MAX_SLOTS: u32 = 1 << 24;

/// A listing that has the word, and how much the word is worth there. One integer, because there
/// are more of these than of anything else; sorted by slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Posting(u32);

impl Posting {
    /// `slot` must be below [`MAX_SLOTS`].
    pub(crate) fn new(slot: u32, impact: u8) -> Self {
        debug_assert!(slot < MAX_SLOTS, "slot numbers have 24 bits");
        Self(slot << 8 | u32::from(impact))
    }

    pub(crate) fn slot(self) -> u32 {
        self.0 >> 8
    }

    pub(crate) fn impact(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// Words in alphabetical order, so that those with one beginning are neighbours.
#[derive(Default)]
pub(crate) struct Vocabulary {
    postings: BTreeMap<Box<str>, Vec<Posting>>,
    /// The last word that the running sweep has passed; nothing at its begin.
    swept: Option<Box<str>>,
}

impl Vocabulary {
    /// How many words there are.
    pub(crate) fn len(&self) -> usize {
        self.postings.len()
    }

    /// Notes that a listing has the word. Once for each listing and word. True when nobody had it.
    pub(crate) fn add(&mut self, word: &str, posting: Posting) -> bool {
        let Some(list) = self.postings.get_mut(word) else {
            self.postings.insert(word.into(), vec![posting]);
            return true;
        };
        if list.len() == list.capacity() {
            // Doubling would leave a third of the memory unused; most lists hardly grow.
            list.reserve_exact((list.len() / 4).max(3));
        }
        let at = match list.last() {
            Some(last) if *last > posting => list.partition_point(|other| *other < posting),
            _ => list.len(),
        };
        list.insert(at, posting);
        false
    }

    /// The listings that have exactly this word.
    pub(crate) fn of_word(&self, word: &str) -> &[Posting] {
        self.postings.get(word).map_or(&[], Vec::as_slice)
    }

    /// The words with this beginning, each with its listings.
    pub(crate) fn of_beginning<'a>(
        &'a self,
        beginning: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a [Posting])> {
        self.postings
            .range::<str, _>((Bound::Included(beginning), Bound::Unbounded))
            .take_while(move |(word, _)| word.starts_with(beginning))
            .map(|(word, list)| (word.as_ref(), list.as_slice()))
    }

    /// Forgets removed listings in the next `steps` words. True when this ended a whole round.
    pub(crate) fn sweep(&mut self, steps: usize, is_listed: impl Fn(u32) -> bool) -> bool {
        let from = match &self.swept {
            Some(word) => Bound::Excluded(&**word),
            None => Bound::Unbounded,
        };
        let mut unused: Vec<Box<str>> = Vec::new();
        let mut last = None;
        let mut passed = 0;
        for (word, list) in self.postings.range_mut::<str, _>((from, Bound::Unbounded)).take(steps)
        {
            list.retain(|posting| is_listed(posting.slot()));
            if list.is_empty() {
                unused.push(word.clone());
            } else if list.capacity() > 2 * list.len() + 4 {
                list.shrink_to_fit();
            }
            last = Some(word);
            passed += 1;
        }
        let ended = passed < steps;
        let last = last.cloned();
        if ended {
            self.swept = None;
        } else if last.is_some() {
            self.swept = last;
        }
        for word in unused {
            self.postings.remove(&word);
        }
        ended
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

    #[test]
    fn postings_are_sorted_and_words_found_by_their_beginning() {
        let mut vocabulary = Vocabulary::default();
        for (word, slot) in [("data", 3), ("date", 1), ("data", 1), ("data", 2), ("dusk", 9)] {
            vocabulary.add(word, Posting::new(slot, 10));
        }
        let slots = |list: &[Posting]| list.iter().map(|p| p.slot()).collect::<Vec<_>>();
        assert_eq!(slots(vocabulary.of_word("data")), [1, 2, 3]);
        assert_eq!(slots(vocabulary.of_word("dat")), Vec::<u32>::new());
        let check = |beginning: &str, expect: &[&str]| {
            let found: Vec<_> = vocabulary.of_beginning(beginning).map(|(word, _)| word).collect();
            assert_eq!(found, expect, "{beginning}");
        };
        check("dat", &["data", "date"]);
        check("d", &["data", "date", "dusk"]);
        check("dusky", &[]);
    }

    #[test]
    fn a_sweep_forgets_step_by_step() {
        let mut vocabulary = Vocabulary::default();
        for (word, slot) in [("a", 0), ("a", 1), ("b", 1), ("c", 0), ("d", 1)] {
            vocabulary.add(word, Posting::new(slot, 10));
        }
        let listed = |slot| slot == 0;
        assert!(!vocabulary.sweep(2, listed));
        assert_eq!(vocabulary.len(), 3, "b is gone, d not yet");
        assert!(!vocabulary.sweep(2, listed));
        assert!(vocabulary.sweep(2, listed), "nothing left to pass: the round has ended");
        assert_eq!(vocabulary.len(), 2);
        assert_eq!(vocabulary.of_word("a").len(), 1);
        assert!(vocabulary.sweep(9, listed), "a round can be one step");
    }
}
