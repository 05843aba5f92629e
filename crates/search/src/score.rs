//! Relevance: all weights, in whole numbers.
//!
//! A posting's impact is the saturated weight of one word in one listing (the shape of BM25 with a
//! fixed usual length instead of the market's average, so that it depends on this listing alone).
//! The blend of impacts and standing is the relevance.

use marketplace_money::Reputation;

/// One occurrence in the name counts this much.
pub(crate) const NAME_WEIGHT: u32 = 5;
/// One occurrence in the description.
pub(crate) const DESCRIPTION_WEIGHT: u32 = 2;
/// One occurrence in the metadata.
pub(crate) const METADATA_WEIGHT: u32 = 1;

/// Half of the full impact is reached at this weight, in a listing of the usual length: repeating
/// a word helps less and less.
const SATURATION: u64 = 4;
/// Words in a usual listing. Longer texts count less for the same occurrences.
const USUAL_WORDS: u64 = 30;
const FULL_IMPACT: u64 = 255;

/// Parts of ten. The agent card's `reputation_weight` is 0.3.
const TEXT_SHARE: i64 = 7;
const REPUTATION_SHARE: i64 = 3;
const MILLION: i64 = 1_000_000;

/// What one word is worth in a listing of `length` words, 1 to 255; `weight` is the sum over its
/// occurrences.
pub(crate) fn impact(weight: u32, length: u32) -> u8 {
    let gain = u64::from(weight) * 2 * USUAL_WORDS;
    let drag = SATURATION * (USUAL_WORDS + u64::from(length));
    u8::try_from(FULL_IMPACT * gain / (gain + drag)).unwrap_or(u8::MAX).max(1)
}

/// The impact of a word that only begins with what was typed.
pub(crate) fn of_longer_word(impact: u8) -> u8 {
    (impact / 2).max(1)
}

/// Relevance, 0 to ten million: mean impact over the words of the query, and standing.
pub(crate) fn relevance(impacts: u32, words: u32, reputation: Reputation) -> i64 {
    let full = i64::from(u8::MAX) * i64::from(words.max(1));
    let text = i64::from(impacts) * MILLION / full;
    // From −100,000..100,000 thousandths of a point to 0..1,000,000.
    let standing = (i64::from(reputation.milli()) + 100_000) * 5;
    TEXT_SHARE * text + REPUTATION_SHARE * standing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impacts_saturate_and_long_texts_count_less() {
        let check = |weight, length, expect| assert_eq!(impact(weight, length), expect);
        check(NAME_WEIGHT, 30, 141);
        check(DESCRIPTION_WEIGHT, 30, 85);
        check(METADATA_WEIGHT, 30, 51);
        check(NAME_WEIGHT, 300, 47);
        check(1_000, 30, 253);
        check(1, 2_000_000, 1);
    }

    #[test]
    fn text_comes_before_standing() {
        let best = Reputation::from_milli(100_000);
        let worst = Reputation::from_milli(-100_000);
        assert_eq!(relevance(255, 1, best), 10_000_000);
        assert_eq!(relevance(0, 1, worst), 0);
        assert!(relevance(255, 1, worst) > relevance(100, 1, best));
        assert!(relevance(200, 2, best) > relevance(200, 2, worst));
    }
}
