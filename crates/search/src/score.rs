//! Relevance: all weights, in whole numbers, so that equal listings have equal scores on every
//! machine.
//!
//! A posting's impact is the saturated weight of one word in one listing (the shape of BM25 with a
//! fixed usual length instead of the market's average, so that it depends on this listing alone).
//! Everything else is a share of a million, blended by [`Blend`].

use marketplace_money::Timestamp;

use crate::document::SellerFacts;

/// One occurrence in the name counts this much.
pub(crate) const NAME_WEIGHT: u32 = 5;
/// One occurrence among the tags.
pub(crate) const TAG_WEIGHT: u32 = 3;
/// One occurrence in the description.
pub(crate) const DESCRIPTION_WEIGHT: u32 = 2;
/// One occurrence in the metadata.
pub(crate) const METADATA_WEIGHT: u32 = 1;

/// Half of the full impact is reached at this weight, in a listing of the usual length: repeating
/// a word helps less and less.
const SATURATION: u64 = 4;
/// Words in a usual listing. Longer texts count less for the same occurrences.
const USUAL_WORDS: u64 = 30;
pub(crate) const FULL_IMPACT: u32 = 255;

/// The full share: every part of a score is between 0 and this.
pub const FULL: u32 = 1_000_000;

/// Orders after which an agent is no newcomer.
pub(crate) const NEWCOMER_ORDERS: u32 = 5;
/// Days for which a listing of a newcomer may be tried.
pub(crate) const NEWCOMER_DAYS: i64 = 30;
/// At this age, in days, half of the freshness is gone.
const FRESH_DAYS: i64 = 14;
const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// How much each part of a score counts, in millionths; the sum is [`FULL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blend {
    /// How well the words fit.
    pub text: u32,
    /// The standing of the seller.
    pub reputation: u32,
    /// The share of its orders that the seller fulfilled, as far as that is certain.
    pub fulfilment: u32,
    /// How the price compares with listings of the same kind.
    pub price: u32,
    /// How new the listing is.
    pub freshness: u32,
}

impl Blend {
    /// The agent card's `reputation_weight` of 0.3.
    pub const DEFAULT: Self = Self::with_reputation_weight(300_000);
    /// Nothing but words.
    pub const TEXT_ONLY: Self = Self::with_reputation_weight(0).only_text();

    /// Reputation counts this much, in millionths, and the other parts share what is left: words
    /// seven tenths, the record of orders and the price a little more than a tenth each, freshness
    /// the rest.
    #[must_use]
    pub const fn with_reputation_weight(reputation: u32) -> Self {
        let reputation = if reputation > FULL { FULL } else { reputation };
        let rest = FULL - reputation;
        let (fulfilment, price, freshness) = (rest / 100 * 14, rest / 100 * 11, rest / 100 * 5);
        let text = rest - fulfilment - price - freshness;
        Self { text, reputation, fulfilment, price, freshness }
    }

    const fn only_text(self) -> Self {
        Self { text: FULL, reputation: 0, fulfilment: 0, price: 0, freshness: 0, ..self }
    }
}

impl Default for Blend {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The parts of a score, each between 0 and [`FULL`], and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// The blend of the parts.
    pub total: u32,
    /// How well the words fit; 0 where none were asked for.
    pub text: u32,
    /// The standing of the seller.
    pub reputation: u32,
    /// The share of orders that it fulfils at least, as far as that is certain.
    pub fulfilment: u32,
    /// Cheap among listings of its kind.
    pub price: u32,
    /// New.
    pub freshness: u32,
}

impl Score {
    /// With the total that the blend makes of the parts.
    pub(crate) fn blended(self, blend: &Blend) -> Self {
        let parts = [
            (self.text, blend.text),
            (self.reputation, blend.reputation),
            (self.fulfilment, blend.fulfilment),
            (self.price, blend.price),
            (self.freshness, blend.freshness),
        ];
        let sum: u64 =
            parts.iter().map(|&(part, weight)| u64::from(part) * u64::from(weight)).sum();
        Self { total: u32::try_from(sum / u64::from(FULL)).unwrap_or(FULL), ..self }
    }
}

/// What one word is worth in a listing of `length` words, 1 to 255; `weight` is the sum over its
/// occurrences.
pub(crate) fn impact(weight: u32, length: u32) -> u8 {
    let gain = u64::from(weight) * 2 * USUAL_WORDS;
    let drag = SATURATION * (USUAL_WORDS + u64::from(length));
    u8::try_from(u64::from(FULL_IMPACT) * gain / (gain + drag)).unwrap_or(u8::MAX).max(1)
}

/// Standing as a share: −100 is nothing, 0 half, 100 all.
pub(crate) fn standing(facts: &SellerFacts) -> u32 {
    u32::try_from((i64::from(facts.reputation.milli()) + 100_000) * 5).unwrap_or(0)
}

/// The share of its orders that a seller fulfils at least, with 95 % certainty (the lower bound of
/// Wilson's interval), in whole percent: coarse, so that an order more does not move every listing
/// of a large seller. Who has no orders has shown nothing.
pub(crate) fn fulfilment(facts: &SellerFacts) -> u8 {
    let (kept, all) = (u128::from(facts.kept), u128::from(facts.kept) + u128::from(facts.broken));
    if all == 0 {
        return 0;
    }
    // z = 1.96; all terms times 10,000, and under the root its square.
    const Z: u128 = 19_600;
    const Z_SQUARED: u128 = 38_416;
    let broken = all - kept;
    let centre = kept * 10_000 + Z_SQUARED / 2;
    let inner = kept * broken * 100_000_000 / all + Z_SQUARED * 10_000 / 4;
    let spread = Z * inner.isqrt() / 10_000;
    let bound = centre.saturating_sub(spread) * 100 / (all * 10_000 + Z_SQUARED);
    u8::try_from(bound).unwrap_or(100)
}

/// What is known of a seller, in one share: the order of listings where no words are asked for.
pub(crate) fn merit(facts: &SellerFacts, blend: &Blend) -> u32 {
    let all = u64::from(blend.reputation) + u64::from(blend.fulfilment);
    if all == 0 {
        return 0;
    }
    let sum = u64::from(standing(facts)) * u64::from(blend.reputation)
        + u64::from(percent(fulfilment(facts))) * u64::from(blend.fulfilment);
    u32::try_from(sum / all).unwrap_or(FULL)
}

/// A percentage as a share.
pub(crate) fn percent(percent: u8) -> u32 {
    u32::from(percent) * (FULL / 100)
}

/// Days of the calendar: ages are counted in them, so that scores stand still for a day.
pub(crate) fn day(time: Timestamp) -> i64 {
    time.micros().div_euclid(MICROS_OF_A_DAY)
}

pub(crate) fn freshness(created: Timestamp, today: i64) -> u32 {
    let age = (today - day(created)).max(0);
    u32::try_from(i64::from(FULL) * FRESH_DAYS / (FRESH_DAYS + age)).unwrap_or(0)
}

/// How much a word tells, for being rare: 256 times the binary logarithm of `listings / having`,
/// roughly. Words that everybody has tell next to nothing, but never nothing.
pub(crate) fn rarity(listings: usize, having: usize) -> u32 {
    let ratio = ((listings as u64 + 1) << 16) / (having as u64 + 1);
    let exponent = ratio.max(1).ilog2();
    let mantissa = if exponent >= 8 { ratio >> (exponent - 8) & 255 } else { 0 };
    let log = u64::from(exponent) * 256 + mantissa;
    u32::try_from(log.saturating_sub(16 * 256)).unwrap_or(0).max(32)
}

#[cfg(test)]
mod tests {
    use marketplace_money::Reputation;

    use super::*;

    fn facts(points: i64, kept: u32, broken: u32) -> SellerFacts {
        SellerFacts { reputation: Reputation::from_milli(points * 1_000), kept, broken }
    }

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
    fn the_card_s_weight_and_shares_that_sum_up() {
        assert_eq!(Blend::DEFAULT.reputation, 300_000);
        for weight in [0, 1, 299_999, 300_000, FULL, FULL + 7] {
            let Blend { text, reputation, fulfilment, price, freshness } =
                Blend::with_reputation_weight(weight);
            assert_eq!(text + reputation + fulfilment + price + freshness, FULL, "{weight}");
        }
        let full = Score { text: FULL, ..Score::default() };
        assert_eq!(full.blended(&Blend::TEXT_ONLY).total, FULL);
        assert_eq!(full.blended(&Blend::DEFAULT).total, Blend::DEFAULT.text);
    }

    #[test]
    fn certainty_grows_with_orders() {
        let check = |kept, broken, expect| {
            assert_eq!(fulfilment(&facts(0, kept, broken)), expect, "{kept} of {broken} more");
        };
        check(0, 0, 0);
        check(1, 0, 20);
        check(5, 0, 56);
        check(10, 0, 72);
        check(100, 0, 96);
        check(90, 10, 82);
        check(0, 10, 0);
        check(1, 1, 9);
        check(u32::MAX, 0, 99);
        check(u32::MAX, u32::MAX, 49);
    }

    #[test]
    fn merit_is_standing_and_record() {
        let merit = |points, kept| merit(&facts(points, kept, 0), &Blend::DEFAULT);
        assert_eq!(merit(-100, 0), 0);
        assert!(merit(0, 0) < merit(0, 10) && merit(0, 10) < merit(50, 10));
        assert!(merit(100, u32::MAX) > 990_000);
    }

    #[test]
    fn days_pass() {
        let at = |hours: i64| Timestamp::from_micros(hours * 3_600_000_000);
        assert_eq!((day(at(23)), day(at(24)), day(at(-1))), (0, 1, -1));
        assert_eq!(freshness(at(0), 0), FULL);
        assert_eq!(freshness(at(0), 14), FULL / 2);
        assert_eq!(freshness(at(48), 0), FULL, "what is from tomorrow is as good as new");
    }

    #[test]
    fn rare_words_tell_more() {
        assert_eq!(rarity(1_000, 1_000), 32);
        assert!(rarity(1_000, 500) > 200 && rarity(1_000, 500) < 300);
        assert!(rarity(1_000, 1) > rarity(1_000, 10));
        assert!(rarity(16_000_000, 0) < 7_000);
        assert!(rarity(0, 0) >= 32);
    }
}
