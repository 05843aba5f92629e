//! Where the words of a query stand in a listing's texts.
//!
//! Places, no markup: what a seller wrote stays text, and who shows it decides how.

use std::ops::Range;

use crate::index::Index;
use crate::query::{Query, QueryWords};
use crate::words::words_at;

/// Longest excerpt, in characters.
const EXCERPT_CHARS: usize = 200;
/// Characters of an excerpt before its first marked word.
const LEAD_CHARS: usize = 40;
/// Places that are marked in one text.
const MAX_MARKS: usize = 16;

/// A piece of a text, and the marked places in it, in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// Text without control characters and without marks that turn the direction of writing, which
    /// only serve to deceive a reader here.
    pub text: String,
    /// Begin and end of each marked word, in characters of `text`.
    pub marks: Vec<Range<usize>>,
}

/// Marks the words of one query.
#[derive(Debug, Default)]
pub struct Highlighter {
    exact: Vec<String>,
    beginning: Option<String>,
}

impl Highlighter {
    /// Marks what the query finds in this index: its words in all their readings.
    #[must_use]
    pub fn new(index: &Index, query: &Query) -> Self {
        let text = query.text.as_deref().unwrap_or_default();
        let Ok(words) = QueryWords::read(text, query.matching) else { return Self::default() };
        let mut exact = Vec::new();
        for word in words.whole.iter().chain(&words.beginning) {
            let readings = index.words.readings(word, false);
            exact.extend(readings.of.iter().map(|reading| reading.word.to_owned()));
        }
        Self { exact, beginning: words.beginning }
    }

    fn marks(&self, word: &str) -> bool {
        self.beginning.as_deref().is_some_and(|beginning| word.starts_with(beginning))
            || self.exact.iter().any(|exact| exact == word)
    }

    /// The piece of the text around its first marked word; nothing where no word is marked.
    #[must_use]
    pub fn excerpt(&self, text: &str) -> Option<Excerpt> {
        let marked: Vec<Range<usize>> = words_at(text)
            .filter(|(word, _)| self.marks(word))
            .map(|(_, place)| place)
            .take(MAX_MARKS)
            .collect();
        let first = marked.first()?.start;
        let lead = text[..first].char_indices().rev().take(LEAD_CHARS).last();
        let from = match lead {
            Some((at, _)) if at > 0 => text[at..first].find(' ').map_or(at, |space| at + space + 1),
            _ => 0,
        };
        let until =
            text[from..].char_indices().nth(EXCERPT_CHARS).map_or(text.len(), |(at, _)| from + at);
        let chars = |bytes: usize| text[from..bytes].chars().count();
        let shown_places = marked.iter().filter(|place| place.end <= until);
        let marks = shown_places.map(|place| chars(place.start)..chars(place.end)).collect();
        Some(Excerpt { text: text[from..until].chars().map(shown).collect(), marks })
    }
}

/// A character as it may be shown.
fn shown(c: char) -> char {
    match c {
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn highlighter(words: &[&str], beginning: Option<&str>) -> Highlighter {
        Highlighter {
            exact: words.iter().map(|&word| word.to_owned()).collect(),
            beginning: beginning.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn words_are_marked_in_characters() {
        let check = |text: &str, expect: Option<&[Range<usize>]>| {
            let excerpt = highlighter(&["csv"], Some("uber")).excerpt(text);
            assert_eq!(excerpt.as_ref().map(|excerpt| excerpt.marks.as_slice()), expect, "{text}");
        };
        check("Cleans CSVs", Some(&[7..11]));
        check("ß Übersetzung, csv", Some(&[2..13, 15..18]));
        check("nothing here", None);
        check("", None);
    }

    #[test]
    fn an_excerpt_begins_before_its_first_mark() {
        let text = format!("{} wanted {}", "filler ".repeat(50), "more ".repeat(100));
        let excerpt = highlighter(&["wanted"], None).excerpt(&text).unwrap();
        assert_eq!(excerpt.text.chars().count(), EXCERPT_CHARS);
        let mark = excerpt.marks[0].clone();
        let shown: String = excerpt.text.chars().skip(mark.start).take(mark.len()).collect();
        assert_eq!((shown.as_str(), excerpt.marks.len()), ("wanted", 1));
        assert!(mark.start <= LEAD_CHARS && excerpt.text.starts_with("filler"));
    }

    #[test]
    fn deceiving_characters_are_not_shown() {
        let excerpt =
            highlighter(&["evil"], None).excerpt("a\u{202E}b\u{7}c evil <script>").unwrap();
        assert_eq!(excerpt.text, "a b c evil <script>", "text, and inert: no markup is added");
    }
}
