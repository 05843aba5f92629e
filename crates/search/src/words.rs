//! From text to words: lower case, letters and digits of any script.

use std::iter::Peekable;
use std::str::Chars;

/// Longer words are cut here, in listings and in queries alike: what is longer is a hash or an
/// encoded blob, and must not fill the memory.
const MAX_WORD_CHARS: usize = 40;

/// The words of a text, in order.
pub(crate) struct Words<'a> {
    chars: Peekable<Chars<'a>>,
}

/// Splits at everything that is neither letter nor digit. Scripts that write without spaces give
/// one word for each ideograph, so that a query finds them anywhere in a sentence.
pub(crate) fn words(text: &str) -> Words<'_> {
    Words { chars: text.chars().peekable() }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut word = String::new();
        let mut length = 0;
        while let Some(&c) = self.chars.peek() {
            if is_ideograph(c) {
                if word.is_empty() {
                    self.chars.next();
                    word.push(c);
                }
                return Some(word);
            }
            self.chars.next();
            if is_silent(c) {
                continue;
            }
            if !c.is_alphanumeric() {
                if word.is_empty() {
                    continue;
                }
                return Some(word);
            }
            for folded in c.to_lowercase().filter(|&folded| !is_silent(folded)) {
                if length < MAX_WORD_CHARS {
                    // The sigma at the end of a Greek word is the same letter.
                    word.push(if folded == 'ς' { 'σ' } else { folded });
                    length += 1;
                }
            }
        }
        (!word.is_empty()).then_some(word)
    }
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
        check("ÄRGER straße ΣΊΣΥΦΟΣ Σίσυφος", &["ärger", "straße", "σίσυφοσ", "σίσυφοσ"]);
        check("cafe\u{301} İstanbul", &["cafe", "istanbul"]);
        check("क्या Привет", &["कया", "привет"]);
        check("数据 API分析", &["数", "据", "api", "分", "析"]);
        check("<b>bold</b>\0x", &["b", "bold", "b", "x"]);
        let long = "a".repeat(MAX_WORD_CHARS + 5);
        check(&long, &[&long[..MAX_WORD_CHARS]]);
    }
}
