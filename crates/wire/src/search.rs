//! What a caller searches for.

use std::str::FromStr;

use marketplace_engine::Refusal;
use marketplace_engine::search::{DEFAULT_LIMIT, MAX_LIMIT, Query, ServiceKind, Sort};
use marketplace_listings::ServiceType;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::NumberText;
use crate::refusal::invalid;
use crate::schema::ServiceTypeName;

/// The parameters of a search; all conditions must hold, and bounds are inclusive. An empty
/// parameter asks for nothing.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchInput {
    /// `data-processing`, `computation`, `storage`, `analysis` or `custom`.
    #[param(value_type = Option<ServiceTypeName>)]
    pub service_type: Option<String>,
    /// Listed price from here, without the fee; 0 is a bound like any other.
    #[param(value_type = Option<String>)]
    pub min_price: Option<NumberText>,
    /// Listed price up to here, without the fee.
    #[param(value_type = Option<String>)]
    pub max_price: Option<NumberText>,
    /// Standing of the provider from here, -100 to 100.
    #[param(value_type = Option<String>)]
    pub min_reputation: Option<NumberText>,
    /// Words that must all be in name, description or metadata; the last may be a beginning.
    pub query: Option<String>,
    /// Only listings of this DID.
    pub provider: Option<String>,
    /// `relevance` (default), `price_asc`, `price_desc`, `newest` or `reputation`.
    pub sort: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Results on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

const SORTS: [(&str, Sort); 5] = [
    ("relevance", Sort::Relevance),
    ("price_asc", Sort::PriceAscending),
    ("price_desc", Sort::PriceDescending),
    ("newest", Sort::Newest),
    ("reputation", Sort::Reputation),
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

fn sort(text: &str) -> Result<Sort, Refusal> {
    let found = SORTS.iter().find(|(name, _)| *name == text);
    let problem = "must be relevance, price_asc, price_desc, newest or reputation";
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
        let min_reputation = self.min_reputation.as_ref().filter(|text| !text.is_blank());
        let limit = self.limit.as_ref().filter(|text| !text.is_blank());
        let most = u32::try_from(MAX_LIMIT).unwrap_or(u32::MAX);
        let limit = limit.map(|limit| limit.whole("limit", 1..=most)).transpose()?;
        Ok(Query {
            text: given(self.query.as_ref()).map(ToOwned::to_owned),
            service_type: given(self.service_type.as_ref()).map(service_kind).transpose()?,
            min_price: number("min_price", &self.min_price)?,
            max_price: number("max_price", &self.max_price)?,
            min_reputation: min_reputation
                .map(|text| text.reputation("min_reputation"))
                .transpose()?,
            provider: parsed(self.provider.as_ref(), "provider")?,
            sort: given(self.sort.as_ref()).map(sort).transpose()?.unwrap_or_default(),
            after: parsed(self.cursor.as_ref(), "cursor")?,
            limit: limit.map_or(DEFAULT_LIMIT, |limit| limit as usize),
        })
    }
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
        check(r#"{"limit":1001}"#, "limit must be a whole number from 1 to 1000");
        check(r#"{"min_prise":1}"#, "unknown field `min_prise`");
    }
}
