//! Searches with words: posting lists are intersected, shortest first, then filtered.

use crate::index::Index;
use crate::query::{Page, QueryWords, Sort};
use crate::score::{of_longer_word, relevance};
use crate::selection::{Plan, Selection};
use crate::vocabulary::{Posting, Vocabulary};

/// A listing that has all words looked at so far.
#[derive(Clone, Copy)]
struct Candidate {
    slot: u32,
    /// Sum of the impacts.
    impacts: u32,
}

pub(crate) fn search(index: &Index, plan: &Plan<'_>) -> Page {
    let count = plan.words.count();
    let mut selection = Selection::new(plan);
    for candidate in matches(&index.words, &plan.words, index.slots.size()) {
        // A removed listing is in the lists until the next sweep.
        let Some(slot) = index.slots.get(candidate.slot) else { continue };
        if slot.passes(plan.query) {
            let relevance = match plan.sort {
                Sort::Relevance => relevance(candidate.impacts, count, slot.reputation),
                _ => 0,
            };
            selection.offer(slot.key(plan.sort, relevance));
        }
    }
    selection.into_page()
}

/// The listings that have all words, in any order.
fn matches(vocabulary: &Vocabulary, words: &QueryWords, slots: usize) -> Vec<Candidate> {
    let mut lists: Vec<&[Posting]> =
        words.whole.iter().map(|word| vocabulary.of_word(word)).collect();
    lists.sort_by_key(|list| list.len());
    let mut lists = lists.into_iter();
    let Some(shortest) = lists.next() else {
        return match &words.beginning {
            Some(beginning) => with_beginning(vocabulary, beginning, slots),
            None => Vec::new(),
        };
    };
    let mut candidates: Vec<Candidate> = shortest
        .iter()
        .map(|posting| Candidate { slot: posting.slot(), impacts: posting.impact().into() })
        .collect();
    for list in lists {
        if candidates.is_empty() {
            break;
        }
        let mut best = vec![0; candidates.len()];
        note_common(&candidates, list, |at, impact| best[at] = impact);
        keep(&mut candidates, &best);
    }
    match &words.beginning {
        Some(beginning) if !candidates.is_empty() => {
            let mut best = vec![0; candidates.len()];
            for (word, list) in vocabulary.of_beginning(beginning) {
                note_common(&candidates, list, |at, impact| {
                    best[at] = best[at].max(begun(word, beginning, impact));
                });
            }
            keep(&mut candidates, &best);
        }
        _ => {}
    }
    candidates
}

/// The listings that have a word with this beginning; the best of their words counts.
fn with_beginning(vocabulary: &Vocabulary, beginning: &str, slots: usize) -> Vec<Candidate> {
    let mut best = vec![0u8; slots];
    let mut found = Vec::new();
    for (word, list) in vocabulary.of_beginning(beginning) {
        for posting in list {
            let best = &mut best[posting.slot() as usize];
            if *best == 0 {
                found.push(posting.slot());
            }
            *best = (*best).max(begun(word, beginning, posting.impact()));
        }
    }
    let impacts = |slot: u32| best[slot as usize].into();
    found.into_iter().map(|slot| Candidate { slot, impacts: impacts(slot) }).collect()
}

/// What a word is worth to someone who typed its beginning.
fn begun(word: &str, beginning: &str, impact: u8) -> u8 {
    if word.len() == beginning.len() { impact } else { of_longer_word(impact) }
}

/// Adds the impacts of one more word, and drops the candidates that do not have it.
fn keep(candidates: &mut Vec<Candidate>, impacts: &[u8]) {
    let mut impacts = impacts.iter();
    candidates.retain_mut(|candidate| {
        let impact = impacts.next().copied().unwrap_or(0);
        candidate.impacts += u32::from(impact);
        impact > 0
    });
}

/// Tells which candidates are in the list. Both are sorted by slot, and each leaps to where the
/// other is: the cost follows the shorter one, however long the other is.
fn note_common(candidates: &[Candidate], list: &[Posting], mut note: impl FnMut(usize, u8)) {
    let (mut c, mut p) = (0, 0);
    while let (Some(candidate), Some(posting)) = (candidates.get(c), list.get(p)) {
        let (wanted, offered) = (candidate.slot, posting.slot());
        if wanted == offered {
            note(c, posting.impact());
            c += 1;
            p += 1;
        } else if wanted < offered {
            c += leap(&candidates[c..], |candidate| candidate.slot < offered);
        } else {
            p += leap(&list[p..], |posting| posting.slot() < wanted);
        }
    }
}

/// How many entries come before the place, looking at few of them when it is near.
fn leap<T>(entries: &[T], before: impl Fn(&T) -> bool) -> usize {
    let mut step = 1;
    while entries.get(step).is_some_and(&before) {
        step *= 2;
    }
    let (from, to) = (step / 2, entries.len().min(step));
    from + entries[from..to].partition_point(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_lands_on_the_first_entry_that_is_not_before() {
        let entries: Vec<u32> = (0..100).map(|n| n * 2).collect();
        for place in 0..210 {
            for start in [0, 1, 50, 99] {
                let expect = entries[start..].iter().filter(|&&entry| entry < place).count();
                assert_eq!(leap(&entries[start..], |&entry| entry < place), expect);
            }
        }
        assert_eq!(leap(&[0u32; 0], |_| true), 0);
    }
}
