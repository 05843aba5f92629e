//! From text to words: lower case, letters and digits of any script, accents and plurals folded.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use crate::folding::{fold, stem};

/// Longer words are cut here, in listings and in queries alike: what is longer is a hash or an
/// encoded blob, and must not fill the memory.
pub(crate) const MAX_WORD_CHARS: usize = 40;

/// The words of a text, in order, each with its place in bytes.
pub(crate) struct Words<'a> {
    chars: Peekable<CharIndices<'a>>,
}

/// Splits at everything that is neither letter nor digit. Scripts that write without spaces give
/// one word for each ideograph, so that a query finds them anywhere in a sentence.
pub(crate) fn words_at(text: &str) -> Words<'_> {
    Words { chars: text.char_indices().peekable() }
}

/// The words of a text, in order, in the form in which they are compared.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    words_at(text).map(|(word, _)| word)
}

impl Iterator for Words<'_> {
    type Item = (String, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut word = String::new();
        let mut place = 0..0;
        let mut length = 0;
        while let Some(&(at, c)) = self.chars.peek() {
            if is_ideograph(c) {
                if word.is_empty() {
                    self.chars.next();
                    word.push(c);
                    place = at..at + c.len_utf8();
                }
                return Some((finished(word), place));
            }
            self.chars.next();
            if is_silent(c) {
                continue;
            }
            if !c.is_alphanumeric() {
                if word.is_empty() {
                    continue;
                }
                return Some((finished(word), place));
            }
            if word.is_empty() {
                place.start = at;
            }
            place.end = at + c.len_utf8();
            for lower in c.to_lowercase().filter(|&lower| !is_silent(lower)) {
                fold(lower, |folded| {
                    if length < MAX_WORD_CHARS {
                        word.push(folded);
                        length += 1;
                    }
                });
            }
        }
        (!word.is_empty()).then(|| (finished(word), place))
    }
}

fn finished(mut word: String) -> String {
    stem(&mut word);
    word
}

/// Han, Hiragana and Katakana.
fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Marks that belong to the letter before them and must not split a word: accents written apart,
/// points, viramas, tone marks, joiners. They are dropped, in listings and in queries alike.
fn is_silent(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5BD}'
        | '\u{5BF}' | '\u{5C1}'..='\u{5C2}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{93C}'
        | '\u{94D}' | '\u{9BC}' | '\u{9CD}' | '\u{A3C}' | '\u{A4D}' | '\u{ABC}' | '\u{ACD}'
        | '\u{B3C}' | '\u{B4D}' | '\u{BCD}' | '\u{C4D}' | '\u{CBC}' | '\u{CCD}' | '\u{D4D}'
        | '\u{DCA}' | '\u{E47}'..='\u{E4E}' | '\u{EC8}'..='\u{ECD}' | '\u{1039}' | '\u{103A}'
        | '\u{17D2}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{3099}' | '\u{309A}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_their_words() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(words(text).collect::<Vec<_>>(), expect, "{text:?}");
        };
        check("", &[]);
        check(" \t!? -- ★ 🚀", &[]);
        check("CSV Analysis, fast!", &["csv", "analysis", "fast"]);
        check("data_processing/node.js v2", &["data", "processing", "node", "js", "v2"]);
        check("ÄRGER straße ΣΊΣΥΦΟΣ Σίσυφος", &["arger", "strasse", "σισυφοσ", "σισυφοσ"]);
        check("cafe\u{301} café İstanbul", &["cafe", "cafe", "istanbul"]);
        check("क्या Привет", &["कया", "привет"]);
        check("数据 API分析", &["数", "据", "api", "分", "析"]);
        check("<b>bold</b>\0x", &["b", "bold", "b", "x"]);
        check("Files queries boxes bus class", &["file", "query", "boxe", "bus", "class"]);
        let long = "a".repeat(MAX_WORD_CHARS + 5);
        check(&long, &[&long[..MAX_WORD_CHARS]]);
    }

    #[test]
    fn each_word_knows_its_place() {
        let text = "Über 数据, cafe\u{301}s!";
        let places: Vec<&str> = words_at(text).map(|(_, place)| &text[place]).collect();
        assert_eq!(places, ["Über", "数", "据", "cafe\u{301}s"]);
    }
}
