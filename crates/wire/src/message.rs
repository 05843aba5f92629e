//! The original's five messages and their replies (`POST /a2a/message`).
//!
//! Read twice: first only the type, then the message as what it is. Both readings borrow from the
//! body, and replies are written by hand: this is the busiest way into the marketplace.

use std::borrow::Cow;
use std::fmt::Write as _;

use marketplace_engine::{OrderView, Refusal};
use marketplace_escrow::Phase;
use marketplace_listings::Listing;
use marketplace_money::{Did, Gaps};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::schema::{
    AcceptancePolicyName, DisputeType, ListType, OrderCompleteType, PurchaseType, SearchType,
    ServiceTypeName,
};
use crate::{
    DeliveryInput, Flag, NumberText, Object, PaymentInput, PaymentInstruction, Rfc3339,
    SearchInput, ServiceInput,
};

/// Which message it is.
#[derive(Clone, Debug, Deserialize)]
pub struct MessageKind<'a> {
    /// One of five; empty when the message does not say.
    #[serde(rename = "type", borrow, default)]
    pub name: Cow<'a, str>,
}

/// A message with its envelope. Of that we need only `from`; other agents' frameworks add the
/// rest. Anything else unknown is refused: a misspelled `expected_total` must not cost money.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident $marker:ident $kind:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name<'a> {
            #[doc = concat!("`", $kind, "`.")]
            #[serde(rename = "type")]
            #[schema(value_type = $marker, inline)]
            _kind: IgnoredAny,
            #[serde(rename = "to", default)]
            #[schema(ignore)]
            _to: IgnoredAny,
            #[serde(rename = "id", default)]
            #[schema(ignore)]
            _id: IgnoredAny,
            #[serde(rename = "message_id", default)]
            #[schema(ignore)]
            _message_id: IgnoredAny,
            #[serde(rename = "timestamp", default)]
            #[schema(ignore)]
            _timestamp: IgnoredAny,
            /// Who sends it: the DID of the token.
            #[serde(borrow)]
            #[schema(value_type = String, example = "did:key:z6Mk…")]
            pub from: Cow<'a, str>,
            $($(#[$field_doc])* pub $field: $type,)*
        }
    };
}

message! {
    /// Lists a service.
    ListMessage ListType "list_service" {
        /// What is sold.
        #[schema(value_type = ServiceInput)]
        service: Object<ServiceInput>,
    }
}

message! {
    /// Searches for services.
    SearchMessage SearchType "search_request" {
        /// As in `GET /api/v1/services/search`, and so the rest.
        #[serde(default)]
        #[schema(value_type = Option<ServiceTypeName>)]
        service_type: Option<String>,
        /// Listed price from here.
        #[serde(default)]
        min_price: Option<NumberText>,
        /// Listed price up to here.
        #[serde(default)]
        max_price: Option<NumberText>,
        /// Standing of the provider from here.
        #[serde(default)]
        min_reputation: Option<NumberText>,
        /// Standing of the provider up to here.
        #[serde(default)]
        max_reputation: Option<NumberText>,
        /// Words that must all be there.
        #[serde(default)]
        query: Option<String>,
        /// Only listings of this DID.
        #[serde(default)]
        provider: Option<String>,
        /// Delivery is promised within so many seconds.
        #[serde(default)]
        #[schema(value_type = Option<u32>)]
        max_delivery_seconds: Option<NumberText>,
        /// As the listing has it.
        #[serde(default)]
        #[schema(value_type = Option<AcceptancePolicyName>)]
        acceptance_policy: Option<String>,
        /// `AVT`.
        #[serde(default)]
        currency: Option<String>,
        /// The order of the results.
        #[serde(default)]
        sort: Option<String>,
        /// Count all matches.
        #[serde(default)]
        facets: Option<Flag>,
        /// Say where the words stand.
        #[serde(default)]
        highlights: Option<Flag>,
        /// Say what made each place.
        #[serde(default)]
        explain: Option<Flag>,
        /// Sellers make way for one another.
        #[serde(default)]
        diverse: Option<Flag>,
        /// One place is for a newcomer.
        #[serde(default)]
        explore: Option<Flag>,
        /// `next_cursor` of the page before.
        #[serde(default)]
        cursor: Option<String>,
        /// Results on a page.
        #[serde(default)]
        #[schema(value_type = Option<u32>)]
        limit: Option<NumberText>,
    }
}

message! {
    /// Buys a service.
    PurchaseMessage PurchaseType "purchase_request" {
        /// What.
        #[serde(borrow)]
        #[schema(value_type = String, format = Uuid)]
        listing_id: Cow<'a, str>,
        /// `buyer_confirms`, `verified` or `auto_on_delivery`; the listing's when absent.
        #[serde(default)]
        #[schema(value_type = Option<AcceptancePolicyName>)]
        acceptance_policy: Option<String>,
        /// The total that you agree to pay.
        #[serde(default)]
        expected_total: Option<NumberText>,
        /// `quote` of `POST /api/v1/quotes`.
        #[serde(default)]
        quote: Option<String>,
        /// From the balance when absent.
        #[serde(default)]
        #[schema(value_type = Option<PaymentInput>)]
        payment: Option<Object<PaymentInput>>,
    }
}

message! {
    /// Completes an order: from the provider it delivers, from the buyer it accepts.
    OrderCompleteMessage OrderCompleteType "order_complete" {
        /// Which.
        #[serde(borrow)]
        #[schema(value_type = String, format = Uuid)]
        order_id: Cow<'a, str>,
        /// What a provider hands over; needed unless the buyer chose `auto_on_delivery`.
        #[serde(default)]
        #[schema(value_type = Option<DeliveryInput>)]
        delivery: Option<Object<DeliveryInput>>,
    }
}

message! {
    /// Disputes an order.
    DisputeMessage DisputeType "dispute_request" {
        /// Which order.
        #[serde(default)]
        #[schema(format = Uuid)]
        order_id: Option<String>,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
        /// As in `POST /api/v1/disputes/create`; `other` when absent.
        #[serde(default)]
        category: Option<String>,
        /// How much of the price is wanted; `full` when absent.
        #[serde(default)]
        remedy: Option<String>,
        /// What shows it.
        #[serde(default, borrow)]
        #[schema(value_type = Option<Object>)]
        evidence: Option<&'a RawValue>,
    }
}

impl SearchMessage<'_> {
    /// The same search as by its own route.
    #[must_use]
    pub fn input(self) -> SearchInput {
        SearchInput {
            service_type: self.service_type,
            min_price: self.min_price,
            max_price: self.max_price,
            min_reputation: self.min_reputation,
            max_reputation: self.max_reputation,
            query: self.query,
            provider: self.provider,
            max_delivery_seconds: self.max_delivery_seconds,
            acceptance_policy: self.acceptance_policy,
            currency: self.currency,
            sort: self.sort,
            facets: self.facets,
            highlights: self.highlights,
            explain: self.explain,
            diverse: self.diverse,
            explore: self.explore,
            cursor: self.cursor,
            limit: self.limit,
        }
    }
}

// Ids, names of statuses, amounts and times hold nothing that JSON escapes; whatever else goes into
// a reply passes through serde_json.

/// The reply to a listed service.
#[must_use]
pub fn listed_reply(listing: &Listing, gaps: &Gaps) -> String {
    let expires_at = Rfc3339(listing.life.effective(gaps));
    format!(
        r#"{{"type":"listing_response","status":"success","listing_id":"{}","expires_at":"{expires_at}"}}"#,
        listing.id
    )
}

/// The reply to a purchase; it says how to pay where the order waits for that.
#[must_use]
pub fn purchased_reply(view: &OrderView, receiver: &Did) -> String {
    let order = &view.order;
    let mut reply = String::with_capacity(192);
    let _ = write!(
        reply,
        r#"{{"type":"purchase_response","status":"success","order_id":"{}","escrow_amount":"{}","expires_at":"{}""#,
        order.id,
        order.price.total,
        Rfc3339(order.expires().effective(&view.gaps)),
    );
    if order.phase() == Phase::AwaitingFunds {
        let payment = PaymentInstruction::new(order.id, order.price.total, receiver);
        let payment = serde_json::to_string(&payment).unwrap_or_default();
        let _ = write!(
            reply,
            r#","order_status":"{}","phase":"{}","payment":{payment}"#,
            order.status(),
            order.phase()
        );
    }
    reply.push('}');
    reply
}

/// The reply to a completed order.
#[must_use]
pub fn completed_reply(view: &OrderView) -> String {
    let order = &view.order;
    format!(
        r#"{{"type":"order_complete_response","status":"success","order_id":"{}","order_status":"{}","phase":"{}"}}"#,
        order.id,
        order.status(),
        order.phase()
    )
}

/// The reply to a message that the rules refused. `kind` and `status` are the original's words.
#[must_use]
pub fn failed_reply(kind: &str, status: &str, refusal: &Refusal) -> String {
    let reason = serde_json::Value::from(refusal.to_string());
    let code = refusal.code();
    format!(r#"{{"type":"{kind}","status":"{status}","reason":{reason},"code":"{code}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_in_two_steps() {
        let json = r#"{"type":"purchase_request","from":"did:buyer","listing_id":"x","id":7}"#;
        let kind: MessageKind<'_> = serde_json::from_str(json).unwrap();
        assert!(matches!(kind.name, Cow::Borrowed("purchase_request")));
        let message: PurchaseMessage<'_> = serde_json::from_str(json).unwrap();
        assert!(matches!(message.from, Cow::Borrowed("did:buyer")));
    }

    #[test]
    fn unknown_and_repeated_fields_are_refused() {
        let check = |json: &str, expect: &str| {
            let error = serde_json::from_str::<PurchaseMessage<'_>>(json).unwrap_err().to_string();
            assert!(error.contains(expect), "{json}: {error}");
        };
        check(
            r#"{"type":"purchase_request","from":"a","listing_id":"x","expected_totl":"5"}"#,
            "unknown field `expected_totl`",
        );
        check(
            r#"{"type":"purchase_request","from":"a","listing_id":"x","payment":{"amount":"1"}}"#,
            "unknown field `amount`",
        );
        check(
            r#"{"type":"purchase_request","from":"a","from":"b","listing_id":"x"}"#,
            "duplicate field `from`",
        );
        check(r#"{"type":"purchase_request","from":"a","listing_id":7}"#, "invalid type: integer");
    }

    #[test]
    fn reasons_are_escaped() {
        let refusal = Refusal::InvalidInput { field: "name", problem: "says \"no\"\n".to_owned() };
        let reply = failed_reply("listing_response", "rejected", &refusal);
        let read: serde_json::Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(read["reason"], "name says \"no\"\n");
        assert_eq!(read["code"], "invalid");
    }
}
