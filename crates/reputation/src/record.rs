//! What a settled order adds: four small records in, four out, whatever the history.

use marketplace_money::{Amount, Did, Timestamp};

use crate::{Edge, Standing, Trust, credit, damped};

/// A party to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Who paid.
    Buyer,
    /// Who was to deliver.
    Seller,
}

/// How an order ended, as far as it says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The buyer accepted.
    Accepted,
    /// The buyer was silent. Nobody's word is forged: it is tagged, and weighs a quarter.
    AutoReleased,
    /// The seller did not deliver; our log shows it.
    NotDelivered,
    /// A dispute was lost by this side; a ruling shows it.
    Lost(Side),
    /// Settled, cancelled, declined, unproven, aborted: nobody is to blame.
    Neutral,
}

/// What is said of one party of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word {
    /// For it, or against it.
    pub is_for: bool,
    /// A quarter of the weight: nobody said it.
    pub is_silent: bool,
    /// Shown by our log or a ruling: weighs by the order's value alone.
    pub is_proven: bool,
}

impl Outcome {
    /// What this end says of a side, if anything.
    #[must_use]
    pub fn word_about(self, side: Side) -> Option<Word> {
        let word = |is_for, is_silent, is_proven| Some(Word { is_for, is_silent, is_proven });
        match (self, side) {
            (Self::Accepted, _) => word(true, false, false),
            (Self::AutoReleased, _) => word(true, true, false),
            (Self::NotDelivered, Side::Seller) => word(false, false, true),
            (Self::Lost(loser), side) if loser == side => word(false, false, true),
            _ => None,
        }
    }
}

/// An order that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Who paid.
    pub buyer: Did,
    /// Who was to deliver.
    pub seller: Did,
    /// The buyer's stake at that time.
    pub buyer_stake: Amount,
    /// The seller's stake at that time.
    pub seller_stake: Amount,
    /// The order's price.
    pub value: Amount,
    /// What the marketplace got.
    pub fee: Amount,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
}

/// The records that a settlement reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The buyer's.
    pub buyer: Standing,
    /// The seller's.
    pub seller: Standing,
    /// What the seller said of the buyer.
    pub about_buyer: Edge,
    /// What the buyer said of the seller.
    pub about_seller: Edge,
}

/// The records after a settlement, and the weights that it added, for a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// To be stored in place of what was read.
    pub records: Records,
    /// What the word about the buyer weighs, in nano-AVT; 0 without one.
    pub weight_about_buyer: i64,
    /// What the word about the seller weighs, in nano-AVT; 0 without one.
    pub weight_about_seller: i64,
}

/// No single word weighs more than this, whatever the order's value.
const HEAVIEST_WORD: i64 = Amount::from_avt(1_000).nano();

/// The weight of a word about `side`, from what was known before the settlement.
fn weight(settlement: &Settlement, records: &Records, side: Side, word: Word) -> i64 {
    // That a buyer pays, escrow sees to: it says nothing of what the buyer sells. Else who buys
    // honest work with money that it has anyway could sell rubbish with that name.
    if side == Side::Buyer && word.is_for {
        return 0;
    }
    let now = settlement.at;
    let value = settlement.value.nano().clamp(0, HEAVIEST_WORD);
    let (speaker, stake, edge) = match side {
        Side::Buyer => (&records.seller, settlement.seller_stake, &records.about_buyer),
        Side::Seller => (&records.buyer, settlement.buyer_stake, &records.about_seller),
    };
    if word.is_proven {
        return value;
    }
    let (trust, credit) = (speaker.trust(stake, now), credit(speaker, stake, edge, now));
    let said = if word.is_for { edge.positive } else { edge.negative };
    let said = said.at(now);
    // All words about one agent together weigh no more than what is behind them: else a small
    // purchase from a trusted seller would back any number of words for a friend.
    let left = trust.of(credit).saturating_sub(said).max(0);
    let weight = damped(trust.of(value.min(credit)), said).min(left);
    if word.is_silent { weight / 4 } else { weight }
}

/// Adds a settlement. The cost does not depend on the history.
#[must_use]
pub fn record(settlement: &Settlement, records: &Records) -> Recorded {
    let mut after = *records;
    // One agent on both sides has nothing to say about itself.
    if settlement.buyer == settlement.seller {
        return Recorded { records: after, weight_about_buyer: 0, weight_about_seller: 0 };
    }
    let at = settlement.at;
    let mut say = |side: Side| {
        let Some(word) = settlement.outcome.word_about(side) else { return 0 };
        let weight = weight(settlement, records, side, word);
        let (standing, edge) = match side {
            Side::Buyer => (&mut after.buyer, &mut after.about_buyer),
            Side::Seller => (&mut after.seller, &mut after.about_seller),
        };
        if word.is_for {
            standing.raw_up += 1;
            standing.positive = standing.positive.plus(weight, at);
            edge.positive = edge.positive.plus(weight, at);
        } else {
            standing.raw_down += 1;
            standing.negative = standing.negative.plus(weight, at);
            edge.negative = edge.negative.plus(weight, at);
        }
        weight
    };
    let (weight_about_buyer, weight_about_seller) = (say(Side::Buyer), say(Side::Seller));
    let parts = match settlement.outcome {
        Outcome::Accepted => 1,
        Outcome::AutoReleased => 4,
        _ => return Recorded { records: after, weight_about_buyer, weight_about_seller },
    };
    let buyer_trust = records.buyer.trust(settlement.buyer_stake, at);
    let seller_trust = records.seller.trust(settlement.seller_stake, at);
    let volume = |trust: Trust| trust.of(settlement.value.nano().max(0)) / parts;
    after.buyer.volume = after.buyer.volume.plus(volume(seller_trust), at);
    after.about_seller.volume = after.about_seller.volume.plus(volume(seller_trust), at);
    after.seller.volume = after.seller.volume.plus(volume(buyer_trust), at);
    after.about_buyer.volume = after.about_buyer.volume.plus(volume(buyer_trust), at);
    // Squared: a ring that made itself half trusted must not buy more room to run away with than
    // the fees cost it. Who has a full stake counts in full.
    let fee = buyer_trust.of(buyer_trust.of(settlement.fee.nano().max(0)));
    let fee = Amount::from_nano(fee);
    let fees = after.seller.trusted_fees.checked_add(fee);
    after.seller.trusted_fees = fees.unwrap_or(Amount::MAX);
    Recorded { records: after, weight_about_buyer, weight_about_seller }
}
