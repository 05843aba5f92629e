//! Which words are one slip of the finger away from another.
//!
//! Words are kept by their first letter and their length, each with a signature of its letters, so
//! that nearly all of them are passed over by one comparison of integers. The first letter must be
//! right, or exchanged with the second: that is how people mistype, and it bounds the work.

use std::collections::BTreeMap;

use crate::words::MAX_WORD_CHARS;

/// Slips that are forgiven in a word of so many letters. Short words have too many neighbours.
pub(crate) const fn forgiven(chars: usize) -> usize {
    match chars {
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    }
}

/// Entries that one question may look at. A market reaches it with some millions of words only.
const MAX_LOOKS: usize = 200_000;

/// All words by first letter and length.
#[derive(Default)]
pub(crate) struct Neighbours {
    by_start: BTreeMap<(char, u8), Vec<(u32, u32)>>,
}

/// One bit for each letter that is in the word: a slip changes two of them at most.
fn signature(chars: &[char]) -> u32 {
    chars.iter().fold(0, |bits, &c| bits | 1 << (u32::from(c) % 32))
}

fn length(chars: &[char]) -> u8 {
    u8::try_from(chars.len()).unwrap_or(u8::MAX)
}

impl Neighbours {
    pub(crate) fn add(&mut self, word: &str, term: u32) {
        let chars: Vec<char> = word.chars().collect();
        if let Some(&first) = chars.first() {
            let start = self.by_start.entry((first, length(&chars))).or_default();
            start.push((signature(&chars), term));
        }
    }

    pub(crate) fn remove(&mut self, word: &str, term: u32) {
        let chars: Vec<char> = word.chars().collect();
        let Some(&first) = chars.first() else { return };
        let key = (first, length(&chars));
        let Some(start) = self.by_start.get_mut(&key) else { return };
        if let Some(at) = start.iter().position(|&(_, other)| other == term) {
            start.swap_remove(at);
        }
        if start.is_empty() {
            self.by_start.remove(&key);
        }
    }

    /// The words within the forgiven number of slips, with that number; the word itself is not
    /// among them. `word_of` names a term.
    pub(crate) fn of<'a>(&self, word: &str, word_of: impl Fn(u32) -> &'a str) -> Vec<(u32, usize)> {
        let chars: Vec<char> = word.chars().collect();
        let most = forgiven(chars.len());
        let mut found = Vec::new();
        if most == 0 {
            return found;
        }
        let own = signature(&chars);
        let mut starts = vec![chars[0]];
        if chars[1] != chars[0] {
            starts.push(chars[1]);
        }
        let lengths = chars.len() - most..=(chars.len() + most).min(MAX_WORD_CHARS);
        let mut looks = 0;
        for (first, length) in starts.iter().flat_map(|&c| lengths.clone().map(move |l| (c, l))) {
            let key = (first, u8::try_from(length).unwrap_or(u8::MAX));
            let Some(start) = self.by_start.get(&key) else { continue };
            for &(signature, term) in start.iter().take(MAX_LOOKS - looks) {
                if (signature ^ own).count_ones() as usize > 2 * most {
                    continue;
                }
                let other: Vec<char> = word_of(term).chars().collect();
                // Behind another first letter only the exchange of the first two is looked for.
                if first != chars[0] && other.get(1) != Some(&chars[0]) {
                    continue;
                }
                if let Some(slips @ 1..) = slips(&chars, &other, most) {
                    found.push((term, slips));
                }
            }
            looks = (looks + start.len()).min(MAX_LOOKS);
        }
        found
    }
}

/// How many letters were left out, put in, changed, or exchanged with the next; nothing beyond
/// `most`. (Optimal string alignment.)
pub(crate) fn slips(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        let mut least = i;
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
            least = least.min(row[j]);
        }
        if least > most {
            return None;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    Some(last[b.len()]).filter(|&slips| slips <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(a: &str, b: &str, most: usize) -> Option<usize> {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        slips(&chars(a), &chars(b), most)
    }

    #[test]
    fn slips_are_counted() {
        let check = |a: &str, b: &str, expect: Option<usize>| {
            assert_eq!(count(a, b, 2), expect, "{a} {b}");
            assert_eq!(count(b, a, 2), expect, "{b} {a}");
        };
        check("analysis", "analysis", Some(0));
        check("analysis", "anlysis", Some(1));
        check("analysis", "anaylsis", Some(1));
        check("analysis", "analisys", Some(2));
        check("translate", "trnaslat", Some(2));
        check("image", "imager", Some(1));
        check("image", "garage", None);
        check("", "ab", Some(2));
        check("цена", "цены", Some(1));
    }

    #[test]
    fn neighbours_of_a_word() {
        let all =
            ["image", "imagen", "mimage", "imgae", "iamge", "miage", "garage", "images", "im"];
        let mut neighbours = Neighbours::default();
        for (term, word) in all.iter().enumerate() {
            neighbours.add(word, u32::try_from(term).unwrap());
        }
        let found = |neighbours: &Neighbours, word: &str| {
            let mut found: Vec<&str> = neighbours
                .of(word, |term| all[term as usize])
                .into_iter()
                .map(|(term, _)| all[term as usize])
                .collect();
            found.sort_unstable();
            found
        };
        assert_eq!(
            found(&neighbours, "image"),
            ["iamge", "imagen", "images", "imgae", "miage", "mimage"]
        );
        assert_eq!(found(&neighbours, "im"), [""; 0], "short words have no neighbours");
        neighbours.remove("imagen", 1);
        assert_eq!(found(&neighbours, "imagen"), ["image", "images"]);
    }
}
