//! The routes of the original stack's other services, as its deployed clients call them. They send
//! more than we read: what is not known here is passed over.

use marketplace_engine::{OrderView, Payment, PurchaseRequest, Refusal};
use marketplace_fees::Expectation;
use marketplace_listings::{AcceptancePolicy, ServiceType};
use marketplace_money::Did;
use marketplace_ports::TegTransactionId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::refusal::invalid;
use crate::{DeliveryInput, NumberText, Object, OrderBody, ServiceInput, TermsInput};

/// The longest name of a transfer.
const LONGEST_TRANSACTION: usize = 255;

/// A service to list.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct StackListingInput {
    /// Who sells; must be the caller.
    #[serde(default)]
    pub provider_did: Option<String>,
    /// One line.
    pub name: String,
    /// In the provider's words; the name when absent.
    #[serde(default)]
    pub description: Option<String>,
    /// Such as `data-processing`; with `_` for `-` it is understood too.
    #[serde(default)]
    pub service_type: Option<String>,
    /// What the seller gets.
    pub price: NumberText,
    /// Any JSON object.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// What is promised.
    #[serde(default)]
    #[schema(value_type = Option<TermsInput>)]
    pub terms: Option<Object<TermsInput>>,
}

impl StackListingInput {
    /// As our own routes take it. `lenient`: a kind of service that we do not know is `custom`.
    #[must_use]
    pub fn service(self, lenient: bool) -> ServiceInput {
        let named = self.service_type.map(|name| name.replace('_', "-"));
        let known = |name: &String| name.parse::<ServiceType>().is_ok();
        let service_type = match named {
            Some(name) if !lenient || known(&name) => name,
            _ => "custom".to_owned(),
        };
        ServiceInput {
            service_type,
            description: self.description.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            price: self.price,
            metadata: self.metadata,
            terms: self.terms,
        }
    }
}

/// A purchase.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct StackPurchaseInput {
    /// What.
    pub listing_id: String,
    /// Who buys; must be the caller.
    #[serde(default)]
    pub buyer_did: Option<String>,
    /// Whether it was paid for before, by the transfer `escrow_tx_id`.
    #[serde(default)]
    pub prepaid_escrow: Option<bool>,
    /// The transfer to us at the TEG that pays for it.
    #[serde(default)]
    pub escrow_tx_id: Option<String>,
    /// The same, as `{"transaction_id":"…"}`; or `{"method":"balance"}`.
    #[serde(default)]
    #[schema(value_type = Option<StackPaymentInput>)]
    pub payment: Option<Object<StackPaymentInput>>,
    /// `buyer_confirms`, `verified` or `auto_on_delivery`.
    #[serde(default)]
    pub acceptance_policy: Option<String>,
    /// Another total is refused.
    #[serde(default)]
    pub expected_total: Option<NumberText>,
}

/// How a purchase is paid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct StackPaymentInput {
    /// The transfer to us that pays for it.
    #[serde(default)]
    pub transaction_id: Option<String>,
    /// `balance`, or `transfer`: the order waits for it.
    #[serde(default)]
    pub method: Option<String>,
}

impl StackPurchaseInput {
    fn payment(&self) -> Result<Payment, Refusal> {
        let given = self.payment.as_ref().map(|payment| &payment.0);
        let transaction = given.and_then(|payment| payment.transaction_id.as_deref());
        let transaction = self.escrow_tx_id.as_deref().or(transaction);
        match (self.prepaid_escrow, transaction) {
            (Some(true), None) => Err(invalid("escrow_tx_id", "must name the transfer")),
            (Some(false), Some(_)) => {
                Err(invalid("prepaid_escrow", "must be true where a transfer is named"))
            }
            (_, Some(id)) if id.is_empty() || id.len() > LONGEST_TRANSACTION => {
                Err(invalid("escrow_tx_id", "must have 1 to 255 characters"))
            }
            (_, Some(id)) => Ok(Payment::Prepaid(TegTransactionId(id.to_owned()))),
            (_, None) => match given.and_then(|payment| payment.method.as_deref()) {
                None | Some("balance") => Ok(Payment::Balance),
                Some("transfer") => Ok(Payment::Transfer),
                Some(_) => Err(invalid("payment.method", "must be balance or transfer")),
            },
        }
    }

    /// What the use case takes; `policy` where the purchase names none.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn request(&self, policy: AcceptancePolicy) -> Result<PurchaseRequest, Refusal> {
        let named = self.acceptance_policy.as_deref().map(str::parse).transpose()?;
        let total = self.expected_total.as_ref();
        let total = total.map(|total| total.amount("expected_total")).transpose()?;
        Ok(PurchaseRequest {
            listing: self.listing_id.parse().map_err(|_| Refusal::ListingNotFound)?,
            acceptance: Some(named.unwrap_or(policy)),
            expects: total.map_or(Expectation::Nothing, Expectation::Total),
            payment: self.payment()?,
        })
    }
}

/// The end of an order's work.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct StackCompleteInput {
    /// Who completes it; must be the caller.
    #[serde(default, alias = "agent_did", alias = "completed_by", alias = "from")]
    pub provider_did: Option<String>,
    /// What a provider hands over.
    #[serde(default)]
    #[schema(value_type = Option<DeliveryInput>)]
    pub delivery: Option<Object<DeliveryInput>>,
}

/// An order as these routes show it: as everywhere, and `id`, and `status` in lower case.
#[must_use]
pub fn stack_order(view: &OrderView, viewer: &Did, receiver: &Did) -> Value {
    let mut body = serde_json::to_value(OrderBody::new(view, viewer, receiver)).unwrap_or_default();
    body["id"] = view.order.id.to_string().into();
    body["status"] = stack_status(view).into();
    body
}

/// `pending`, `escrow_funded`, `completed`, `refunded` or `expired`.
#[must_use]
pub fn stack_status(view: &OrderView) -> String {
    view.order.status().to_string().to_lowercase()
}
