//! What a search answers.

use std::collections::BTreeMap;

use marketplace_engine::search::{
    Acceptance, Blend, DELIVERY_BOUNDS, Excerpt, Facets, Highlighter, PRICE_BOUNDS,
    REPUTATION_BOUNDS, ServiceKind,
};
use marketplace_engine::{Found, FoundPage};
use marketplace_listings::{AcceptancePolicy, Pricing, ServiceType};
use marketplace_money::{Amount, Gaps, Multiplier};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{ListingBody, Money, Text};

/// A part of a score, from 0 to 1, as a JSON number with six decimals at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = f64, example = 0.75, minimum = 0, maximum = 1)]
pub struct Share(pub u32);

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Millionths, as an amount of nano-AVT would be written: the same decimals.
        let text = Amount::from_nano(i64::from(self.0) * 1_000).to_string();
        RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// A listing that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundBody {
    /// The listing.
    #[serde(flatten)]
    pub listing: ListingBody,
    /// What you would pay now without the fee, where reputation moves the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_now: Option<Money>,
    /// What the standing of the seller makes of `price`, where it moves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "0.95")]
    pub price_multiplier: Option<Text<Multiplier>>,
    /// `newcomer`: it is shown because its seller is new, not because of its score.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "newcomer")]
    pub slot: Option<&'static str>,
    /// What made its place; with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<ExplanationBody>,
    /// Where the words stand; with `highlights=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<HighlightsBody>,
}

/// The parts of a score.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationBody {
    /// The sum of all parts, each times its weight. Without words it is what is known of the
    /// seller: reputation and fulfilment.
    pub score: Share,
    /// How well the words fit.
    pub text: Share,
    /// The standing of the seller, -100 to 100, as a share.
    pub reputation: Share,
    /// The share of orders that the seller fulfils at least, with 95 % certainty.
    pub fulfilment: Share,
    /// 1 in the cheapest eighth of listings of its kind, 0 in the dearest; 0 without words.
    pub price: Share,
    /// 1 today, half after two weeks.
    pub freshness: Share,
    /// What each part counts.
    pub weights: WeightsBody,
    /// How many threes of the same seller stand before it: from 1 on it made way for others.
    pub made_way: u16,
}

/// What the parts of a score count; the sum is 1.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeightsBody {
    /// See the explanation, and so the rest.
    pub text: Share,
    /// The card's `reputation_weight`.
    pub reputation: Share,
    /// Orders fulfilled.
    pub fulfilment: Share,
    /// Price among its peers.
    pub price: Share,
    /// Age.
    pub freshness: Share,
}

/// Where the words of the search stand. Plain text and places: nothing is marked up.
#[derive(Debug, Serialize, ToSchema)]
pub struct HighlightsBody {
    /// In the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ExcerptBody>,
    /// In the description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<ExcerptBody>,
}

/// A piece of a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExcerptBody {
    /// The provider's words: inert text.
    pub text: String,
    /// Begin and end of each found word, in characters of `text`.
    #[schema(value_type = Vec<Vec<usize>>, example = json!([[0, 3]]))]
    pub marks: Vec<[usize; 2]>,
}

/// How many of all matches are of which kind, price and so on.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetsBody {
    /// By service type.
    pub service_type: BTreeMap<String, usize>,
    /// By acceptance policy.
    pub acceptance_policy: BTreeMap<String, usize>,
    /// By currency.
    pub currency: BTreeMap<String, usize>,
    /// By price, in AVT: from `from`, below `to`.
    pub price: Vec<RangeBody>,
    /// By the standing of the seller: from `from`, below `to`.
    pub reputation: Vec<RangeBody>,
    /// By delivery time in seconds: above `from`, up to `to`.
    pub delivery_seconds: Vec<RangeBody>,
}

/// How many lie between two bounds.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RangeBody {
    /// The lower bound, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// The upper bound, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
    /// How many.
    pub count: usize,
}

/// A page of listings.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListingPage {
    /// In the order asked for.
    pub results: Vec<FoundBody>,
    /// Results in this answer.
    pub count: usize,
    /// All matches.
    pub total: usize,
    /// `some`: no listing has all of the words, these have some of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "some")]
    pub words_matched: Option<&'static str>,
    /// Counts of all matches; with `facets=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<FacetsBody>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl FoundBody {
    /// A listing without more about how it was found.
    #[must_use]
    pub fn new(found: &Found, gaps: &Gaps) -> Self {
        let moves = found.listing.offer.terms.pricing == Pricing::Reputation;
        Self {
            listing: ListingBody::new(&found.listing, found.reputation, gaps),
            price_now: moves.then_some(Money(found.price_now)),
            price_multiplier: moves.then(|| Text(Multiplier::from_reputation(found.reputation))),
            slot: found.is_newcomer.then_some("newcomer"),
            explanation: None,
            highlights: None,
        }
    }

    /// With what made its place.
    #[must_use]
    pub fn explained(self, found: &Found, blend: &Blend) -> Self {
        let score = &found.score;
        let explanation = ExplanationBody {
            score: Share(score.total),
            text: Share(score.text),
            reputation: Share(score.reputation),
            fulfilment: Share(score.fulfilment),
            price: Share(score.price),
            freshness: Share(score.freshness),
            weights: WeightsBody {
                text: Share(blend.text),
                reputation: Share(blend.reputation),
                fulfilment: Share(blend.fulfilment),
                price: Share(blend.price),
                freshness: Share(blend.freshness),
            },
            made_way: found.tier,
        };
        Self { explanation: Some(explanation), ..self }
    }

    /// With the places of the words.
    #[must_use]
    pub fn highlighted(self, found: &Found, highlighter: &Highlighter) -> Self {
        let offer = &found.listing.offer;
        let highlights = HighlightsBody {
            name: highlighter.excerpt(&offer.name).map(Into::into),
            description: highlighter.excerpt(&offer.description).map(Into::into),
        };
        Self { highlights: Some(highlights), ..self }
    }
}

impl From<Excerpt> for ExcerptBody {
    fn from(excerpt: Excerpt) -> Self {
        let marks = excerpt.marks.iter().map(|mark| [mark.start, mark.end]).collect();
        Self { text: excerpt.text, marks }
    }
}

/// Counts between bounds, which are one fewer.
fn ranges<B: Copy + Into<i64>>(bounds: &[B], counts: &[usize]) -> Vec<RangeBody> {
    let bound = |at: usize| bounds.get(at).map(|&bound| bound.into());
    let range = |(at, &count): (usize, &usize)| {
        let from = at.checked_sub(1).and_then(bound);
        RangeBody { from, to: bound(at), count }
    };
    counts.iter().enumerate().map(range).collect()
}

impl From<&Facets> for FacetsBody {
    fn from(facets: &Facets) -> Self {
        let kinds = ServiceType::NAMES.iter().zip(ServiceKind::ALL);
        let policies = AcceptancePolicy::NAMES.iter().zip(Acceptance::ALL);
        let total = facets.kinds.iter().sum();
        Self {
            service_type: kinds
                .map(|((_, name), kind)| ((*name).to_owned(), facets.kinds[kind.place()]))
                .collect(),
            acceptance_policy: policies
                .map(|((_, name), policy)| ((*name).to_owned(), facets.policies[policy.place()]))
                .collect(),
            currency: BTreeMap::from([("AVT".to_owned(), total)]),
            price: ranges(&PRICE_BOUNDS, &facets.prices),
            reputation: ranges(&REPUTATION_BOUNDS, &facets.reputations),
            delivery_seconds: ranges(&DELIVERY_BOUNDS, &facets.deliveries),
        }
    }
}

/// What of a page is shown beside the listings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// What made each place.
    pub explanations: bool,
    /// Where the words stand.
    pub highlighter: Option<&'a Highlighter>,
}

impl ListingPage {
    /// The answer to a search.
    #[must_use]
    pub fn new(page: &FoundPage, shown: Shown<'_>, gaps: &Gaps) -> Self {
        let body = |found: &Found| {
            let mut body = FoundBody::new(found, gaps);
            if shown.explanations {
                body = body.explained(found, &page.blend);
            }
            if let Some(highlighter) = shown.highlighter {
                body = body.highlighted(found, highlighter);
            }
            body
        };
        let results: Vec<FoundBody> = page.results.iter().map(body).collect();
        Self {
            count: results.len(),
            results,
            total: page.total,
            words_matched: page.is_partial.then_some("some"),
            facets: page.facets.as_ref().map(Into::into),
            next_cursor: page.next.as_ref().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_as_decimals() {
        let json = |share| serde_json::to_string(&Share(share)).unwrap();
        assert_eq!(
            (json(0), json(750_000), json(1), json(1_000_000)),
            ("0".to_owned(), "0.75".to_owned(), "0.000001".to_owned(), "1".to_owned())
        );
    }

    #[test]
    fn ranges_lie_between_their_bounds() {
        let range = |from, to, count| RangeBody { from, to, count };
        assert_eq!(
            ranges(&[1i32, 10], &[7, 8, 9]),
            [range(None, Some(1), 7), range(Some(1), Some(10), 8), range(Some(10), None, 9)]
        );
    }

    #[test]
    fn kinds_and_policies_have_the_same_order_in_both_worlds() {
        let facets = Facets { kinds: [1, 2, 3, 4, 5], policies: [6, 7, 8], ..Facets::default() };
        let body = FacetsBody::from(&facets);
        assert_eq!(body.service_type["data-processing"], 1);
        assert_eq!(body.service_type["custom"], 5);
        assert_eq!(body.acceptance_policy["buyer_confirms"], 6);
        assert_eq!(body.acceptance_policy["auto_on_delivery"], 8);
        assert_eq!(body.currency["AVT"], 15);
    }
}
