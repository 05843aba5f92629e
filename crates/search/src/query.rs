//! Questions, and the bounds that no question may exceed.

use std::fmt;

use marketplace_money::{Amount, Currency, Did, Reputation, Seconds, Timestamp};

use crate::cursor::Cursor;
use crate::document::{Acceptance, ServiceKind};
use crate::stop_words::is_stop_word;
use crate::words::words;

/// Longest text of a query, in characters.
pub const MAX_TEXT_CHARS: usize = 256;
/// Longest text of a need in somebody's own words, in characters.
pub const MAX_NEED_CHARS: usize = 2_000;
/// Most words in the text of a query. Of a need, so many words are used: the rarest.
pub const MAX_QUERY_WORDS: usize = 16;
/// Most hits on a page.
pub const MAX_LIMIT: usize = 1_000;
/// Hits on a page when the caller does not say.
pub const DEFAULT_LIMIT: usize = 100;

/// The order of the hits. Equal hits come newest first, then by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// How well the text fits, blended with what is known of seller, price and age. Without words:
    /// the merit of the seller.
    #[default]
    Relevance,
    /// Cheapest first.
    PriceAscending,
    /// Dearest first.
    PriceDescending,
    /// Newest first.
    Newest,
    /// Best standing first.
    Reputation,
    /// Sellers first that surely fulfil most of their orders.
    Fulfilment,
}

/// Which of the words a listing must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matching {
    /// All of them. By relevance, where no listing has all: those that have some.
    #[default]
    All,
    /// Some of them: for needs in somebody's own words.
    Any,
}

/// A question. All conditions must hold; bounds are inclusive.
#[derive(Clone, Debug)]
pub struct Query {
    /// Words that must be in the listing; the last one may be the beginning of a word. A word that
    /// is likely misspelt, here or there, is forgiven. A text without any letter or digit asks for
    /// nothing.
    pub text: Option<String>,
    /// Which of the words a listing must have.
    pub matching: Matching,
    /// Only this kind of service.
    pub service_type: Option<ServiceKind>,
    /// Price that would be paid now (without the fee) from here; zero is a bound like any other.
    pub min_price: Option<Amount>,
    /// Price that would be paid now (without the fee) up to here.
    pub max_price: Option<Amount>,
    /// Standing of the provider from here.
    pub min_reputation: Option<Reputation>,
    /// Standing of the provider up to here.
    pub max_reputation: Option<Reputation>,
    /// Only listings of this agent.
    pub provider: Option<Did>,
    /// Delivery is promised within this time.
    pub max_delivery: Option<Seconds>,
    /// Only under this acceptance policy.
    pub acceptance: Option<Acceptance>,
    /// Only priced in this.
    pub currency: Option<Currency>,
    /// The order.
    pub sort: Sort,
    /// By relevance: no seller fills a page while others match.
    pub spread: bool,
    /// By relevance: one place on the first page is for a newcomer.
    pub explore: bool,
    /// Count all matches by kind, price and so on.
    pub facets: bool,
    /// Only what comes after the page that gave this cursor; it belongs to the same query.
    pub after: Option<Cursor>,
    /// Most hits on this page, 1 to [`MAX_LIMIT`].
    pub limit: usize,
    /// What time it is: listings age by days. The pages of an answer keep the day of the first.
    pub now: Timestamp,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: None,
            matching: Matching::All,
            service_type: None,
            min_price: None,
            max_price: None,
            min_reputation: None,
            max_reputation: None,
            provider: None,
            max_delivery: None,
            acceptance: None,
            currency: None,
            sort: Sort::default(),
            spread: true,
            explore: true,
            facets: false,
            after: None,
            limit: DEFAULT_LIMIT,
            now: Timestamp::default(),
        }
    }
}

impl Query {
    /// Whether some filter is there that no sorted order answers as one piece.
    pub(crate) const fn has_residual_filter(&self) -> bool {
        self.max_delivery.is_some() || self.acceptance.is_some() || self.currency.is_some()
    }
}

/// Why a query is refused; checked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchError {
    /// The text has more than [`MAX_TEXT_CHARS`] characters, or a need more than
    /// [`MAX_NEED_CHARS`].
    TextTooLong,
    /// The text has more than [`MAX_QUERY_WORDS`] words.
    TooManyWords,
    /// The limit is not between 1 and [`MAX_LIMIT`].
    LimitOutOfRange,
    /// The cursor was not given out for this query.
    ForeignCursor,
    /// The listings are still being read. An index never says so; whoever fills one does.
    NotReady,
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TextTooLong => write!(
                f,
                "the search text may have at most {MAX_TEXT_CHARS} characters, a need at most \
                 {MAX_NEED_CHARS}"
            ),
            Self::TooManyWords => {
                write!(f, "the search text may have at most {MAX_QUERY_WORDS} words")
            }
            Self::LimitOutOfRange => write!(f, "the limit must be between 1 and {MAX_LIMIT}"),
            Self::ForeignCursor => f.write_str(
                "the cursor belongs to another search: repeat the search without it, and do not \
                 change text, filters or sort between pages",
            ),
            Self::NotReady => f.write_str(
                "the listings are still being read after a start: ask again in a moment, or another \
                 server",
            ),
        }
    }
}

impl std::error::Error for SearchError {}

/// The words of a query, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct QueryWords {
    /// As they are.
    pub(crate) whole: Vec<String>,
    /// A word of the listing may begin with it. Nothing when the last word was typed before.
    pub(crate) beginning: Option<String>,
}

impl QueryWords {
    /// Reads a text within the bounds.
    pub(crate) fn read(text: &str, matching: Matching) -> Result<Self, SearchError> {
        let longest = match matching {
            Matching::All => MAX_TEXT_CHARS,
            Matching::Any => MAX_NEED_CHARS,
        };
        if text.chars().nth(longest).is_some() {
            return Err(SearchError::TextTooLong);
        }
        let mut all: Vec<String> = match matching {
            Matching::All => words(text).take(MAX_QUERY_WORDS + 1).collect(),
            Matching::Any => words(text).collect(),
        };
        // A need is a sentence: nobody is in the middle of its last word.
        let last = if matching == Matching::All { all.pop() } else { None };
        if all.len() >= MAX_QUERY_WORDS && matching == Matching::All {
            return Err(SearchError::TooManyWords);
        }
        let mut whole: Vec<String> = Vec::with_capacity(all.len());
        for word in all {
            if !whole.contains(&word) {
                whole.push(word);
            }
        }
        if matching == Matching::Any && !whole.iter().all(|word| is_stop_word(word)) {
            whole.retain(|word| !is_stop_word(word));
        }
        let beginning = last.filter(|word| !whole.contains(word));
        Ok(Self { whole, beginning })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.beginning.is_none()
    }

    /// How many words there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.whole.len() + usize::from(self.beginning.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_query() {
        let check = |text: &str, whole: &[&str], beginning: Option<&str>| {
            let read = QueryWords::read(text, Matching::All).unwrap();
            assert_eq!(read.whole, whole, "{text:?}");
            assert_eq!(read.beginning.as_deref(), beginning, "{text:?}");
        };
        check("", &[], None);
        check(" ?!", &[], None);
        check("Data", &[], Some("data"));
        check("csv CSV data csv ana", &["csv", "data"], Some("ana"));
        check("csv data Csv", &["csv", "data"], None);
        let need = QueryWords::read("clean csv, clean data", Matching::Any).unwrap();
        assert_eq!((need.whole.len(), need.beginning), (3, None));
        let need = QueryWords::read("Please clean the data for me", Matching::Any).unwrap();
        assert_eq!(need.whole, ["clean", "data"]);
        let need = QueryWords::read("The Who", Matching::Any).unwrap();
        assert_eq!(need.whole, ["who"]);
        let need = QueryWords::read("to be or", Matching::Any).unwrap();
        assert_eq!(need.whole.len(), 3, "where there is nothing else they are what is asked");
    }

    #[test]
    fn texts_have_bounds() {
        let check = |text: &str, matching, expect: Result<usize, SearchError>| {
            let read = QueryWords::read(text, matching);
            assert_eq!(read.map(|words| words.count()), expect, "{text:?}");
        };
        check(&"ж".repeat(MAX_TEXT_CHARS), Matching::All, Ok(1));
        check(&"ж".repeat(MAX_TEXT_CHARS + 1), Matching::All, Err(SearchError::TextTooLong));
        check(&"ж ".repeat(MAX_NEED_CHARS / 2), Matching::Any, Ok(1));
        check(&"ж".repeat(MAX_NEED_CHARS + 1), Matching::Any, Err(SearchError::TextTooLong));
        check("a b c d e f g h i j k l m n o p", Matching::All, Ok(16));
        check("a b c d e f g h i j k l m n o p q", Matching::All, Err(SearchError::TooManyWords));
        check("b c d e f g h j k l m n p q r s t", Matching::Any, Ok(17));
        check(&"x ".repeat(17), Matching::All, Err(SearchError::TooManyWords));
    }
}
