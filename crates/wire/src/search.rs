//! What a caller searches for.

use std::str::FromStr;

use marketplace_engine::Refusal;
use marketplace_engine::search::{Acceptance, DEFAULT_LIMIT, MAX_LIMIT, Query, ServiceKind, Sort};
use marketplace_listings::{AcceptancePolicy, ServiceType};
use marketplace_money::{Currency, Reputation, Seconds};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::refusal::invalid;
use crate::schema::{AcceptancePolicyName, ServiceTypeName};
use crate::{Flag, NumberText};

/// The parameters of a search; all conditions must hold, and bounds are inclusive. An empty
/// parameter asks for nothing.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchInput {
    /// `data-processing`, `computation`, `storage`, `analysis` or `custom`.
    #[param(value_type = Option<ServiceTypeName>)]
    pub service_type: Option<String>,
    /// Price from here, as you would pay it now without the fee; 0 is a bound like any other.
    #[param(value_type = Option<String>)]
    pub min_price: Option<NumberText>,
    /// Price up to here, as you would pay it now without the fee.
    #[param(value_type = Option<String>)]
    pub max_price: Option<NumberText>,
    /// Standing of the provider from here, -100 to 100.
    #[param(value_type = Option<String>)]
    pub min_reputation: Option<NumberText>,
    /// Standing of the provider up to here.
    #[param(value_type = Option<String>)]
    pub max_reputation: Option<NumberText>,
    /// Words that must all be in name, tags, description or metadata; the last may be a beginning.
    /// Misspelt ones are forgiven, here and there. Where no listing has all of the words, those
    /// that have some are found by relevance, and `words_matched` says `some`.
    pub query: Option<String>,
    /// Only listings of this DID.
    pub provider: Option<String>,
    /// Delivery is promised within so many seconds.
    #[param(value_type = Option<u32>)]
    pub max_delivery_seconds: Option<NumberText>,
    /// `buyer_confirms`, `verified` or `auto_on_delivery`: as the listing has it.
    #[param(value_type = Option<AcceptancePolicyName>)]
    pub acceptance_policy: Option<String>,
    /// `AVT`, the only one there is.
    pub currency: Option<String>,
    /// `relevance` (default), `price_asc`, `price_desc`, `newest`, `reputation` or `fulfilment`.
    pub sort: Option<String>,
    /// Count all matches by type, price and so on: `false` when absent.
    #[param(value_type = Option<bool>)]
    pub facets: Option<Flag>,
    /// Say where the words stand in name and description: `false` when absent.
    #[param(value_type = Option<bool>)]
    pub highlights: Option<Flag>,
    /// Say what made each place: `false` when absent.
    #[param(value_type = Option<bool>)]
    pub explain: Option<Flag>,
    /// By relevance, sellers make way for one another after three listings: `true` when absent.
    #[param(value_type = Option<bool>)]
    pub diverse: Option<Flag>,
    /// By relevance, one place of the first page is for a newcomer, labelled so: `true` when absent.
    #[param(value_type = Option<bool>)]
    pub explore: Option<Flag>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Results on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

const SORTS: [(&str, Sort); 6] = [
    ("relevance", Sort::Relevance),
    ("price_asc", Sort::PriceAscending),
    ("price_desc", Sort::PriceDescending),
    ("newest", Sort::Newest),
    ("reputation", Sort::Reputation),
    ("fulfilment", Sort::Fulfilment),
];

fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn parsed<T>(text: Option<&String>, field: &'static str) -> Result<Option<T>, Refusal>
where
    T: FromStr<Err: ToString>,
{
    let parse =
        |text: &str| text.parse().map_err(|error: T::Err| invalid(field, error.to_string()));
    given(text).map(parse).transpose()
}

const fn kind(service_type: ServiceType) -> ServiceKind {
    match service_type {
        ServiceType::DataProcessing => ServiceKind::DataProcessing,
        ServiceType::Computation => ServiceKind::Computation,
        ServiceType::Storage => ServiceKind::Storage,
        ServiceType::Analysis => ServiceKind::Analysis,
        ServiceType::Custom => ServiceKind::Custom,
    }
}

fn service_kind(text: &str) -> Result<ServiceKind, Refusal> {
    let named: Result<ServiceType, _> = text.parse();
    named.map(kind).map_err(|error| invalid("service_type", error.problem))
}

fn acceptance(text: &str) -> Result<Acceptance, Refusal> {
    let named: Result<AcceptancePolicy, _> = text.parse();
    let acceptance = |policy| match policy {
        AcceptancePolicy::BuyerConfirms => Acceptance::BuyerConfirms,
        AcceptancePolicy::Verified => Acceptance::Verified,
        AcceptancePolicy::AutoOnDelivery => Acceptance::AutoOnDelivery,
    };
    named.map(acceptance).map_err(|error| invalid("acceptance_policy", error.problem))
}

fn currency(text: &str) -> Result<Currency, Refusal> {
    let known = text == Currency::Avt.to_string();
    known.then_some(Currency::Avt).ok_or_else(|| invalid("currency", "must be AVT"))
}

/// What a flag says, if it says something.
fn said(flag: Option<Flag>, otherwise: bool) -> bool {
    flag.map_or(otherwise, |flag| flag.0)
}

fn sort(text: &str) -> Result<Sort, Refusal> {
    let found = SORTS.iter().find(|(name, _)| *name == text);
    let problem = "must be relevance, price_asc, price_desc, newest, reputation or fulfilment";
    found.map(|(_, sort)| *sort).ok_or_else(|| invalid("sort", problem))
}

impl SearchInput {
    /// What the index is asked.
    ///
    /// # Errors
    /// When a parameter cannot be read; the refusal names it.
    pub fn query(&self) -> Result<Query, Refusal> {
        let number = |text: &'static str, number: &Option<NumberText>| match number {
            Some(number) if !number.is_blank() => number.amount(text).map(Some),
            _ => Ok(None),
        };
        let whole = |field, number: &Option<NumberText>, bounds| {
            let given = number.as_ref().filter(|text| !text.is_blank());
            given.map(|number: &NumberText| number.whole(field, bounds)).transpose()
        };
        let most = u32::try_from(MAX_LIMIT).unwrap_or(u32::MAX);
        let limit = whole("limit", &self.limit, 1..=most)?;
        Ok(Query {
            text: given(self.query.as_ref()).map(ToOwned::to_owned),
            service_type: given(self.service_type.as_ref()).map(service_kind).transpose()?,
            min_price: number("min_price", &self.min_price)?,
            max_price: number("max_price", &self.max_price)?,
            min_reputation: standing("min_reputation", self.min_reputation.as_ref())?,
            max_reputation: standing("max_reputation", self.max_reputation.as_ref())?,
            provider: parsed(self.provider.as_ref(), "provider")?,
            max_delivery: whole("max_delivery_seconds", &self.max_delivery_seconds, 0..=u32::MAX)?
                .map(Seconds),
            acceptance: given(self.acceptance_policy.as_ref()).map(acceptance).transpose()?,
            currency: given(self.currency.as_ref()).map(currency).transpose()?,
            sort: given(self.sort.as_ref()).map(sort).transpose()?.unwrap_or_default(),
            spread: said(self.diverse, true),
            explore: said(self.explore, true),
            facets: said(self.facets, false),
            after: parsed(self.cursor.as_ref(), "cursor")?,
            limit: limit.map_or(DEFAULT_LIMIT, |limit| limit as usize),
            ..Query::default()
        })
    }

    /// Whether each place is to be explained.
    #[must_use]
    pub fn explains(&self) -> bool {
        said(self.explain, false)
    }

    /// Whether the words are to be marked.
    #[must_use]
    pub fn highlights(&self) -> bool {
        said(self.highlights, false)
    }
}

fn standing(field: &'static str, text: Option<&NumberText>) -> Result<Option<Reputation>, Refusal> {
    text.filter(|text| !text.is_blank()).map(|text| text.reputation(field)).transpose()
}

#[cfg(test)]
mod tests {
    use marketplace_money::Amount;

    use super::*;

    fn read(json: &str) -> Result<Query, String> {
        let input: SearchInput = serde_json::from_str(json).map_err(|error| error.to_string())?;
        input.query().map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn zero_is_a_bound_and_nothing_is_none() {
        assert_eq!(read(r#"{"min_price":0}"#).unwrap().min_price, Some(Amount::ZERO));
        assert_eq!(read(r#"{"min_price":"0"}"#).unwrap().min_price, Some(Amount::ZERO));
        assert_eq!(read(r#"{"min_price":""}"#).unwrap().min_price, None);
        assert_eq!(read("{}").unwrap().limit, DEFAULT_LIMIT);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let check = |json: &str, expect: &str| {
            let error = read(json).unwrap_err();
            assert!(error.contains(expect), "{json}: {error}");
        };
        check(r#"{"min_price":"cheap"}"#, "min_price is not a decimal number");
        check(r#"{"max_price":"NaN"}"#, "max_price is not a decimal number");
        check(r#"{"min_reputation":"101"}"#, "min_reputation must be");
        check(r#"{"service_type":"magic"}"#, "service_type must be");
        check(r#"{"provider":"bob"}"#, "provider is not a DID");
        check(r#"{"sort":"random"}"#, "sort must be");
        check(r#"{"cursor":"x"}"#, "cursor is not a cursor");
        check(r#"{"max_reputation":-101}"#, "max_reputation must be");
        check(r#"{"max_delivery_seconds":"1h"}"#, "max_delivery_seconds must be a whole number");
        check(r#"{"acceptance_policy":"trust"}"#, "acceptance_policy must be");
        check(r#"{"currency":"EUR"}"#, "currency must be AVT");
        check(r#"{"facets":"yes"}"#, "must be true or false");
        check(r#"{"limit":1001}"#, "limit must be a whole number from 1 to 1000");
        check(r#"{"min_prise":1}"#, "unknown field `min_prise`");
    }
}
