//! Listings that say the same: found by the words that tell most about one of them.

use marketplace_money::{ListingId, Timestamp};

use crate::cursor::Kept;
use crate::index::Index;
use crate::page::Hit;
use crate::query::{Query, QueryWords};
use crate::score::{day, rarity};
use crate::selection::{Entry, Plan, Selection};
use crate::text::{Asked, share, with_some};
use crate::vocabulary::{Reading, Readings, SAME_WORD};

/// Words of a listing that are looked for in others.
const TELLING: usize = 12;

impl Index {
    /// Listings like this one, best first, of whatever seller; it is not among them. Nothing for a
    /// listing that cannot be found.
    #[must_use]
    pub fn similar(&self, id: ListingId, limit: usize, now: Timestamp) -> Vec<Hit> {
        let Some(number) = self.number_of(id) else { return Vec::new() };
        let Some(own) = self.slots.get(number) else { return Vec::new() };
        let mut telling: Vec<(u64, u32)> = Vec::new();
        for &term in self.slots.terms(number) {
            let postings = self.words.postings(term);
            let at = postings.partition_point(|posting| posting.slot() < number);
            let impact = postings.get(at).map_or(0, |posting| u64::from(posting.impact()));
            telling.push((impact * u64::from(rarity(self.len(), self.words.having(term))), term));
        }
        telling.sort_by(|a, b| {
            b.0.cmp(&a.0).then_with(|| self.words.word(a.1).cmp(self.words.word(b.1)))
        });
        telling.truncate(TELLING);
        let asked = telling.iter().map(|&(_, term)| {
            let (postings, having) = (self.words.postings(term), self.words.having(term));
            let reading = Reading { worth: SAME_WORD, postings, word: self.words.word(term) };
            let readings = Readings { of: vec![reading], total: having };
            Asked { weight: rarity(self.len(), having), readings }
        });
        let found = with_some(asked.collect(), self.slots.size());
        let query = Query { explore: false, limit, ..Query::default() };
        let kept = Kept { today: day(now), ..Kept::default() };
        let words = QueryWords::default();
        let plan = Plan { query: &query, words, seller: None, after: None, kept };
        let mut selection = Selection::new(self, &plan);
        for candidate in found.candidates.iter().filter(|candidate| candidate.slot != number) {
            let Some(slot) = self.slots.get(candidate.slot) else { continue };
            // Another kind of service is hardly ever what somebody looks for instead.
            let text = share(candidate.impacts, found.full);
            let text = if slot.service_type == own.service_type { text } else { text / 2 };
            let score = self.score(slot, text, kept.today, None).total;
            let key = slot.key(query.sort, score.into());
            selection.offer(Entry { key, number: candidate.slot, text }, slot);
        }
        selection.into_page(None).hits
    }
}
