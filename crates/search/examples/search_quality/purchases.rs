//! How often the purchase that was held out is among the suggestions.

use std::error::Error;

use marketplace_money::{Did, ListingId};
use marketplace_search::{Dealings, Suggestion};

use crate::corpus::Known;
use crate::numbers::Numbers;
use crate::topics::TOPICS;

const BUYERS: usize = 3_000;
const SUGGESTED: usize = 10;

/// A buyer has two topics, and buys in them what many buy: good listings, the first of a list more
/// often than the later ones. One purchase in ten is a whim.
fn basket(numbers: &mut Numbers, by_topic: &[Vec<ListingId>], all: &[Known]) -> Vec<ListingId> {
    let tastes = [numbers.below(TOPICS.len()), numbers.below(TOPICS.len())];
    let mut basket = Vec::new();
    let size = 4 + numbers.below(8);
    while basket.len() < size {
        let list = &by_topic[tastes[numbers.below(2)]];
        let most = list.len().min(60);
        let at = numbers.below(most).min(numbers.below(most)).min(numbers.below(most));
        let whim = numbers.percent(10);
        let id = if whim { all[numbers.below(all.len())].document.id } else { list[at] };
        if !basket.contains(&id) {
            basket.push(id);
        }
    }
    basket
}

fn hit(suggestions: impl Iterator<Item = Suggestion>, own: &[ListingId], held: ListingId) -> bool {
    suggestions
        .filter(|suggestion| !own.contains(&suggestion.id))
        .take(SUGGESTED)
        .any(|suggestion| suggestion.id == held)
}

pub(crate) fn measure(numbers: &mut Numbers, market: &[Known]) -> Result<(), Box<dyn Error>> {
    let mut by_topic: Vec<Vec<ListingId>> = vec![Vec::new(); TOPICS.len()];
    let mut best: Vec<&Known> = market.iter().collect();
    best.sort_by_key(|known| 100 - known.quality.min(100));
    for known in best {
        by_topic[known.topic].push(known.document.id);
    }
    if by_topic.iter().any(Vec::is_empty) {
        return Err("too few listings: some topic has none".into());
    }
    let baskets: Vec<(Did, Vec<ListingId>)> = (0..BUYERS)
        .map(|buyer| {
            Ok((format!("did:key:buyer{buyer}").parse()?, basket(numbers, &by_topic, market)))
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    let mut dealings = Dealings::default();
    for (buyer, basket) in &baskets {
        basket.iter().skip(1).for_each(|&listing| dealings.bought(buyer, listing));
    }
    let (mut together, mut popular) = (0, 0);
    for (buyer, basket) in &baskets {
        let (held, own) = (basket[0], &basket[1..]);
        together += usize::from(hit(dealings.suggested(buyer).into_iter(), own, held));
        popular += usize::from(hit(dealings.popular(), own, held));
    }
    println!(
        "\n{BUYERS} buyers, one purchase of each held out; it is among {SUGGESTED} suggestions"
    );
    let percent = |hits: usize| hits as f64 * 100.0 / BUYERS as f64;
    println!("{:<34}{:>8.1} %", "bought together", percent(together));
    println!("{:<34}{:>8.1} %", "most bought", percent(popular));
    if together <= popular {
        return Err("what is bought together says no more than what is bought most".into());
    }
    Ok(())
}
