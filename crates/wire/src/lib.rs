//! Serde types, the caller, and refusals as problem documents: what every binding shares.
//!
//! Inputs keep what the caller wrote until a use case reads it, so that a number that is not an
//! amount is a refusal with the name of its field. Outputs are built from the domain and never
//! read back.

mod acceptance;
mod agent;
mod api_key;
mod audit;
mod caller;
pub mod codes;
mod delivery;
mod event;
mod found;
mod listing;
mod message;
mod number;
mod object;
mod operator;
mod order;
mod order_input;
mod our_keys;
mod params;
mod problem;
mod purchase;
mod quote;
mod refusal;
mod reserves;
mod schema;
mod search;
mod service;
mod stack;
mod text;
mod time;
mod wallet;

pub use acceptance::{CheckBody, DryRunBody, DryRunInput};
pub use agent::{AccessTokenBody, AgentBody, RegistrationInput};
pub use api_key::{
    ApiKeyBody, ApiKeyInput, ApiKeyPage, ApiKeyParams, BindApiKeyInput, NewApiKeyBody,
    api_key_label,
};
pub use audit::AuditBody;
pub use caller::{Caller, Via};
pub use codes::{CODES, Code};
pub use delivery::{DeliveryBody, DeliveryInput, FailedCheckBody, hex, sha256_from_hex};
pub use event::{EventBody, EventParams, LogPage, LogParams, LoggedEvent};
pub use found::{
    ExcerptBody, ExplanationBody, FacetsBody, FoundBody, HighlightsBody, ListingPage, RangeBody,
    Share, Shown, WeightsBody,
};
pub use listing::{ListingBody, TermsBody};
