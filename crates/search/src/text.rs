//! Searches with words.
//!
//! A listing must have every word, in one of its readings: the shortest lists give the candidates,
//! the others are leapt through. Where no listing has all of the words, or somebody states a need
//! in a sentence, the rarest words give the candidates, and the rest only adds to their scores.

use crate::index::Index;
use crate::lists::Posting;
use crate::page::Page;
use crate::peers::Peers;
use crate::query::{MAX_QUERY_WORDS, Matching, QueryWords, Sort};
use crate::score::{FULL, FULL_IMPACT, rarity};
use crate::selection::{Entry, Plan, Selection};
use crate::vocabulary::{Readings, Vocabulary};

/// Postings from which the candidates of one question may be taken. Some forty million bytes: a
/// question that finds more in the market is answered from a part of it.
const MAX_POSTINGS: usize = 4_000_000;
/// The same where a listing needs only some of the words: common words bring no candidates then.
const MAX_PARTIAL_POSTINGS: usize = 300_000;
/// From here on candidates are put together in a table of all slots instead of being sorted.
const DENSE: usize = 4_096;

/// A listing that has some word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) slot: u32,
    /// Sum of the impacts, each times the weight of its word.
    pub(crate) impacts: u64,
}

/// A word in its readings, and how much it weighs.
pub(crate) struct Asked<'a> {
    pub(crate) readings: Readings<'a>,
    pub(crate) weight: u32,
}

/// Candidates, and the weight that a listing would have where every word fits fully.
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) full: u64,
}

pub(crate) fn search(index: &Index, plan: &mut Plan<'_>) -> Page {
    let words = std::mem::take(&mut plan.words);
    let peers = Peers::of(index, plan.query.service_type);
    let asked = asked(&index.words, &words, index.len());
    let some = plan.query.matching == Matching::Any || plan.kept.is_partial;
    plan.words = words;
    if !some {
        let found = with_all(&asked, index.slots.size());
        let page = select(index, plan, &found, &peers);
        let relaxes = plan.query.sort == Sort::Relevance && asked.len() > 1;
        if page.total > 0 || plan.after.is_some() || !relaxes {
            return page;
        }
        plan.kept.is_partial = true;
    }
    let found = with_some(asked, index.slots.size());
    let page = select(index, plan, &found, &peers);
    Page { is_partial: plan.kept.is_partial && page.total > 0, ..page }
}

fn select(index: &Index, plan: &Plan<'_>, found: &Found, peers: &Peers) -> Page {
    let mut selection = Selection::new(index, plan);
    for candidate in &found.candidates {
        let Some(slot) = index.slots.get(candidate.slot) else { continue };
        if !slot.passes(plan.query, plan.seller) {
            continue;
        }
        let text = share(candidate.impacts, found.full);
        let score = match plan.query.sort {
            Sort::Relevance => index.score(slot, text, plan.kept.today, Some(peers)).total,
            _ => 0,
        };
        let key = slot.key(plan.query.sort, score.into());
        selection.offer(Entry { key, number: candidate.slot, text }, slot);
    }
    selection.into_page(Some(peers))
}

/// What the impacts come to, of all that they could.
pub(crate) fn share(impacts: u64, full: u64) -> u32 {
    u32::try_from(impacts * u64::from(FULL) / full.max(1)).unwrap_or(FULL)
}

/// The words with their readings. Rare words weigh more: of a sentence they say what it is about.
fn asked<'a>(vocabulary: &'a Vocabulary, words: &QueryWords, listings: usize) -> Vec<Asked<'a>> {
    let whole = words.whole.iter().map(|word| (word, false));
    let all = whole.chain(words.beginning.iter().map(|word| (word, true)));
    all.map(|(word, begun)| {
        let readings = vocabulary.readings(word, begun);
        let weight = rarity(listings, readings.total);
        Asked { readings, weight }
    })
    .collect()
}

/// The listings that have all words, by slot.
fn with_all(asked: &[Asked<'_>], slots: usize) -> Found {
    let mut order: Vec<&Asked<'_>> = asked.iter().collect();
    order.sort_by_key(|asked| asked.readings.total);
    let full = asked.iter().map(|asked| full_weight(asked.weight)).sum();
    let mut order = order.into_iter();
    let Some(first) = order.next() else { return Found { candidates: Vec::new(), full } };
    let mut candidates = candidates_of(first, slots, MAX_POSTINGS);
    for asked in order {
        if candidates.is_empty() {
            break;
        }
        let best = best_impacts(&candidates, &asked.readings);
        let mut best = best.into_iter();
        candidates.retain_mut(|candidate| {
            let impact = best.next().unwrap_or(0);
            candidate.impacts += u64::from(impact) * u64::from(asked.weight);
            impact > 0
        });
    }
    Found { candidates, full }
}

fn full_weight(weight: u32) -> u64 {
    u64::from(FULL_IMPACT) * u64::from(weight)
}

/// The listings that have some of the words, by slot: of the rarest words only, as far as the bound
/// goes; the others add to their scores.
pub(crate) fn with_some(mut asked: Vec<Asked<'_>>, slots: usize) -> Found {
    asked.retain(|asked| asked.readings.total > 0);
    asked.sort_by_key(|asked| asked.readings.total);
    asked.truncate(MAX_QUERY_WORDS);
    let full = asked.iter().map(|asked| full_weight(asked.weight)).sum();
    let mut postings = 0;
    let mut bringing = 0;
    for asked in &asked {
        postings += asked.readings.total;
        if bringing > 0 && postings > MAX_PARTIAL_POSTINGS {
            break;
        }
        bringing += 1;
    }
    let (bring, add) = asked.split_at(bringing);
    let mut candidates: Vec<Candidate> = Vec::new();
    for asked in bring {
        candidates = merged(candidates, candidates_of(asked, slots, MAX_POSTINGS));
    }
    for asked in add {
        let best = best_impacts(&candidates, &asked.readings);
        for (candidate, impact) in candidates.iter_mut().zip(best) {
            candidate.impacts += u64::from(impact) * u64::from(asked.weight);
        }
    }
    Found { candidates, full }
}

/// Both, by slot, and the sum where a listing is in both.
fn merged(a: Vec<Candidate>, b: Vec<Candidate>) -> Vec<Candidate> {
    if a.is_empty() {
        return b;
    }
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.slot == y.slot => {
                all.push(Candidate { slot: x.slot, impacts: x.impacts + y.impacts });
                a.next();
                b.next();
            }
            (Some(x), Some(y)) if x.slot < y.slot => all.extend(a.next()),
            (_, Some(_)) => all.extend(b.next()),
            (Some(_), None) => all.extend(a.next()),
            (None, None) => return all,
        }
    }
}

/// The listings that have the word in some reading, by slot; the best of their readings counts.
fn candidates_of(asked: &Asked<'_>, slots: usize, most: usize) -> Vec<Candidate> {
    let weight = u64::from(asked.weight);
    let candidate = |slot: u32, impact: u8| Candidate { slot, impacts: u64::from(impact) * weight };
    let readings = &asked.readings;
    if let [only] = readings.of.as_slice() {
        let postings = only.postings.iter().take(most);
        return postings.map(|&p| candidate(p.slot(), only.impact(p))).collect();
    }
    let all = readings.of.iter().flat_map(|reading| {
        reading.postings.iter().map(|&posting| (posting.slot(), reading.impact(posting)))
    });
    if readings.total <= DENSE {
        let mut all: Vec<(u32, u8)> = all.collect();
        // The best impact of a slot comes first, and is the one that is kept.
        all.sort_unstable_by_key(|&(slot, impact)| (slot, u8::MAX - impact));
        all.dedup_by_key(|&mut (slot, _)| slot);
        return all.into_iter().map(|(slot, impact)| candidate(slot, impact)).collect();
    }
    let mut best = vec![0u8; slots];
    for (slot, impact) in all.take(most) {
        let best = &mut best[slot as usize];
        *best = (*best).max(impact);
    }
    let found = best.into_iter().zip(0..).filter(|&(impact, _)| impact > 0);
    found.map(|(impact, slot)| candidate(slot, impact)).collect()
}

/// For each candidate the best of the readings that it has; 0 where it has none.
fn best_impacts(candidates: &[Candidate], readings: &Readings<'_>) -> Vec<u8> {
    let mut best = vec![0u8; candidates.len()];
    for reading in &readings.of {
        note_common(candidates, &reading.postings, |at, posting| {
            best[at] = best[at].max(reading.impact(posting));
        });
    }
    best
}

/// Tells which candidates are in the list. Both are sorted by slot, and each leaps to where the
/// other is: the cost follows the shorter one, however long the other is.
fn note_common(candidates: &[Candidate], list: &[Posting], mut note: impl FnMut(usize, Posting)) {
    let (mut c, mut p) = (0, 0);
    while let (Some(candidate), Some(posting)) = (candidates.get(c), list.get(p)) {
        let (wanted, offered) = (candidate.slot, posting.slot());
        if wanted == offered {
            note(c, *posting);
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
pub(crate) fn leap<T>(entries: &[T], before: impl Fn(&T) -> bool) -> usize {
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

    #[test]
    fn merging_adds_where_both_are() {
        let list = |slots: &[u32]| -> Vec<Candidate> {
            slots.iter().map(|&slot| Candidate { slot, impacts: 1 }).collect()
        };
        let both = merged(list(&[1, 3, 5]), list(&[2, 3, 9]));
        let both: Vec<(u32, u64)> = both.iter().map(|c| (c.slot, c.impacts)).collect();
        assert_eq!(both, [(1, 1), (2, 1), (3, 2), (5, 1), (9, 1)]);
    }
}
