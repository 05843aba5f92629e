//! What a provider writes about its service.

use marketplace_engine::Refusal;
use marketplace_listings::{Offer, OfferEdit, Terms};
use marketplace_money::Seconds;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::schema::{AcceptancePolicyName, PricingName, ServiceTypeName};
use crate::{NumberText, Object};

/// A service to list.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceInput {
    /// `data-processing`, `computation`, `storage`, `analysis` or `custom`; `type` is understood
    /// too.
    #[serde(alias = "type")]
    #[schema(value_type = ServiceTypeName)]
    pub service_type: String,
    /// One line, at most 120 characters.
    #[schema(example = "CSV Analyzer")]
    pub name: String,
    /// At most 4,000 characters.
    #[schema(example = "Analyzes CSV files")]
    pub description: String,
    /// What the seller gets, without the marketplace's fee; a decimal string or a JSON number.
    pub price: NumberText,
    /// Any JSON object of at most 16 KiB; its meaning is between provider and buyer.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// What is promised.
    #[serde(default)]
    #[schema(value_type = Option<TermsInput>)]
    pub terms: Option<Object<TermsInput>>,
}

/// The terms of a listing; absent ones take their defaults, or stay in an edit.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsInput {
    /// From funding to delivery, 60 to 82,800; 23 hours when absent.
    #[serde(default)]
    #[schema(example = 3_600)]
    pub delivery_seconds: Option<u64>,
    /// How often the buyer may ask for changes, at most 10; 1 when absent.
    #[serde(default)]
    #[schema(example = 1)]
    pub revisions: Option<u64>,
    /// `buyer_confirms` or `verified`; `buyer_confirms` when absent.
    #[serde(default)]
    #[schema(value_type = Option<AcceptancePolicyName>)]
    pub acceptance_policy: Option<String>,
    /// `fixed`, or `reputation`: then the price moves with the provider's standing, 0.8 to 1.2.
    #[serde(default)]
    #[schema(value_type = Option<PricingName>)]
    pub pricing: Option<String>,
    /// You promise each buyer that nobody else gets the same bytes; false when absent.
    #[serde(default)]
    pub exclusive: Option<bool>,
    /// Executable checks on the delivery, such as `{"kind":"json_schema","schema":{…}}`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub checks: Option<Vec<Value>>,
}

/// What a provider changes; absent fields stay.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceEditInput {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new description.
    #[serde(default)]
    pub description: Option<String>,
    /// A new price, for orders from now on.
    #[serde(default)]
    pub price: Option<NumberText>,
    /// New metadata, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// New terms, for orders from now on; those that are absent stay.
    #[serde(default)]
    #[schema(value_type = Option<TermsInput>)]
    pub terms: Option<Object<TermsInput>>,
}

fn json_text(value: &impl serde::Serialize) -> String {
    // What was read from JSON can be written as JSON.
    serde_json::to_string(value).unwrap_or_default()
}

impl TermsInput {
    /// These terms over those that stood before.
    ///
    /// # Errors
    /// When a name is none of its kind.
    pub fn over(self, before: &Terms) -> Result<Terms, Refusal> {
        let mut terms = before.clone();
        // A number too large for its column is too large for the rules as well.
        if let Some(seconds) = self.delivery_seconds {
            terms.delivery = Seconds(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        if let Some(revisions) = self.revisions {
            terms.revisions = u8::try_from(revisions).unwrap_or(u8::MAX);
        }
        if let Some(policy) = self.acceptance_policy {
            terms.acceptance = policy.parse()?;
        }
        if let Some(pricing) = self.pricing {
            terms.pricing = pricing.parse()?;
        }
        if let Some(exclusive) = self.exclusive {
            terms.exclusive = exclusive;
        }
        if let Some(checks) = self.checks {
            let text = if checks.is_empty() { String::new() } else { json_text(&checks) };
            terms.checks = text.into();
        }
        Ok(terms)
    }
}

impl ServiceInput {
    /// What the rules of listings judge.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn offer(self) -> Result<Offer, Refusal> {
        let terms = self.terms.map(|terms| terms.0).unwrap_or_default();
        Ok(Offer {
            service_type: self.service_type.parse()?,
            name: self.name,
            description: self.description,
            price: self.price.amount("price")?,
            metadata: json_text(&self.metadata.unwrap_or_default()),
            terms: terms.over(&Terms::default())?,
        })
    }
}

impl ServiceEditInput {
    /// What the rules of listings judge; `before` are the terms that stand.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn edit(self, before: &Terms) -> Result<OfferEdit, Refusal> {
        Ok(OfferEdit {
            name: self.name,
            description: self.description,
            price: self.price.map(|price| price.amount("price")).transpose()?,
            metadata: self.metadata.map(|metadata| json_text(&metadata)),
            terms: self.terms.map(|terms| terms.0.over(before)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Offer, String> {
        let input: Object<ServiceInput> =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        input.0.offer().map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn the_originals_service() {
        let json = r#"{"type":"data-processing","name":"CSV Analyzer",
            "description":"Analyze CSV files","price":"5.0"}"#;
        let offer = read(json).unwrap();
        assert_eq!(offer.price.to_string(), "5");
        assert_eq!(offer.metadata, "{}");
        assert_eq!(offer.terms, Terms::default());
    }

    #[test]
    fn unknown_and_wrong_fields_are_named() {
        let check = |fields: &str, expect: &str| {
            let json = format!(
                r#"{{"service_type":"custom","name":"n","description":"d","price":1{fields}}}"#
            );
            let error = read(&json).unwrap_err();
            assert!(error.contains(expect), "{fields}: {error}");
        };
        check(r#","prise":2"#, "unknown field `prise`");
        check(r#","terms":{"revision":1}"#, "unknown field `revision`");
        check(r#","terms":[60,1]"#, "invalid type: sequence");
        check(r#","terms":{"pricing":"auction"}"#, "pricing must be");
        check(r#","terms":{"acceptance_policy":"trust"}"#, "acceptance_policy must be");
        check(r#","metadata":[1]"#, "invalid type: sequence");
        check(r#","price":2"#, "duplicate field `price`");
    }

    #[test]
    fn an_edit_keeps_what_it_does_not_name() {
        let before = Terms { revisions: 3, ..Terms::default() };
        let json = r#"{"terms":{"delivery_seconds":600}}"#;
        let input: ServiceEditInput = serde_json::from_str(json).unwrap();
        let terms = input.edit(&before).unwrap().terms.unwrap();
        assert_eq!(terms, Terms { delivery: Seconds(600), ..before });
    }
}
