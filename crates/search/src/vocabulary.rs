//! All words of the market, and for each the listings that have it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::lists::{MemoryLists, Posting, PostingLists};
use crate::typos::{Neighbours, forgiven};

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

struct Term {
    word: Arc<str>,
    /// Listings that have it.
    having: usize,
}

/// The listings that have a word which may stand for the one that was typed.
pub(crate) struct Reading<'a> {
    /// What it is worth, of [`SAME_WORD`].
    pub(crate) worth: u32,
    pub(crate) postings: Cow<'a, [Posting]>,
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
pub(crate) struct Vocabulary {
    terms: Vec<Term>,
    /// Which listings have them.
    lists: Box<dyn PostingLists>,
    free: Vec<u32>,
    by_word: BTreeMap<Arc<str>, u32>,
    neighbours: Neighbours,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self::over(Box::<MemoryLists>::default())
    }
}

impl Vocabulary {
    /// No words yet, over lists without postings.
    pub(crate) fn over(lists: Box<dyn PostingLists>) -> Self {
        Self {
            terms: Vec::new(),
            lists,
            free: Vec::new(),
            by_word: BTreeMap::new(),
            neighbours: Neighbours::default(),
        }
    }

    /// How many words there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_word.len()
    }

    /// The number of a word, which is new when nobody has it yet.
    fn term(&mut self, word: &str) -> u32 {
        if let Some(&term) = self.by_word.get(word) {
            return term;
        }
        let shared: Arc<str> = word.into();
        let new = Term { word: shared.clone(), having: 0 };
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

    /// Notes that a listing has these words, each once, each with its impact. Gives their numbers.
    pub(crate) fn add(
        &mut self,
        slot: u32,
        words: impl IntoIterator<Item = (String, u8)>,
    ) -> Box<[u32]> {
        let words: Vec<(u32, u8)> =
            words.into_iter().map(|(word, impact)| (self.term(&word), impact)).collect();
        words.iter().for_each(|&(term, _)| self.terms[term as usize].having += 1);
        self.lists.add(slot, &words);
        words.into_iter().map(|(term, _)| term).collect()
    }

    /// Notes that a listing has these words no more. A word that nobody has is forgotten.
    pub(crate) fn remove(&mut self, slot: u32, terms: &[u32]) {
        self.lists.remove(slot, terms);
        for &term in terms {
            let Some(entry) = self.terms.get_mut(term as usize) else { continue };
            entry.having = entry.having.saturating_sub(1);
            if entry.having == 0 {
                let word = std::mem::replace(&mut entry.word, Arc::from(""));
                self.by_word.remove(&word);
                self.neighbours.remove(&word, term);
                self.free.push(term);
            }
        }
    }

    pub(crate) fn word(&self, term: u32) -> &str {
        self.terms.get(term as usize).map_or("", |term| &term.word)
    }

    /// How many listings have a word.
    pub(crate) fn having(&self, term: u32) -> usize {
        self.terms.get(term as usize).map_or(0, |term| term.having)
    }

    /// The listings that have a word, by slot.
    pub(crate) fn postings(&self, term: u32) -> Cow<'_, [Posting]> {
        self.lists.read(term)
    }

    /// The listings that have exactly this word.
    #[cfg(test)]
    pub(crate) fn of_word(&self, word: &str) -> Vec<Posting> {
        self.by_word.get(word).map_or_else(Vec::new, |&term| self.postings(term).into_owned())
    }

    /// What a typed word may stand for: itself, with `begun` every word that begins with it, and
    /// words that are a slip away where one of the two is likely a misspelling of the other.
    pub(crate) fn readings(&self, word: &str, begun: bool) -> Readings<'_> {
        let mut readings = Readings::default();
        let exact = self.by_word.get(word).copied();
        let mut push = |term: u32, worth: u32| {
            let Term { word, having } = &self.terms[term as usize];
            readings.total += having;
            readings.of.push(Reading { worth, postings: self.postings(term), word });
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
                readings.total += self.having(term);
                let worth = if slips == 1 { ONE_SLIP } else { TWO_SLIPS };
                let postings = self.postings(term);
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
            let common = self.having(b).cmp(&self.having(a));
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
            let others = self.having(term);
            others >= RARER * known || known >= RARER * others
        });
        found.sort_by(|&(a, slips_a), &(b, slips_b)| {
            let common = self.having(b).cmp(&self.having(a));
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
            vocabulary.add(slot, [(word.to_owned(), 10)]);
        }
        vocabulary
    }

    fn read(vocabulary: &Vocabulary, word: &str, begun: bool) -> Vec<(String, u32)> {
        let readings = vocabulary.readings(word, begun);
        readings.of.iter().map(|reading| (reading.word.to_owned(), reading.worth)).collect()
    }

    #[test]
    fn postings_are_sorted_and_words_found_by_their_beginning() {
        let words = [("data", 3), ("date", 1), ("data", 1), ("data", 2), ("dusk", 9)];
        let vocabulary = vocabulary(&words);
        let slots = |list: &[Posting]| list.iter().map(|p| p.slot()).collect::<Vec<_>>();
        assert_eq!(slots(&vocabulary.of_word("data")), [1, 2, 3]);
        assert_eq!(slots(&vocabulary.of_word("dat")), Vec::<u32>::new());
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
        vocabulary.remove(0, &[alpha]);
        assert_eq!(vocabulary.of_word("alpha").len(), 1);
        vocabulary.remove(1, &[alpha, beta]);
        assert_eq!(vocabulary.len(), 0);
        assert!(read(&vocabulary, "alphb", true).is_empty());
        assert!([alpha, beta].contains(&vocabulary.term("gamma")), "numbers are used again");
    }
}
