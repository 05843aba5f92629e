//! How fast the index answers and what it costs, on a synthetic market.
//!
//! `cargo run --release -p marketplace-search --example search_speed [LISTINGS]` (default 10,000).
#![expect(clippy::disallowed_methods, reason = "a measurement needs a clock; the library has none")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use marketplace_money::{Amount, Currency, Reputation, Seconds, Timestamp};
use marketplace_search::{Acceptance, Document, Index, Query, SellerFacts, ServiceKind, Sort};

const QUERIES: u32 = 5_000;
const PAGE: usize = 20;
const SELLERS: u32 = 2_000;
const NAME_WORDS: usize = 4;
const DESCRIPTION_WORDS: usize = 25;
/// The rank of a word is 2 to the power of up to this: about 32,000 words, and each twice as
/// common as those of twice its rank.
const DOUBLINGS: u32 = 15;

/// A linear congruence: the same market in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [high @ .., _, _, _, _] = self.0.to_be_bytes();
        u32::from_be_bytes(high) % bound
    }

    /// Evenly spread over the powers of two up to `doublings`.
    fn spread(&mut self, doublings: u32) -> u32 {
        let power = 1 << self.below(doublings);
        power + self.below(power)
    }

    /// Rank in base 26 after a scattered first letter: words with one beginning differ in rank.
    fn word(&mut self) -> String {
        let mut rank = self.spread(DOUBLINGS).wrapping_mul(2_654_435_761);
        let mut word = String::new();
        while rank > 0 {
            word.extend(char::from_digit(10 + rank % 26, 36));
            rank /= 26;
        }
        word
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word() + " ").collect()
    }

    fn document(&mut self, number: u32) -> Result<Document, Box<dyn Error>> {
        let seller = self.below(SELLERS);
        Ok(Document {
            id: format!("{:08x}{number:024x}", self.below(u32::MAX)).parse()?,
            provider: format!("did:key:z6MkseLLer{seller:037}").parse()?,
            service_type: ServiceKind::ALL[self.below(5) as usize],
            name: self.text(NAME_WORDS),
            description: self.text(DESCRIPTION_WORDS),
            metadata_text: String::new(),
            tags: String::new(),
            // 0.001 to about 1,000 AVT.
            price: Amount::from_nano(i64::from(self.spread(20)) * 1_000_000),
            price_follows_reputation: false,
            currency: Currency::Avt,
            delivery: Seconds(3_600),
            acceptance: Acceptance::BuyerConfirms,
            // One figure for each seller.
            seller: SellerFacts {
                reputation: Reputation::from_milli(i64::from(seller) * 100 - 100_000),
                kept: seller % 97,
                broken: seller % 5,
            },
            created_at: Timestamp::from_micros(number.into()),
        })
    }

    /// Two words that were taken from one listing (so that most queries have a hit), the last
    /// one whole, and prices over a decade.
    fn query(&mut self, listings: &[String]) -> Query {
        let listing = &listings[self.below(u32::try_from(listings.len()).unwrap_or(1)) as usize];
        let words: Vec<&str> = listing.split(' ').collect();
        let mut any = || words[self.below(u32::try_from(words.len()).unwrap_or(1)) as usize];
        let text = format!("{} {}", any(), any());
        let low = i64::from(self.spread(17)) * 1_000_000;
        Query {
            text: Some(text),
            min_price: Some(Amount::from_nano(low)),
            max_price: Some(Amount::from_nano(low * 10)),
            limit: PAGE,
            ..Query::default()
        }
    }
}

/// Resident memory of this process in KiB; nothing where the system does not tell.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn measure(
    name: &str,
    index: &Index,
    mut query: impl FnMut(u32) -> Query,
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    let mut matches = 0;
    for number in 0..QUERIES {
        let query = query(number);
        let begin = Instant::now();
        let page = black_box(index.search(black_box(&query))?);
        times.push(begin.elapsed());
        matches += page.total;
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let mean = matches / times.len();
    println!("{name:34} p50 {:>9.1?}  p99 {:>9.1?}  mean matches {mean}", at(50), at(99));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse::<u32>())?;
    let mut numbers = Numbers(1);
    let documents: Vec<Document> =
        (0..count).map(|number| numbers.document(number)).collect::<Result<_, _>>()?;
    // A sample is enough to ask from, and keeps the texts out of the measured memory.
    let asked: Vec<String> =
        documents.iter().take(10_000).map(|d| format!("{}{}", d.name, d.description)).collect();
    let asked: Vec<String> = asked.iter().map(|text| text.trim().to_owned()).collect();

    let (before, begin) = (resident(), Instant::now());
    let mut index = Index::default();
    for document in &documents {
        index.upsert(document.clone())?;
    }
    let elapsed = begin.elapsed();
    println!("{count} listings built in {elapsed:.1?}");
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("resident memory grew by {} KiB", after.saturating_sub(before));
    }

    measure("two words and a price range", &index, |_| numbers.query(&asked))?;
    measure("two words, one of them misspelt", &index, |_| {
        let query = numbers.query(&asked);
        // The last letters of a word are exchanged.
        let text = query.text.map(|text| {
            let mut letters: Vec<char> = text.chars().collect();
            if let [.., a, b] = letters.as_mut_slice() {
                std::mem::swap(a, b);
            }
            letters.into_iter().collect()
        });
        Query { text, ..query }
    })?;
    measure("facets of everything", &index, |_| Query {
        facets: true,
        limit: PAGE,
        ..Query::default()
    })?;
    measure("one letter", &index, |number| Query {
        text: char::from_digit(10 + number % 26, 36).map(String::from),
        limit: PAGE,
        ..Query::default()
    })?;
    let sorts = [Sort::PriceAscending, Sort::PriceDescending, Sort::Newest, Sort::Reputation];
    let browse = |number: u32| Query {
        service_type: Some(ServiceKind::ALL[number as usize % 5]),
        sort: sorts[number as usize % 4],
        limit: PAGE,
        ..Query::default()
    };
    measure("browse a kind", &index, browse)?;
    measure("browse a kind, half of the prices", &index, |number| Query {
        min_price: Some(Amount::from_avt(1)),
        ..browse(number)
    })?;
    measure("browse, prices and a standing", &index, |number| Query {
        max_price: Some(Amount::from_avt(1)),
        min_reputation: Some(Reputation::UNKNOWN),
        ..browse(number)
    })?;
    let begin = Instant::now();
    for document in documents {
        index.upsert(document)?;
    }
    println!("{count} listings replaced in {:.1?}", begin.elapsed());
    Ok(())
}
