//! What a buyer asks for.

use marketplace_engine::{Payment, PurchaseRequest, Refusal};
use marketplace_fees::{Expectation, Quote};
use marketplace_money::{Amount, Did, OrderId};
use marketplace_ports::TegTransactionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refusal::invalid;
use crate::schema::AcceptancePolicyName;
use crate::{Money, NumberText, Object};

/// A purchase.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchaseInput {
    /// What.
    #[schema(format = Uuid)]
    pub listing_id: String,
    /// `buyer_confirms`, `verified` or `auto_on_delivery`; the listing's when absent.
    #[serde(default)]
    #[schema(value_type = Option<AcceptancePolicyName>)]
    pub acceptance_policy: Option<String>,
    /// The total that you agree to pay, price and fee; another total is refused.
    #[serde(default)]
    pub expected_total: Option<NumberText>,
    /// `quote` of `POST /api/v1/quotes`: its price holds for five minutes.
    #[serde(default)]
    pub quote: Option<String>,
    /// From the balance when absent.
    #[serde(default)]
    #[schema(value_type = Option<PaymentInput>)]
    pub payment: Option<Object<PaymentInput>>,
}

/// How a buyer pays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentInput {
    /// `balance`; `transfer`: the order waits an hour for your transfer at the TEG; `prepaid`: by
    /// a transfer that you made before, whose memo names the listing or nothing.
    #[serde(default)]
    #[schema(example = "prepaid")]
    pub method: Option<String>,
    /// With `prepaid`, also alone: the TEG's name of your transfer. It pays for one thing only;
    /// what it brought beyond the price stays in your balance.
    #[serde(default)]
    pub transaction_id: Option<String>,
}

/// What a buyer transfers at the TEG so that its order is funded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentInstruction {
    /// Always `transfer`.
    #[schema(example = "transfer")]
    pub method: &'static str,
    /// How much.
    pub amount: Money,
    /// To whom.
    #[schema(example = "did:agentvault:marketplace-v1")]
    pub receiver: String,
    /// What to write beside it: by it the transfer finds its order.
    #[schema(example = "order:0197f3a2-7c1e-7aaa-8b1b-0242ac120002")]
    pub memo: String,
}

impl PaymentInstruction {
    /// For an order that waits for `total`.
    #[must_use]
    pub fn new(order: OrderId, total: Amount, receiver: &Did) -> Self {
        Self {
            method: "transfer",
            amount: Money(total),
            receiver: receiver.to_string(),
            memo: format!("order:{order}"),
        }
    }
}

impl PaymentInput {
    /// What the use case takes.
    ///
    /// # Errors
    /// When nothing is paid that way.
    pub fn payment(&self) -> Result<Payment, Refusal> {
        match (self.method.as_deref(), &self.transaction_id) {
            (None | Some("prepaid"), Some(id)) => {
                Ok(Payment::Prepaid(TegTransactionId(id.clone())))
            }
            (Some("balance"), None) => Ok(Payment::Balance),
            (Some("transfer"), None) => Ok(Payment::Transfer),
            (None | Some("prepaid"), None) => {
                Err(invalid("payment.transaction_id", "must name your transfer"))
            }
            (Some("balance" | "transfer"), Some(_)) => {
                Err(invalid("payment.transaction_id", "belongs to the method prepaid only"))
            }
            _ => Err(invalid("payment.method", "must be balance, transfer or prepaid")),
        }
    }
}

/// Reads a purchase. An id that is none names no listing.
///
/// # Errors
/// When a field cannot be read.
pub fn purchase_request(
    listing: &str,
    acceptance: Option<&str>,
    expected_total: Option<&NumberText>,
    quote: Option<Quote>,
    payment: Option<&PaymentInput>,
) -> Result<PurchaseRequest, Refusal> {
    let listing = listing.parse().map_err(|_| Refusal::ListingNotFound)?;
    let acceptance = acceptance.map(str::parse).transpose()?;
    let total = expected_total.map(|total| total.amount("expected_total")).transpose()?;
    let expects = match (total, quote) {
        (None, None) => Expectation::Nothing,
        (Some(total), None) => Expectation::Total(total),
        (None, Some(quote)) => Expectation::Quote(quote),
        // Both may be said, if they say the same.
        (Some(total), Some(quote)) if total == quote.price.total => Expectation::Quote(quote),
        (Some(_), Some(_)) => {
            return Err(invalid("expected_total", "is not the total of the quote"));
        }
    };
    let payment = payment.map(PaymentInput::payment).transpose()?.unwrap_or_default();
    Ok(PurchaseRequest { listing, acceptance, expects, payment })
}
