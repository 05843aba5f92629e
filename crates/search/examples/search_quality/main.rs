//! How good the answers are, on a seeded market of which it is known what is good.
//!
//! `cargo xtask bench search-quality [LISTINGS [SEED]]` (default 10,000 and 1). Grades come from
//! what the index cannot see (how well a seller works in truth); the index sees a noisy shadow of
//! it. Fails when the blend is no better than words alone.
#![expect(clippy::float_arithmetic, reason = "figures for people; nothing is decided by them")]

mod corpus;
mod numbers;
mod purchases;
mod topics;

use std::collections::HashMap;
use std::error::Error;

use corpus::{Known, TODAY, market, question};
use marketplace_money::{ListingId, Timestamp};
use marketplace_search::{Blend, Index, Query, Sort};
use numbers::Numbers;

const QUESTIONS: usize = 1_000;
const SHOWN: usize = 50;

/// One way to rank.
struct Way<'a> {
    name: &'static str,
    index: &'a Index,
    query: Query,
}

#[derive(Default)]
struct Figures {
    ndcg: f64,
    recall: f64,
    empty: usize,
}

fn gain(grade: u32, place: usize) -> f64 {
    f64::from(2u32.pow(grade) - 1) / (place as f64 + 2.0).log2()
}

/// Discounted gain of the first ten, of the best that could be had.
fn ndcg(shown: &[u32], ideal: &[u32]) -> f64 {
    let sum = |grades: &[u32]| -> f64 {
        grades.iter().take(10).enumerate().map(|(place, &grade)| gain(grade, place)).sum()
    };
    sum(shown) / sum(ideal)
}

fn ask(
    way: &Way<'_>,
    listings: &HashMap<ListingId, &Known>,
    questions: &[(usize, usize, String)],
) -> Result<Figures, Box<dyn Error>> {
    let mut figures = Figures::default();
    for (topic, language, text) in questions {
        let query = Query {
            text: Some(text.clone()),
            limit: SHOWN,
            now: Timestamp::from_micros(TODAY),
            ..way.query.clone()
        };
        let page = way.index.search(&query)?;
        let shown: Vec<u32> =
            page.hits.iter().map(|hit| listings[&hit.id].grade(*topic, *language)).collect();
        let mut ideal: Vec<u32> =
            listings.values().map(|known| known.grade(*topic, *language)).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let good = ideal.iter().filter(|&&grade| grade >= 2).count().min(SHOWN);
        if good == 0 {
            continue;
        }
        let found = shown.iter().filter(|&&grade| grade >= 2).count();
        figures.ndcg += ndcg(&shown, &ideal) / questions.len() as f64;
        figures.recall += found.min(good) as f64 / good as f64 / questions.len() as f64;
        figures.empty += usize::from(shown.is_empty());
    }
    Ok(figures)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let mut numbers = Numbers(seed);
    let market = market(&mut numbers, count);
    let listings: HashMap<ListingId, &Known> =
        market.iter().map(|known| (known.document.id, known)).collect();
    let (mut blended, mut plain) = (Index::default(), Index::new(Blend::TEXT_ONLY));
    for known in &market {
        blended.upsert(known.document.clone())?;
        plain.upsert(known.document.clone())?;
    }
    let questions: Vec<(usize, usize, String)> =
        (0..QUESTIONS).map(|_| question(&mut numbers)).collect();
    let quiet = Query { explore: false, spread: false, ..Query::default() };
    let ways = [
        Way { name: "the blend", index: &blended, query: Query::default() },
        Way { name: "without diversity and newcomers", index: &blended, query: quiet.clone() },
        Way { name: "words alone", index: &plain, query: quiet.clone() },
        Way { name: "newest first", index: &plain, query: Query { sort: Sort::Newest, ..quiet } },
    ];
    println!("{count} listings, {QUESTIONS} questions, seed {seed}");
    println!("{:<34}{:>9}{:>11}{:>10}", "ranking", "NDCG@10", "recall@50", "no answer");
    let mut results = Vec::new();
    for way in &ways {
        let figures = ask(way, &listings, &questions)?;
        println!(
            "{:<34}{:>9.3}{:>11.3}{:>10}",
            way.name, figures.ndcg, figures.recall, figures.empty
        );
        results.push(figures);
    }
    purchases::measure(&mut numbers, &market)?;
    let [blend, _, plain, ..] = results.as_slice() else { return Ok(()) };
    if blend.ndcg <= plain.ndcg {
        return Err("the blend is no better than words alone".into());
    }
    Ok(())
}
