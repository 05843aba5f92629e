//! Listings that may interest somebody, and offers for a need.

use marketplace_engine::search::{DEFAULT_LIMIT, FULL};
use marketplace_engine::{Found, Match, Need, Reason, Refusal, Suggested};
use marketplace_money::{Gaps, Seconds};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::refusal::invalid;
use crate::schema::{AcceptancePolicyName, ServiceTypeName};
use crate::search::{acceptance, given, service_kind};
use crate::{FoundBody, NumberText, QuoteBody};

/// Most listings that are suggested at once.
const MOST: u32 = 100;
const FEW: usize = 10;

/// How many listings.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SuggestionParams {
    /// 1 to 100; 10 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

fn limit(text: Option<&NumberText>) -> Result<usize, Refusal> {
    let given = text.filter(|text| !text.is_blank());
    let limit = given.map(|text| text.whole("limit", 1..=MOST)).transpose()?;
    Ok(limit.map_or(FEW, |limit| limit as usize))
}

impl SuggestionParams {
    /// How many.
    ///
    /// # Errors
    /// When it is no number within the bounds.
    pub fn limit(&self) -> Result<usize, Refusal> {
        limit(self.limit.as_ref())
    }
}

/// A listing and why it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionBody {
    /// The listing.
    #[serde(flatten)]
    pub found: FoundBody,
    /// In words; the names of listings in it are their providers' words: inert text.
    #[schema(example = "bought by agents who bought \"CSV Analyzer\"")]
    pub reason: String,
    /// `bought_with`, `alike`, `popular` or `ranked`.
    pub reason_code: &'static str,
}

/// Listings, best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionPage {
    /// Best first.
    pub results: Vec<SuggestionBody>,
    /// Results in this answer.
    pub count: usize,
}

impl SuggestionPage {
    /// Suggestions with their reasons.
    #[must_use]
    pub fn new(suggested: &[Suggested], gaps: &Gaps) -> Self {
        let body = |suggested: &Suggested| {
            let (reason_code, reason) = match &suggested.reason {
                Reason::BoughtWith(name) => {
                    ("bought_with", format!("bought by agents who bought \"{name}\""))
                }
                Reason::Like(name) => ("alike", format!("like \"{name}\"")),
                Reason::BoughtBy(1) => ("popular", "bought by one agent".to_owned()),
                Reason::BoughtBy(count) => ("popular", format!("bought by {count} agents")),
                Reason::Ranked => ("ranked", "by the standing of its seller".to_owned()),
            };
            SuggestionBody { found: FoundBody::new(&suggested.found, gaps), reason, reason_code }
        };
        let results: Vec<SuggestionBody> = suggested.iter().map(body).collect();
        Self { count: results.len(), results }
    }
}

/// What you need.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedInput {
    /// In your own words, at most 2,000 characters.
    #[schema(example = "clean a spreadsheet of addresses and remove duplicates")]
    pub need: String,
    /// The most that you pay, with the fee.
    #[serde(default)]
    pub budget: Option<NumberText>,
    /// Delivered within so many seconds.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub deadline_seconds: Option<NumberText>,
    /// Only this kind of service.
    #[serde(default)]
    #[schema(value_type = Option<ServiceTypeName>)]
    pub service_type: Option<String>,
    /// Only under this policy.
    #[serde(default)]
    #[schema(value_type = Option<AcceptancePolicyName>)]
    pub acceptance_policy: Option<String>,
    /// Offers, 1 to 100; 10 when absent.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

impl NeedInput {
    /// What is looked for.
    ///
    /// # Errors
    /// When a field cannot be read; the refusal names it.
    pub fn read(self) -> Result<Need, Refusal> {
        if self.need.chars().all(|c| !c.is_alphanumeric()) {
            return Err(invalid("need", "must say in words what you need"));
        }
        let budget = self.budget.as_ref().filter(|text| !text.is_blank());
        let deadline = self.deadline_seconds.as_ref().filter(|text| !text.is_blank());
        let deadline =
            deadline.map(|text| text.whole("deadline_seconds", 0..=u32::MAX)).transpose()?;
        Ok(Need {
            budget: budget.map(|text| text.amount("budget")).transpose()?,
            deadline: deadline.map(Seconds),
            service_type: given(self.service_type.as_ref()).map(service_kind).transpose()?,
            acceptance: given(self.acceptance_policy.as_ref()).map(acceptance).transpose()?,
            limit: limit(self.limit.as_ref())?.min(DEFAULT_LIMIT),
            words: self.need,
        })
    }
}

/// An offer for a need.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchBody {
    /// The listing, with what made its place.
    #[serde(flatten)]
    pub found: FoundBody,
    /// Why it fits.
    pub reasons: Vec<String>,
    /// Price, fee and total, promised to you for five minutes: pass `quote` when you buy.
    pub ready_quote: QuoteBody,
}

/// Offers for a need, best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchPage {
    /// Best first.
    pub results: Vec<MatchBody>,
    /// Results in this answer.
    pub count: usize,
}

/// Why an offer fits, in words.
#[must_use]
pub fn reasons(matched: &Match, need: &Need) -> Vec<String> {
    let Found { listing, score, .. } = &matched.found;
    let percent = |share: u32| share / (FULL / 100);
    let total = matched.quote.price.total;
    let mut reasons = vec![format!("fits {} % of what your words say", percent(score.text))];
    match need.budget {
        Some(budget) => reasons.push(format!("costs {total} of your {budget} AVT, with the fee")),
        None => reasons.push(format!("costs {total} AVT, with the fee")),
    }
    let delivery = listing.offer.terms.delivery.0;
    match need.deadline {
        Some(deadline) => {
            reasons.push(format!("delivers within {delivery} of your {} seconds", deadline.0));
        }
        None => reasons.push(format!("delivers within {delivery} seconds")),
    }
    if score.fulfilment > 0 {
        let rate = percent(score.fulfilment);
        reasons.push(format!("its seller fulfils {rate} % of its orders or more"));
    } else {
        reasons.push("its seller has not shown yet that it fulfils orders".to_owned());
    }
    reasons
}

impl MatchPage {
    /// Offers in their order.
    #[must_use]
    pub fn new(results: Vec<MatchBody>) -> Self {
        Self { count: results.len(), results }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_read_or_its_field_named() {
        let read = |json: &str| {
            let input: Result<NeedInput, _> = serde_json::from_str(json);
            input.map_err(|error| error.to_string())?.read().map_err(|refusal| refusal.to_string())
        };
        let check = |json: &str, expect: &str| {
            let error = read(json).map(|_| ()).unwrap_err();
            assert!(error.contains(expect), "{json}: {error}");
        };
        check("{}", "missing field `need`");
        check(r#"{"need":" ?! "}"#, "need must say");
        check(r#"{"need":"csv","budget":"much"}"#, "budget is not a decimal number");
        check(r#"{"need":"csv","deadline_seconds":-1}"#, "deadline_seconds must be");
        check(r#"{"need":"csv","limit":101}"#, "limit must be");
        check(r#"{"need":"csv","wish":1}"#, "unknown field `wish`");
        assert_eq!(read(r#"{"need":"csv"}"#).unwrap().limit, FEW);
    }
}
