//! A market of many listings and nothing else: for searches. Any listing can be made again from its
//! number, so that questions can be taken from listings without keeping them.

use marketplace_listings::{Listing, Offer, ServiceType, Terms};
use marketplace_money::{Amount, Did, ListingId, Seconds, Timestamp};
use marketplace_postgres_cluster::Server;
use uuid::Uuid;

use super::copy::Copy;
use super::rows::{Commit, Tables};

const NAME_WORDS: usize = 4;
const DESCRIPTION_WORDS: usize = 25;
/// The rank of a word is 2 to the power of up to this: about 32,000 words, and each twice as common
/// as those of twice its rank.
const DOUBLINGS: u32 = 15;
/// From this rank on a word is one that people ask for.
const RARE: u32 = 32;
/// Listings of one seller.
const OF_A_SELLER: u64 = 10;

/// A linear congruence: the same market in every run.
struct Numbers(u64);

impl Numbers {
    /// Numbers that belong to one listing, or to one question.
    fn of(number: u64, salt: u64) -> Self {
        let mut numbers = Self(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt);
        for _ in 0..4 {
            numbers.below(2);
        }
        numbers
    }

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
}

/// The rank in base 26 after a scattered first letter: words with one beginning differ in rank.
fn spelled(rank: u32) -> String {
    let mut rank = rank.wrapping_mul(2_654_435_761);
    let mut word = String::new();
    while rank > 0 {
        word.extend(char::from_digit(10 + rank % 26, 36));
        rank /= 26;
    }
    word
}

fn text(ranks: &[u32]) -> String {
    ranks.iter().map(|&rank| spelled(rank)).collect::<Vec<_>>().join(" ")
}

/// What makes a listing.
struct Drawn {
    service_type: (ServiceType, &'static str),
    /// Of its words.
    ranks: Vec<u32>,
    /// In thousandths of an AVT: 0.001 to about 1,000 AVT.
    price: i64,
    /// How old it is.
    hours: u32,
}

impl Drawn {
    fn of(number: u64) -> Self {
        let mut numbers = Numbers::of(number, 1);
        let service_type = ServiceType::NAMES[numbers.below(5) as usize];
        let words = NAME_WORDS + DESCRIPTION_WORDS;
        let ranks = (0..words).map(|_| numbers.spread(DOUBLINGS)).collect();
        let price = i64::from(numbers.spread(20));
        Self { service_type, ranks, price, hours: numbers.below(24 * 20) }
    }
}

/// So many listings.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue {
    /// How many.
    pub listings: u64,
}

/// Two words of one listing, a decade of prices, a type, and a floor of reputation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Whole words.
    pub words: [String; 2],
    /// Inclusive.
    pub min_price: Amount,
    /// Inclusive.
    pub max_price: Amount,
    /// As it is on the wire.
    pub service_type: &'static str,
    /// In points.
    pub min_reputation: i64,
}

impl Catalogue {
    /// A listing.
    ///
    /// # Errors
    /// Never for numbers.
    pub fn listing(&self, number: u64, at: Timestamp) -> anyhow::Result<Listing> {
        let drawn = Drawn::of(number);
        let offer = Offer {
            service_type: drawn.service_type.0,
            name: text(&drawn.ranks[..NAME_WORDS]),
            description: text(&drawn.ranks[NAME_WORDS..]),
            price: Amount::from_nano(drawn.price * 1_000_000),
            metadata: "{}".to_owned(),
            terms: Terms::default(),
        };
        let id = ListingId::new(Uuid::from_u64_pair(0x0115_7146, number));
        let from = at.minus(Seconds::from_hours(drawn.hours));
        Ok(Listing::create(id, Self::seller(number / OF_A_SELLER)?, offer, from)?)
    }

    fn sellers(&self) -> u64 {
        self.listings.div_ceil(OF_A_SELLER)
    }

    fn seller(number: u64) -> anyhow::Result<Did> {
        Ok(format!("did:key:z6MkSearchSeller{number:032}").parse()?)
    }

    /// The standing of a listing's seller, in thousandths.
    #[must_use]
    pub fn standing(listing: u64) -> i64 {
        i64::from(Numbers::of(listing / OF_A_SELLER, 2).below(200_000)) - 100_000
    }

    /// A question that at least one listing answers; different numbers mostly give different ones.
    /// Its words are in at most about 6 % of all listings, unless it takes any: nobody asks for
    /// `and`, which here would be in 86 %.
    ///
    /// # Errors
    /// Never for numbers.
    pub fn question(&self, number: u64, any_words: bool) -> anyhow::Result<Question> {
        let mut numbers = Numbers::of(number, 3);
        let about = u64::from(numbers.below(u32::try_from(self.listings)?));
        let Drawn { service_type, mut ranks, price, .. } = Drawn::of(about);
        if !any_words {
            ranks.retain(|&rank| rank >= RARE);
        }
        ranks.sort_unstable();
        ranks.dedup();
        let count = u32::try_from(ranks.len())?;
        anyhow::ensure!(count > 1, "listing {about} has common words only");
        let first = numbers.below(count);
        let second = (first + 1 + numbers.below(count - 1)) % count;
        let low = (price * 1_000_000) / i64::from(1 + numbers.below(9));
        let standing = Self::standing(about).div_euclid(1_000);
        Ok(Question {
            words: [first, second].map(|at| spelled(ranks[at as usize])),
            min_price: Amount::from_nano(low),
            max_price: Amount::from_nano(low * 10),
            service_type: service_type.1,
            min_reputation: (standing - i64::from(numbers.below(100))).max(-100),
        })
    }

    /// Fills an empty, migrated database of the marketplace, as if the store had written it.
    ///
    /// # Errors
    /// When the database does not take it.
    pub fn load(&self, server: &Server, database: &str, now: Timestamp) -> anyhow::Result<()> {
        let mut tables = Tables::start(server, database)?;
        let columns = "agents (did, version, payout, unfunded_orders, listings, reputation_milli)";
        let mut agents = Copy::start(server, database, columns)?;
        let mut commit = Commit::new(1, now);
        for number in 0..self.listings {
            if number % OF_A_SELLER == 0 {
                let (seller, standing) =
                    (Self::seller(number / OF_A_SELLER)?, Self::standing(number));
                agents.row(&[&seller, &1, &"manual", &0, &OF_A_SELLER, &standing])?;
            }
            tables.listing(&mut commit, &self.listing(number, now)?)?;
            commit.count();
            if commit.is_full() {
                let next = Commit::new(commit.number + 1, now);
                tables.commit(std::mem::replace(&mut commit, next))?;
            }
        }
        let last = commit.number;
        tables.commit(commit)?;
        tables.finish()?;
        agents.finish()?;
        server.sql(database, &format!("SELECT setval('batch_numbers', {last})"))?;
        let counter =
            format!("UPDATE counters SET value = {} WHERE name = 'listings'", self.listings);
        server.sql(database, &counter)?;
        server.sql(database, "VACUUM ANALYZE")?;
        Ok(())
    }

    /// Fills a database with the same listings, in the form that PostgreSQL's own full text search
    /// answers from soonest: weighted words with an index of their own, and one over the other
    /// conditions.
    ///
    /// # Errors
    /// When the database does not take it.
    pub fn load_full_text(&self, server: &Server, database: &str) -> anyhow::Result<()> {
        server.sql(
            database,
            "CREATE UNLOGGED TABLE raw (id TEXT, service_type TEXT, price BIGINT, reputation INT,
                 name TEXT, description TEXT)",
        )?;
        let columns = "raw (id, service_type, price, reputation, name, description)";
        let mut rows = Copy::start(server, database, columns)?;
        let at = Timestamp::from_micros(1 << 50);
        for number in 0..self.listings {
            let listing = self.listing(number, at)?;
            let (offer, standing) = (&listing.offer, Self::standing(number));
            rows.row(&[
                &listing.id,
                &offer.service_type,
                &offer.price.nano(),
                &standing,
                &offer.name,
                &offer.description,
            ])?;
        }
        rows.finish()?;
        for statement in FULL_TEXT {
            server.sql(database, statement)?;
        }
        Ok(())
    }

    /// How many agents sell.
    #[must_use]
    pub fn seller_count(&self) -> u64 {
        self.sellers()
    }
}

/// The planner takes the index over the words, the one over type and price, or both at once, as it
/// thinks best for each question.
const FULL_TEXT: &[&str] = &[
    "CREATE UNLOGGED TABLE offers AS
       SELECT id, service_type, price, reputation, name, description,
              setweight(to_tsvector('simple', name), 'A')
                || setweight(to_tsvector('simple', description), 'C') AS words
       FROM raw",
    "DROP TABLE raw",
    "CREATE INDEX offers_words ON offers USING gin (words) WITH (fastupdate = off)",
    "CREATE INDEX offers_price ON offers (service_type, price, reputation)",
    "VACUUM ANALYZE offers",
];
