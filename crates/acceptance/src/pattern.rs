//! Regular expressions as tables: one look-up for each byte, whatever the text.

use std::fmt;

use regex_automata::Input;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use crate::budget::{Budget, Stop};
use crate::excerpt::excerpt;

/// Longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1_000;
/// Largest tables of all patterns of one set of checks together, in bytes.
pub const MAX_PATTERN_TABLE_BYTES: usize = 1 << 20;
/// Longest text of all patterns together: parsing costs time too.
const MAX_ALL_PATTERNS_BYTES: usize = 4_000;
/// Each may stand for hundreds of ranges of characters.
const MAX_UNICODE_CLASSES: usize = 8;
/// Each may stand for all of Unicode, and folding that takes 8 ms.
const MAX_FOLDED_CLASSES: usize = 16;
/// The states of all patterns together before they become tables: the time for that grows with
/// them.
const MAX_STATE_BYTES: usize = 256 << 10;
/// Scratch memory while one table is built; bounds the time too.
const MAX_SCRATCH_BYTES: usize = 256 << 10;

/// A regular expression in the syntax of the `regex` crate (no look-around, no back-references).
///
/// As JSON Schema has it, `\d`, `\w` and `\b` know ASCII only, `\s` is the white space of ECMA-262.
/// A pattern is found anywhere in a text unless anchored; `$` is the very end.
pub struct Pattern {
    source: String,
    table: Box<dense::DFA<Vec<u32>>>,
}

impl Pattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is found in `bytes`, read as UTF-8; other bytes match nothing.
    pub(crate) fn is_in(&self, bytes: &[u8], budget: &mut Budget<'_>) -> Result<bool, Stop> {
        budget.spend(4 + bytes.len())?;
        let input = Input::new(bytes).earliest(true);
        // A table gives up only on bytes that it was told to give up on; there are none.
        Ok(self.table.try_search_fwd(&input).is_ok_and(|found| found.is_some()))
    }
}

/// The table is of no use to a reader.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

/// What the patterns of one set of checks may still use up together.
pub(crate) struct PatternAllowance {
    pattern_bytes: usize,
    unicode_classes: usize,
    folded_classes: usize,
    state_bytes: usize,
    table_bytes: usize,
}

impl PatternAllowance {
    pub(crate) fn new() -> Self {
        Self {
            pattern_bytes: MAX_ALL_PATTERNS_BYTES,
            unicode_classes: MAX_UNICODE_CLASSES,
            folded_classes: MAX_FOLDED_CLASSES,
            state_bytes: MAX_STATE_BYTES,
            table_bytes: MAX_PATTERN_TABLE_BYTES,
        }
    }

    /// Compiles a pattern, or says what to change.
    pub(crate) fn compile(&mut self, source: &str) -> Result<Pattern, String> {
        if source.len() > MAX_PATTERN_BYTES {
            return Err(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes"));
        }
        take(&mut self.pattern_bytes, source.len(), || {
            format!("all patterns together have at most {MAX_ALL_PATTERNS_BYTES} bytes")
        })?;
        if ignores_case(source) {
            take(&mut self.folded_classes, source.matches('[').count(), || {
                format!("at most {MAX_FOLDED_CLASSES} classes [..] in patterns with (?i)")
            })?;
        }
        let translated = self.translate(source)?;
        let states = thompson::Compiler::new()
            .syntax(syntax::Config::new().nest_limit(50))
            .configure(
                thompson::Config::new()
                    .which_captures(thompson::WhichCaptures::None)
                    .nfa_size_limit(Some(self.state_bytes)),
            )
            .build(&translated)
            .map_err(|error| advice(error.size_limit().is_some(), &error))?;
        self.state_bytes = self.state_bytes.saturating_sub(states.memory_usage());
        let table = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .dfa_size_limit(Some(self.table_bytes))
                    .determinize_size_limit(Some(MAX_SCRATCH_BYTES)),
            )
            .build_from_nfa(&states)
            .map_err(|error| advice(error.is_size_limit_exceeded(), &error))?;
        self.table_bytes = self.table_bytes.saturating_sub(table.memory_usage());
        Ok(Pattern { source: source.to_owned(), table: Box::new(table) })
    }

    /// Gives `\d \w \s \b` the meaning of JSON Schema, which is also what keeps tables small.
    fn translate(&mut self, source: &str) -> Result<String, String> {
        let mut translated = String::with_capacity(source.len());
        let mut characters = source.chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                translated.push(character);
                continue;
            }
            match characters.next() {
                Some('d') => translated.push_str("[0-9]"),
                Some('D') => translated.push_str("[^0-9]"),
                Some('w') => translated.push_str("[0-9A-Za-z_]"),
                Some('W') => translated.push_str("[^0-9A-Za-z_]"),
                Some('s') => translated.push_str(&format!("[{SPACE}]")),
                Some('S') => translated.push_str(&format!("[^{SPACE}]")),
                Some('b') => translated.push_str(r"(?-u:\b)"),
                Some('B') => translated.push_str(r"(?-u:\B)"),
                Some(other) => {
                    if matches!(other, 'p' | 'P') {
                        take(&mut self.unicode_classes, 1, || {
                            format!("at most {MAX_UNICODE_CLASSES} classes such as \\p{{L}}")
                        })?;
                    }
                    translated.extend(['\\', other]);
                }
                None => translated.push('\\'),
            }
        }
        Ok(translated)
    }
}

/// White space and line ends of ECMA-262.
const SPACE: &str =
    r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}";

fn take(left: &mut usize, amount: usize, refusal: impl Fn() -> String) -> Result<(), String> {
    *left = left.checked_sub(amount).ok_or_else(refusal)?;
    Ok(())
}

/// Whether any group sets the flag `i`: `(?i)`, `(?si-m:…)`.
fn ignores_case(source: &str) -> bool {
    source.split("(?").skip(1).any(|group| {
        let flags = group.chars().take_while(|flag| flag.is_ascii_alphabetic() || *flag == '-');
        flags.collect::<String>().contains('i')
    })
}

fn advice(is_too_large: bool, error: &dyn std::error::Error) -> String {
    if is_too_large {
        return "the pattern needs too large a table: anchor it with ^, shorten counted \
                repetitions, or name ranges such as [A-Za-z] instead of Unicode classes"
            .to_owned();
    }
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let reason = reason.to_string();
    // Syntax errors draw the pattern over several lines; the last one says what is wrong.
    let last_line = reason.lines().last().unwrap_or_default();
    let last_line = last_line.strip_prefix("error: ").unwrap_or(last_line);
    format!("not a pattern that runs in linear time: {}", excerpt(last_line, 160))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, text: &str) -> bool {
        let pattern = PatternAllowance::new().compile(pattern).unwrap();
        pattern.is_in(text.as_bytes(), &mut Budget::unlimited()).unwrap()
    }

    #[test]
    fn finds() {
        let check = |pattern: &str, text: &str, expect: bool| {
            assert_eq!(found(pattern, text), expect, "{pattern} in {text:?}");
        };
        check("", "", true);
        check("b", "abc", true);
        check("^b", "abc", false);
        check("^abc$", "abc\n", false);
        check("(?m)^b$", "a\nb\nc", true);
        check(r"^\d{4}-\d{2}$", "2026-11", true);
        check(r"^\d$", "٣", false);
        check(r"^\D$", "٣", true);
        check(r"^[\w.-]+@[\w-]+\.\w+$", "a.b@c-d.example", true);
        check(r"^[^\W\d]+$", "ab_", true);
        check(r"^[^\W\d]+$", "ab1", false);
        check(r"^\S+$", "a\u{a0}b", false);
        check(r"\bfoo\b", "a foo b", true);
        check(r"\bfoo\b", "afoo", false);
        check(r"\Boo", "foo", true);
        check(r"^\p{Lu}\p{L}+$", "Äpfel", true);
        check("^.$", "é", true);
        check(r"^a\/b\\$", "a/b\\", true);
        check("(?i)^GRÜN$", "grün", true);
    }

    #[test]
    fn what_is_refused_and_why() {
        let check = |pattern: &str, part: &str| {
            let message = PatternAllowance::new().compile(pattern).unwrap_err();
            assert!(message.contains(part), "{pattern}: {message}");
            assert!(message.len() <= 250 && !message.contains('\n'), "{message}");
        };
        check("(", "unclosed group");
        check("(?=a)", "look-around");
        check(r"(a)\1", "backreferences");
        check("\\", "incomplete");
        check("(?:(?:a{1,30}){1,30}){1,30}", "too large");
        check(&format!("x(?s-i:a)(?mi){}", "[ab]".repeat(17)), "(?i)");
        check("(a|b)*a(a|b){100}c", "too large");
        check(&r"\pL".repeat(9), "at most 8 classes");
        check(&"a".repeat(1_001), "at most 1000 bytes");
        check(&"(".repeat(1_000), "linear");
        let mut allowance = PatternAllowance::new();
        let many = (0..5).map(|_| allowance.compile(&"a".repeat(999)).map(|_| ())).last().unwrap();
        assert!(many.unwrap_err().contains("all patterns together"));
        let mut allowance = PatternAllowance::new();
        let many = (0..5).map(|_| allowance.compile("^.{1,280}$").map(|_| ())).last().unwrap();
        assert!(many.unwrap_err().contains("too large"));
    }

    proptest! {
        #[test]
        fn no_pattern_panics(
            pattern in r"([\\()\[\]{}|*+?^$.,a-c0-9\-:iPLdDwWsSbB&~]|\{2,9\}|\(\?i:|é){0,40}",
            text in "[a-c0-9é \n]{0,40}",
        ) {
            if let Ok(pattern) = PatternAllowance::new().compile(&pattern) {
                let _ = pattern.is_in(text.as_bytes(), &mut Budget::unlimited());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let pattern = PatternAllowance::new().compile(r"^(.|\s)*\bx\pL?$").unwrap();
            let _ = pattern.is_in(&bytes, &mut Budget::unlimited());
        }
    }
}
