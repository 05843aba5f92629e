//! All words of the market, and for each the listings that have it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::typos::{Neighbours, forgiven};

/// Numbers of slots are below this: a posting has 24 bits for them.
pub(crate) const MAX_SLOTS: u32 = 1 << 24;
/// Words that one beginning stands for: those that most listings have.
const MAX_BEGUN: usize = 512;
/// Words that are looked at to find them.
const MAX_BEGUN_LOOKS: usize = 50_000;
/// Misspellings that one word stands for: the nearest, and of these those that most listings have.
const MAX_MISSPELT: usize = 16;
/// Of two words that are a slip apart, one is taken for a misspelling of the other only where the
/// other has so many times its listings: `cart` and `card` are both words.
const RARER: usize = 8;

/// What a word is worth to someone who typed another, of 256.
pub(crate) const SAME_WORD: u32 = 256;
const LONGER_WORD: u32 = 128;
const ONE_SLIP: u32 = 160;
const TWO_SLIPS: u32 = 96;

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

struct Term {
    word: Arc<str>,
    postings: Vec<Posting>,
}

/// The listings that have a word which may stand for the one that was typed.
pub(crate) struct Reading<'a> {
    /// What it is worth, of [`SAME_WORD`].
    pub(crate) worth: u32,
    pub(crate) postings: &'a [Posting],
    pub(crate) word: &'a str,
}

impl Reading<'_> {
    /// What the posting is worth to someone who typed another word.
    pub(crate) fn impact(&self, posting: Posting) -> u8 {
        let impact = u32::from(posting.impact()) * self.worth / SAME_WORD;
        u8::try_from(impact).unwrap_or(u8::MAX).max(1)
    }
}

/// All readings of a word that was typed.
#[derive(Default)]
pub(crate) struct Readings<'a> {
    pub(crate) of: Vec<Reading<'a>>,
    /// Postings in all of them.
    pub(crate) total: usize,
}

/// Words in alphabetical order, so that those with one beginning are neighbours. A word is here
/// exactly as long as a listing has it, so what counts as a misspelling follows from what is listed
/// now.
#[derive(Default)]
pub(crate) struct Vocabulary {
    terms: Vec<Term>,
    free: Vec<u32>,
    by_word: BTreeMap<Arc<str>, u32>,
    neighbours: Neighbours,
}

impl Vocabulary {
    /// How many words there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_word.len()
    }

    /// The number of a word, which is new when nobody has it yet.
    pub(crate) fn term(&mut self, word: &str) -> u32 {
        if let Some(&term) = self.by_word.get(word) {
            return term;
        }
        let shared: Arc<str> = word.into();
        let new = Term { word: shared.clone(), postings: Vec::new() };
        let term = match self.free.pop() {
            Some(term) => {
                self.terms[term as usize] = new;
                term
            }
            None => {
                self.terms.push(new);
                u32::try_from(self.terms.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_word.insert(shared, term);
        self.neighbours.add(word, term);
        term
    }

    /// Notes that a listing has the word. Once for each listing and word.
    pub(crate) fn add(&mut self, term: u32, posting: Posting) {
        let list = &mut self.terms[term as usize].postings;
        if list.len() == list.capacity() {
            // Doubling would leave a third of the memory unused; most lists hardly grow.
            list.reserve_exact((list.len() / 4).max(3));
        }
        let at = match list.last() {
            Some(last) if *last > posting => list.partition_point(|other| *other < posting),
            _ => list.len(),
        };
        list.insert(at, posting);
    }

    /// Notes that a listing has the word no more. A word that nobody has is forgotten.
    pub(crate) fn remove(&mut self, term: u32, slot: u32) {
        let Some(entry) = self.terms.get_mut(term as usize) else { return };
        let list = &mut entry.postings;
        let at = list.partition_point(|posting| posting.slot() < slot);
        if list.get(at).is_some_and(|posting| posting.slot() == slot) {
            list.remove(at);
        }
        if list.is_empty() {
            let word = std::mem::replace(&mut entry.word, Arc::from(""));
            entry.postings = Vec::new();
            self.by_word.remove(&word);
            self.neighbours.remove(&word, term);
            self.free.push(term);
        } else if list.capacity() > 2 * list.len() + 8 {
            list.shrink_to_fit();
        }
    }

    pub(crate) fn word(&self, term: u32) -> &str {
        self.terms.get(term as usize).map_or("", |term| &term.word)
    }

    pub(crate) fn postings(&self, term: u32) -> &[Posting] {
        self.terms.get(term as usize).map_or(&[], |term| &term.postings)
    }

    /// The listings that have exactly this word.
    #[cfg(test)]
    pub(crate) fn of_word(&self, word: &str) -> &[Posting] {
        self.by_word.get(word).map_or(&[], |&term| self.postings(term))
    }

    /// What a typed word may stand for: itself, with `begun` every word that begins with it, and
    /// words that are a slip away where one of the two is likely a misspelling of the other.
    pub(crate) fn readings(&self, word: &str, begun: bool) -> Readings<'_> {
        let mut readings = Readings::default();
        let exact = self.by_word.get(word).copied();
        let mut push = |term: u32, worth: u32| {
            let Term { word, postings } = &self.terms[term as usize];
            readings.total += postings.len();
            readings.of.push(Reading { worth, postings, word });
        };
        if let Some(term) = exact {
            push(term, SAME_WORD);
        }
        if begun {
            for term in self.begun_with(word) {
                push(term, LONGER_WORD);
            }
        }
        let known = readings.total;
        for (term, slips) in self.misspelt(word, known) {
            let taken = begun && self.word(term).starts_with(word);
            if !taken {
                let postings = self.postings(term);
                readings.total += postings.len();
                let worth = if slips == 1 { ONE_SLIP } else { TWO_SLIPS };
                readings.of.push(Reading { worth, postings, word: self.word(term) });
            }
        }
        readings
    }

    /// Longer words with this beginning.
    fn begun_with(&self, beginning: &str) -> Vec<u32> {
        let from = (Bound::Excluded(beginning), Bound::Unbounded);
        let mut terms: Vec<u32> = self
            .by_word
            .range::<str, _>(from)
            .take_while(|(word, _)| word.starts_with(beginning))
            .take(MAX_BEGUN_LOOKS)
            .map(|(_, &term)| term)
            .collect();
        if terms.len() > MAX_BEGUN {
            self.keep_common(&mut terms, MAX_BEGUN);
        }
        terms
    }

    fn keep_common(&self, terms: &mut Vec<u32>, most: usize) {
        terms.sort_by(|&a, &b| {
            let common = self.postings(b).len().cmp(&self.postings(a).len());
            common.then_with(|| self.word(a).cmp(self.word(b)))
        });
        terms.truncate(most);
    }

    fn misspelt(&self, word: &str, known: usize) -> Vec<(u32, usize)> {
        if forgiven(word.chars().count()) == 0 {
            return Vec::new();
        }
        let mut found = self.neighbours.of(word, |term| self.word(term));
        found.retain(|&(term, _)| {
            let others = self.postings(term).len();
            others >= RARER * known || known >= RARER * others
        });
        found.sort_by(|&(a, slips_a), &(b, slips_b)| {
            let common = self.postings(b).len().cmp(&self.postings(a).len());
            slips_a.cmp(&slips_b).then(common).then_with(|| self.word(a).cmp(self.word(b)))
        });
        found.truncate(MAX_MISSPELT);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(words: &[(&str, u32)]) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for &(word, slot) in words {
            let term = vocabulary.term(word);
            vocabulary.add(term, Posting::new(slot, 10));
        }
        vocabulary
    }

    fn read(vocabulary: &Vocabulary, word: &str, begun: bool) -> Vec<(String, u32)> {
        let readings = vocabulary.readings(word, begun);
        readings.of.iter().map(|reading| (reading.word.to_owned(), reading.worth)).collect()
    }

    #[test]
    fn a_posting_keeps_both_parts() {
        for (slot, impact) in [(0, 1), (1, 255), (MAX_SLOTS - 1, 7)] {
            let posting = Posting::new(slot, impact);
            assert_eq!((posting.slot(), posting.impact()), (slot, impact));
        }
    }

    #[test]
    fn postings_are_sorted_and_words_found_by_their_beginning() {
        let words = [("data", 3), ("date", 1), ("data", 1), ("data", 2), ("dusk", 9)];
        let vocabulary = vocabulary(&words);
        let slots = |list: &[Posting]| list.iter().map(|p| p.slot()).collect::<Vec<_>>();
        assert_eq!(slots(vocabulary.of_word("data")), [1, 2, 3]);
        assert_eq!(slots(vocabulary.of_word("dat")), Vec::<u32>::new());
        let check = |beginning: &str, expect: &[&str]| {
            let found = read(&vocabulary, beginning, true);
            let found: Vec<&str> = found.iter().map(|(word, _)| word.as_str()).collect();
            assert_eq!(found, expect, "{beginning}");
        };
        check("dat", &["data", "date"]);
        check("d", &["data", "date", "dusk"]);
        check("data", &["data"]);
        check("dusky", &["dusk"]);
        check("musk", &[]);
    }

    #[test]
    fn a_rare_word_near_a_common_one_is_its_misspelling_and_two_common_ones_are_not() {
        let mut words: Vec<(&str, u32)> = (0..16).map(|slot| ("table", slot)).collect();
        words.extend((0..9).map(|slot| ("cable", slot)));
        words.extend([("tabel", 20), ("tablet", 1), ("tablet", 2), ("tablet", 3)]);
        let vocabulary = vocabulary(&words);
        let same = |word: &str| (word.to_owned(), SAME_WORD);
        let slip = |word: &str| (word.to_owned(), ONE_SLIP);
        assert_eq!(read(&vocabulary, "table", false), [same("table"), slip("tabel")]);
        assert_eq!(read(&vocabulary, "tabel", false), [same("tabel"), slip("table")]);
        assert_eq!(read(&vocabulary, "tablr", false), [slip("table")]);
        assert_eq!(read(&vocabulary, "cable", false), [same("cable")]);
    }

    #[test]
    fn words_that_nobody_has_are_forgotten() {
        let mut vocabulary = vocabulary(&[("alpha", 0), ("alpha", 1), ("beta", 1)]);
        let (alpha, beta) = (vocabulary.term("alpha"), vocabulary.term("beta"));
        vocabulary.remove(alpha, 0);
        assert_eq!(vocabulary.of_word("alpha").len(), 1);
        vocabulary.remove(alpha, 1);
        vocabulary.remove(beta, 1);
        assert_eq!(vocabulary.len(), 0);
        assert!(read(&vocabulary, "alphb", true).is_empty());
        assert!([alpha, beta].contains(&vocabulary.term("gamma")), "numbers are used again");
    }
}
