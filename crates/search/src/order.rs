//! A sorted list of slots in small chunks: four bytes for each entry, cheap to change anywhere,
//! and it knows the rank of every place, so that ranges are counted without walking them.
//!
//! Entries are compared by what the slots hold, so every operation is told by a predicate which
//! entries come before the wanted place. It must be true for a beginning of the list only.

/// Most entries in a chunk: a change moves at most this many, a rank sums up `len / CHUNK` lengths.
const CHUNK: usize = 512;
/// Entries in the chunks of a list that is made at once: some room, so that the next entries do not
/// part every chunk.
const FRESH: usize = 448;

/// Slots in one order.
#[derive(Default)]
pub(crate) struct Order {
    /// None is empty.
    chunks: Vec<Vec<u32>>,
    len: usize,
}

impl Order {
    /// Of entries that are sorted already.
    pub(crate) fn sorted(entries: &[u32]) -> Self {
        Self { len: entries.len(), chunks: entries.chunks(FRESH).map(<[u32]>::to_vec).collect() }
    }

    /// Entries in the list.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many entries come before the place.
    pub(crate) fn rank(&self, before: impl Fn(u32) -> bool) -> usize {
        let (chunk, at) = self.locate(before);
        self.chunks[..chunk].iter().map(Vec::len).sum::<usize>() + at
    }

    /// The entry at the place.
    pub(crate) fn find(&self, before: impl Fn(u32) -> bool) -> Option<u32> {
        let (chunk, at) = self.locate(before);
        self.chunks.get(chunk)?.get(at).copied()
    }

    /// The entries from a rank on.
    pub(crate) fn iter_from(&self, rank: usize) -> impl Iterator<Item = u32> {
        let (mut first, mut skip) = (0, rank);
        while let Some(chunk) = self.chunks.get(first).filter(|chunk| chunk.len() <= skip) {
            skip -= chunk.len();
            first += 1;
        }
        self.chunks[first..].iter().flatten().skip(skip).copied()
    }

    /// Puts a slot at the place.
    pub(crate) fn insert(&mut self, slot: u32, before: impl Fn(u32) -> bool) {
        let (mut chunk, mut at) = self.locate(before);
        self.len += 1;
        if chunk == self.chunks.len() {
            // Behind the last entry: a full last chunk stays full, because most lists grow there.
            match self.chunks.last_mut() {
                Some(last) if last.len() < CHUNK => last.push(slot),
                _ => self.chunks.push(vec![slot]),
            }
            return;
        }
        if self.chunks[chunk].len() == CHUNK {
            let upper = self.chunks[chunk].split_off(CHUNK / 2);
            self.chunks.insert(chunk + 1, upper);
            if at > CHUNK / 2 {
                chunk += 1;
                at -= CHUNK / 2;
            }
        }
        self.chunks[chunk].insert(at, slot);
    }

    /// Takes the slot out of its place; `before` must be true for exactly the entries before it.
    pub(crate) fn remove(&mut self, slot: u32, before: impl Fn(u32) -> bool) {
        let (chunk, at) = self.locate(before);
        let found = self.chunks.get(chunk).and_then(|entries| entries.get(at));
        debug_assert_eq!(found, Some(&slot), "an order must hold each listing at its place");
        if found != Some(&slot) {
            return;
        }
        self.len -= 1;
        self.chunks[chunk].remove(at);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
            return;
        }
        self.join(chunk);
        if chunk > 0 {
            self.join(chunk - 1);
        }
    }

    /// Puts a chunk and the next one together when both are nearly empty.
    fn join(&mut self, chunk: usize) {
        let next = self.chunks.get(chunk + 1).map_or(CHUNK, Vec::len);
        if self.chunks[chunk].len() + next <= CHUNK / 2 {
            let mut next = self.chunks.remove(chunk + 1);
            self.chunks[chunk].append(&mut next);
        }
    }

    /// Chunk of the place and the place in it; the number of chunks when it is behind everything.
    fn locate(&self, before: impl Fn(u32) -> bool) -> (usize, usize) {
        let chunk =
            self.chunks.partition_point(|chunk| chunk.last().is_some_and(|&last| before(last)));
        let at =
            self.chunks.get(chunk).map_or(0, |entries| entries.partition_point(|&e| before(e)));
        (chunk, at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check_equal(order: &Order, model: &BTreeSet<u32>) {
        assert_eq!(order.len(), model.len());
        assert!(order.iter_from(0).eq(model.iter().copied()));
        assert!(order.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn behaves_like_a_sorted_set(
            inserted in proptest::collection::vec(0u32..5_000, 0..4_000),
            removed in proptest::collection::vec(0u32..5_000, 0..6_000),
            asked in proptest::collection::vec(0u32..5_100, 20),
        ) {
            let (mut order, mut model) = (Order::default(), BTreeSet::new());
            for slot in inserted {
                if model.insert(slot) {
                    order.insert(slot, |other| other < slot);
                }
            }
            check_equal(&order, &model);
            for slot in removed {
                if model.remove(&slot) {
                    order.remove(slot, |other| other < slot);
                }
            }
            check_equal(&order, &model);
            for slot in asked {
                let rank = order.rank(|other| other < slot);
                prop_assert_eq!(rank, model.range(..slot).count());
                let rest = model.range(slot..).copied();
                prop_assert!(order.iter_from(rank).eq(rest.clone()));
                prop_assert_eq!(order.find(|other| other < slot), rest.clone().next());
            }
        }
    }

    #[test]
    fn growing_and_shrinking_keeps_chunks_well_filled() {
        let mut order = Order::default();
        for slot in 0..10_000 {
            order.insert(slot, |other| other < slot);
        }
        assert_eq!(order.chunks.len(), 10_000usize.div_ceil(CHUNK));
        for slot in (0..10_000).filter(|slot| slot % 100 != 0) {
            order.remove(slot, |other| other < slot);
        }
        assert!(order.chunks.len() <= 3, "{} chunks for 100 entries", order.chunks.len());
    }
}
