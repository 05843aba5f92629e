//! A market of ten thousand listings of which it is known who is good at what.

use marketplace_money::{Amount, Currency, ListingId, Reputation, Seconds, Timestamp};
use marketplace_search::{Acceptance, Document, SellerFacts};

use crate::numbers::Numbers;
use crate::topics::{FILLERS, LANGUAGES, TOPICS};

const SELLERS: usize = 1_200;
pub(crate) const TODAY: i64 = 86_400_000_000 * 20_000;
const DAY: i64 = 86_400_000_000;

/// A listing, and what only its author and we know of it.
pub(crate) struct Known {
    pub(crate) document: Document,
    pub(crate) topic: usize,
    pub(crate) language: usize,
    /// How well the seller works in truth, of 100.
    pub(crate) quality: usize,
    /// What it costs, of the usual price of the topic, in percent.
    pub(crate) dearness: usize,
}

struct Seller {
    quality: usize,
    facts: SellerFacts,
    topics: [usize; 2],
    language: usize,
}

fn language(numbers: &mut Numbers) -> usize {
    let mut at = numbers.below(100);
    for (language, (share, _)) in LANGUAGES.iter().enumerate() {
        if at < *share {
            return language;
        }
        at -= share;
    }
    0
}

/// What can be seen of a seller is a noisy shadow of its quality, and of three in ten, who are new,
/// next to nothing.
fn seller(numbers: &mut Numbers) -> Seller {
    let quality = numbers.middling();
    let is_new = numbers.percent(30);
    let orders = if is_new { numbers.below(4) } else { 5 + numbers.below(20) * numbers.below(20) };
    let kept = (0..orders).filter(|_| numbers.below(100) < 55 + quality * 45 / 100).count();
    let noise = numbers.middling() as i64 - 50;
    let points = if is_new { noise / 10 } else { (quality as i64 - 50) * 3 / 2 + noise / 2 };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let reputation = Reputation::from_milli(points * 1_000);
    let facts = SellerFacts { reputation, kept: count(kept), broken: count(orders - kept) };
    let topics = [numbers.below(TOPICS.len()), numbers.below(TOPICS.len())];
    Seller { quality, facts, topics, language: language(numbers) }
}

pub(crate) fn id(number: usize) -> ListingId {
    format!("{number:032x}").parse().expect("32 digits are an id")
}

fn listing(numbers: &mut Numbers, number: usize, sellers: &[Seller]) -> Known {
    // Some sellers have many listings, most have few.
    let at = numbers.below(SELLERS).min(numbers.below(SELLERS));
    let seller = &sellers[at];
    let topic = seller.topics[numbers.below(2)];
    let subject = &TOPICS[topic];
    let phrases = &subject.phrases[seller.language];
    let (action, object) = (numbers.pick(phrases.actions), numbers.pick(phrases.objects));
    let other = (numbers.pick(phrases.actions), numbers.pick(phrases.objects));
    let fillers = FILLERS[seller.language];
    let name = format!("{action} {object}");
    // What is said in the description in addition, and not by everybody.
    let more = if numbers.percent(60) { format!("{} {}", other.0, other.1) } else { String::new() };
    let foreign = &TOPICS[numbers.below(TOPICS.len())].phrases[seller.language];
    let aside = if numbers.percent(25) { numbers.pick(foreign.objects) } else { "" };
    let description = format!("{} {more} {} {aside}", numbers.pick(fillers), numbers.pick(fillers));
    let mut write = |text: &str| -> String {
        let words = text.split_whitespace();
        words
            .map(|word| if numbers.percent(4) { numbers.misspell(word) } else { word.to_owned() } + " ")
            .collect()
    };
    let (name, description) = (write(&name), write(&description));
    let dearness = 40 + numbers.middling() + numbers.below(60) * numbers.below(60) / 30;
    let document = Document {
        id: id(number),
        provider: format!("did:key:seller{at}").parse().expect("it is a DID"),
        service_type: subject.kind,
        name,
        description,
        metadata_text: String::new(),
        tags: String::new(),
        price: Amount::from_nano(subject.price * dearness as i64 * 10_000_000),
        price_follows_reputation: numbers.percent(20),
        currency: Currency::Avt,
        delivery: Seconds(3_600),
        acceptance: Acceptance::BuyerConfirms,
        seller: seller.facts,
        created_at: Timestamp::from_micros(TODAY - DAY * numbers.below(30) as i64),
    };
    let (language, quality) = (seller.language, seller.quality);
    Known { document, topic, language, quality, dearness }
}

pub(crate) fn market(numbers: &mut Numbers, listings: usize) -> Vec<Known> {
    let sellers: Vec<Seller> = (0..SELLERS).map(|_| seller(numbers)).collect();
    (0..listings).map(|number| listing(numbers, number, &sellers)).collect()
}

impl Known {
    /// How glad a buyer of this topic is, 0 to 3: it is what it asked for; by someone who works
    /// well; at a price that is not above the usual.
    pub(crate) fn grade(&self, topic: usize, language: usize) -> u32 {
        if self.topic != topic || self.language != language {
            return 0;
        }
        1 + u32::from(self.quality >= 55) + u32::from(self.dearness <= 110)
    }
}

/// Words for a topic, as somebody types them: with a slip now and then.
pub(crate) fn question(numbers: &mut Numbers) -> (usize, usize, String) {
    let (topic, language) = (numbers.below(TOPICS.len()), language(numbers));
    let phrases = &TOPICS[topic].phrases[language];
    let text = match numbers.below(4) {
        0 => numbers.pick(phrases.objects).to_owned(),
        1 | 2 => format!("{} {}", numbers.pick(phrases.actions), numbers.pick(phrases.objects)),
        _ => format!(
            "{} {} {}",
            numbers.pick(phrases.actions),
            numbers.pick(phrases.objects),
            numbers.pick(phrases.objects)
        ),
    };
    let words = text.split_whitespace().map(ToOwned::to_owned);
    let typed: Vec<String> =
        words.map(|word| if numbers.percent(8) { numbers.misspell(&word) } else { word }).collect();
    (topic, language, typed.join(" "))
}
