//! Closed sets of names, as schemas: the documentation lists what the domain lists.

use std::borrow::Cow;

use marketplace_escrow::{ExpiryPolicy, OrderStatus, Phase};
use marketplace_ledger::EntryKind;
use marketplace_listings::{AcceptancePolicy, ListingStatus, Pricing, ServiceType};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{RefOr, schema::Object};
use utoipa::{PartialSchema, ToSchema};

fn one_of(names: &[&'static str]) -> Object {
    let text = SchemaType::Type(Type::String);
    ObjectBuilder::new().schema_type(text).enum_values(Some(names.iter().copied())).build()
}

macro_rules! name_schemas {
    ($($(#[$doc:meta])* $marker:ident $name:literal $names:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $marker;

        impl PartialSchema for $marker {
            fn schema() -> RefOr<Schema> {
                let names: Vec<&'static str> = $names.iter().map(|(_, name)| *name).collect();
                RefOr::T(one_of(&names).into())
            }
        }

        impl ToSchema for $marker {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )*};
}

name_schemas! {
    /// The statuses of an order.
    OrderStatusName "OrderStatus" OrderStatus::NAMES;
    /// The phases of an order.
    PhaseName "Phase" Phase::NAMES;
    /// Who says that a delivery is good.
    AcceptancePolicyName "AcceptancePolicy" AcceptancePolicy::NAMES;
    /// What happens when nothing is delivered.
    ExpiryPolicyName "ExpiryPolicy" ExpiryPolicy::NAMES;
    /// The kinds of service.
    ServiceTypeName "ServiceType" ServiceType::NAMES;
    /// The statuses of a listing.
    ListingStatusName "ListingStatus" ListingStatus::NAMES;
    /// Whether reputation moves a price.
    PricingName "Pricing" Pricing::NAMES;
    /// What an entry is for.
    EntryKindName "EntryKind" EntryKind::NAMES;
    /// The type of a message.
    ListType "ListServiceType" [((), "list_service")];
    /// The type of a message.
    SearchType "SearchRequestType" [((), "search_request")];
    /// The type of a message.
    PurchaseType "PurchaseRequestType" [((), "purchase_request")];
    /// The type of a message.
    OrderCompleteType "OrderCompleteType" [((), "order_complete")];
    /// The type of a message.
    DisputeType "DisputeRequestType" [((), "dispute_request")];
}
