//! The records against a recomputation from the whole history, and what a score is made of.

use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_reputation::{
    Book, Decaying, Edge, Outcome, Settlement, Side, Standing, Trust, credit, damped,
};
use proptest::prelude::*;

use crate::market::{Market, START, day, did, settlement, stake};

const OUTCOMES: [Outcome; 6] = [
    Outcome::Accepted,
    Outcome::AutoReleased,
    Outcome::NotDelivered,
    Outcome::Lost(Side::Buyer),
    Outcome::Lost(Side::Seller),
    Outcome::Neutral,
];

/// Everything again from the log, without any record: slow, and nothing to keep in step.
struct Oracle<'a>(&'a [Settlement]);

/// A word of the log: about whom, by whom, for or against, its weight, when.
type Said = (Did, Did, bool, i64, Timestamp);

/// What an agent settled with another, as far as that one is trusted, when.
type Volume = (Did, Did, i64, Timestamp);

impl Oracle<'_> {
    fn words(&self) -> Vec<Said> {
        let mut words: Vec<Said> = Vec::new();
        let mut volumes: Vec<Volume> = Vec::new();
        for settlement in self.0 {
            let new = self.of(settlement, &words, &volumes);
            words.extend(new.0);
            volumes.extend(new.1);
        }
        words
    }

    fn of(
        &self,
        settlement: &Settlement,
        words: &[Said],
        volumes: &[Volume],
    ) -> (Vec<Said>, Vec<Volume>) {
        let Settlement { buyer, seller, at, value, outcome, .. } = settlement;
        let sum = |parts: &mut dyn Iterator<Item = (i64, Timestamp)>| {
            parts.fold(Decaying::ZERO, |sum, (amount, at)| sum.plus(amount, at))
        };
        let volume = |of: &Did, with: Option<&Did>| {
            let own = volumes
                .iter()
                .filter(|line| line.0 == *of && with.is_none_or(|with| line.1 == *with));
            sum(&mut own.map(|line| (line.2, line.3)))
        };
        let said = |about: &Did, by: Option<&Did>, is_for: bool| {
            let own = words.iter().filter(|word| {
                word.0 == *about && by.is_none_or(|by| word.1 == *by) && word.2 == is_for
            });
            sum(&mut own.map(|word| (word.3, word.4)))
        };
        let standing = |of: &Did| Standing {
            positive: said(of, None, true),
            negative: said(of, None, false),
            volume: volume(of, None),
            ..Standing::default()
        };
        let sides = [
            (Side::Buyer, buyer, seller, settlement.seller_stake),
            (Side::Seller, seller, buyer, settlement.buyer_stake),
        ];
        let (mut new_words, mut new_volumes) = (Vec::new(), Vec::new());
        for (side, about, by, by_stake) in sides {
            let speaker = standing(by);
            let trust = speaker.trust(by_stake, *at);
            if let Some(word) = outcome.word_about(side) {
                let edge = Edge { volume: volume(by, Some(about)), ..Edge::default() };
                let whole = value.nano().min(Amount::from_avt(1_000).nano());
                let backed = whole.min(credit(&speaker, by_stake, &edge, *at));
                let before = said(about, Some(by), word.is_for).at(*at);
                let left = trust.of(credit(&speaker, by_stake, &edge, *at)) - before;
                let weight = match (word.is_proven, word.is_silent) {
                    _ if side == Side::Buyer && word.is_for => 0,
                    (true, _) => whole,
                    (_, true) => damped(trust.of(backed), before).min(left).max(0) / 4,
                    (_, false) => damped(trust.of(backed), before).min(left).max(0),
                };
                new_words.push((about.clone(), by.clone(), word.is_for, weight, *at));
            }
            let parts = match outcome {
                Outcome::Accepted => 1,
                Outcome::AutoReleased => 4,
                _ => continue,
            };
            new_volumes.push((about.clone(), by.clone(), trust.of(value.nano()) / parts, *at));
        }
        (new_words, new_volumes)
    }
}

proptest! {
    #[test]
    fn records_are_what_the_log_says(
        trades in proptest::collection::vec(
            (0usize..6, 0usize..6, 1i64..3_000_000_000_000, 0usize..6, 0u32..400_000), 1..40,
        ),
    ) {
        let names = ["staked0", "staked1", "a", "b", "c", "d"];
        let (mut book, mut history, mut now) = (Book::default(), Vec::new(), START);
        for (buyer, seller, value, outcome, wait) in trades {
            if buyer == seller {
                continue;
            }
            now = now.plus(Seconds(wait));
            let (value, outcome) = (Amount::from_nano(value), OUTCOMES[outcome]);
            let settlement = settlement(names[buyer], names[seller], value, outcome, now);
            book.record(&settlement);
            history.push(settlement);
        }
        let words = Oracle(&history).words();
        for name in names {
            let sum = |is_for: bool| {
                let own = words.iter().filter(|word| word.0 == did(name) && word.2 == is_for);
                own.fold(Decaying::ZERO, |sum, word| sum.plus(word.3, word.4))
            };
            let standing = book.standing(&did(name));
            prop_assert_eq!(standing.positive, sum(true));
            prop_assert_eq!(standing.negative, sum(false));
            let score = standing.score(now).milli();
            prop_assert!((-100_000..=100_000).contains(&score));
            let explained = book.explain(&did(name), stake(name), now);
            prop_assert_eq!(explained.score.milli(), score);
            let parts: i64 = explained.parts.iter().map(|part| part.positive).sum();
            let words = i64::try_from(words.len()).unwrap();
            prop_assert!((0..=words).contains(&(explained.positive - parts)));
        }
    }
}

#[test]
fn a_score_is_made_of_words() {
    let mut market = Market::default();
    assert_eq!(market.buys("staked1", 100, "seller"), 100_000_000_000);
    assert_eq!(market.score("seller"), 16_666, "100 of 600");
    // The same buyer again: what it said before halves what it adds.
    assert_eq!(market.buys("staked1", 100, "seller"), 50_000_000_000);
    assert_eq!(market.buys("staked2", 100, "seller"), 100_000_000_000);
    // Silence weighs a quarter.
    assert_eq!(market.trade("staked3", 100, "seller", Outcome::AutoReleased), 25_000_000_000);
    // Nobody's word is above the money behind it.
    assert_eq!(market.buys("staked4", 5_000, "seller"), 250_000_000_000);
    assert_eq!(market.buys("stranger", 5_000, "seller"), 0);
    let before = market.score("seller");
    assert_eq!(before, 51_219, "525 of 1025");
    // A missing delivery needs no trusted witness, and counts double.
    assert_eq!(market.trade("stranger", 200, "seller", Outcome::NotDelivered), 200_000_000_000);
    assert_eq!(market.score("seller"), 20_000, "525 less 400, of 625");
    market.pass(90);
    assert_eq!(market.score("seller"), 11_111, "62.5 of 562.5");
    let standing = market.book.standing(&did("seller"));
    assert_eq!((standing.raw_up, standing.raw_down, standing.raw()), (6, 1, 5));
    let explained = market.book.explain(&did("seller"), Amount::ZERO, day(0));
    let first: Vec<String> = explained.parts.iter().map(|part| part.by.to_string()).collect();
    assert_eq!(first[..3], ["did:stranger", "did:staked4", "did:staked1"]);
}

#[test]
fn trust_spreads_by_halves() {
    let mut market = Market::default();
    for number in 0..40 {
        market.buys(&format!("staked{number}"), 250, "one");
    }
    let trust = |market: &Market, name: &str| {
        market.book.standing(&did(name)).trust(Amount::ZERO, day(0)).millionths()
    };
    assert_eq!(trust(&market, "one"), 476_190, "half of 95 points");
    for number in 0..40 {
        market.buys("one", 250, &format!("two{number}"));
    }
    assert!(trust(&market, "two0") < trust(&market, "one") / 2);
    assert!(Trust::of_stake(Amount::from_avt(125)).millionths() == 500_000);
}
