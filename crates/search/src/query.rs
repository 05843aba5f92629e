//! Questions, answers, and the bounds that no question may exceed.

use std::fmt;

use marketplace_money::{Amount, Did, ListingId, Reputation};

use crate::cursor::Cursor;
use crate::document::ServiceKind;
use crate::words::words;

/// Longest text of a query, in characters.
pub const MAX_TEXT_CHARS: usize = 256;
/// Most words in the text of a query.
pub const MAX_QUERY_WORDS: usize = 16;
/// Most hits on a page.
pub const MAX_LIMIT: usize = 1_000;
/// Hits on a page when the caller does not say.
pub const DEFAULT_LIMIT: usize = 100;

/// The order of the hits. Equal hits come newest first, then by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// How well the text fits, blended with the standing of the provider. Without words: standing.
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
}

/// A question. All conditions must hold; bounds are inclusive.
#[derive(Clone, Debug)]
pub struct Query {
    /// All of its words must be in the listing; the last one may be the beginning of a word.
    /// A text without any letter or digit asks for nothing.
    pub text: Option<String>,
    /// Only this kind of service.
    pub service_type: Option<ServiceKind>,
    /// Listed price (without the fee) from here; zero is a bound like any other.
    pub min_price: Option<Amount>,
    /// Listed price (without the fee) up to here.
    pub max_price: Option<Amount>,
    /// Standing of the provider from here.
    pub min_reputation: Option<Reputation>,
    /// Only listings of this agent.
    pub provider: Option<Did>,
    /// The order.
    pub sort: Sort,
    /// Only what comes after the page that gave this cursor; it belongs to the same query.
    pub after: Option<Cursor>,
    /// Most hits on this page, 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            text: None,
            service_type: None,
            min_price: None,
            max_price: None,
            min_reputation: None,
            provider: None,
            sort: Sort::default(),
            after: None,
            limit: DEFAULT_LIMIT,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The hits of this page, in the order asked for.
    pub hits: Vec<ListingId>,
    /// All matches, on all pages.
    pub total: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// Why a query is refused; checked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchError {
    /// The text has more than [`MAX_TEXT_CHARS`] characters.
    TextTooLong,
    /// The text has more than [`MAX_QUERY_WORDS`] words.
    TooManyWords,
    /// The limit is not between 1 and [`MAX_LIMIT`].
    LimitOutOfRange,
    /// The cursor was not given out for this query.
    ForeignCursor,
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TextTooLong => {
                write!(f, "the search text may have at most {MAX_TEXT_CHARS} characters")
            }
            Self::TooManyWords => {
                write!(f, "the search text may have at most {MAX_QUERY_WORDS} words")
            }
            Self::LimitOutOfRange => write!(f, "the limit must be between 1 and {MAX_LIMIT}"),
            Self::ForeignCursor => f.write_str(
                "the cursor belongs to another search: repeat the search without it, and do not \
                 change text, filters or sort between pages",
            ),
        }
    }
}

impl std::error::Error for SearchError {}

/// The words of a query, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct QueryWords {
    /// Must be in the listing as they are.
    pub(crate) whole: Vec<String>,
    /// A word of the listing must begin with it. Nothing when the last word was typed before.
    pub(crate) beginning: Option<String>,
}

impl QueryWords {
    /// Reads a text within the bounds.
    pub(crate) fn read(text: &str) -> Result<Self, SearchError> {
        if text.chars().nth(MAX_TEXT_CHARS).is_some() {
            return Err(SearchError::TextTooLong);
        }
        let mut all: Vec<String> = words(text).take(MAX_QUERY_WORDS + 1).collect();
        if all.len() > MAX_QUERY_WORDS {
            return Err(SearchError::TooManyWords);
        }
        let last = all.pop();
        let mut whole: Vec<String> = Vec::with_capacity(all.len());
        for word in all {
            if !whole.contains(&word) {
                whole.push(word);
            }
        }
        let beginning = last.filter(|word| !whole.contains(word));
        Ok(Self { whole, beginning })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.beginning.is_none()
    }

    /// How many words there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.whole.len()).unwrap_or(u32::MAX) + u32::from(self.beginning.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_query() {
        let check = |text: &str, whole: &[&str], beginning: Option<&str>| {
            let read = QueryWords::read(text).unwrap();
            assert_eq!(read.whole, whole, "{text:?}");
            assert_eq!(read.beginning.as_deref(), beginning, "{text:?}");
        };
        check("", &[], None);
        check(" ?!", &[], None);
        check("Data", &[], Some("data"));
        check("csv CSV data csv ana", &["csv", "data"], Some("ana"));
        check("csv data Csv", &["csv", "data"], None);
    }

    #[test]
    fn texts_have_bounds() {
        let check = |text: &str, expect: Result<u32, SearchError>| {
            assert_eq!(QueryWords::read(text).map(|words| words.count()), expect, "{text:?}");
        };
        check(&"ж".repeat(MAX_TEXT_CHARS), Ok(1));
        check(&"ж".repeat(MAX_TEXT_CHARS + 1), Err(SearchError::TextTooLong));
        check("a b c d e f g h i j k l m n o p", Ok(16));
        check("a b c d e f g h i j k l m n o p q", Err(SearchError::TooManyWords));
        check(&"x ".repeat(17), Err(SearchError::TooManyWords));
    }
}
