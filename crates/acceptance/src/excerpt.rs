//! Showing untrusted text: short, on one line, without characters that could deceive.

/// The first `max_chars` characters. What cannot be seen, or changes how its neighbours are shown,
/// becomes U+FFFD: details are printed in terminals, logs and pages.
pub(crate) fn excerpt(text: &str, max_chars: usize) -> String {
    let mut shown: String = text.chars().take(max_chars).map(visible).collect();
    if text.chars().nth(max_chars).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

fn visible(character: char) -> char {
    let deceives = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}');
    if deceives || character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_visible() {
        let check = |text: &str, max_chars: usize, expect: &str| {
            assert_eq!(excerpt(text, max_chars), expect, "{text:?}");
        };
        check("abc", 3, "abc");
        check("abcd", 3, "ab…");
        check("äöüß", 3, "äö…");
        check("a\n\u{1b}[31m", 20, "a\u{fffd}\u{fffd}[31m");
        check("user\u{202e}txt", 20, "user\u{fffd}txt");
        check("", 0, "");
        check("a", 0, "…");
    }
}
