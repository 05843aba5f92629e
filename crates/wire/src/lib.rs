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
mod dispute;
mod doorkeeper;
mod event;
mod found;
mod juror;
mod listing;
mod message;
mod number;
mod object;
mod operator;
mod order;
mod order_input;
mod our_keys;
mod overview;
mod params;
mod problem;
mod purchase;
mod quote;
pub mod quote_token;
mod refusal;
mod reputation;
mod reserves;
mod review;
mod schema;
mod search;
mod service;
mod stack;
mod suggestion;
mod text;
mod time;
pub mod trade;
mod wallet;
mod webhook;

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
pub use dispute::{
    AcceptSettlementInput, CommitInput, ContestInput, DisputeActionBody, DisputeBody, DisputeInput,
    DisputePage, DisputeParams, DisputeStepBody, EvidenceBody, EvidenceInput, PanelBody,
    RevealInput, RoundBody, RuleInputBody, RulingBody, SeatBody, SettlementBody, SettlementInput,
    VerdictBody, digest_of, dispute_request, disputed_reply,
};
pub use doorkeeper::{Doorkeeper, Guest, Knock, frozen};
pub use event::{EventBody, EventParams, LogPage, LogParams, LoggedEvent};
pub use found::{
    ExcerptBody, ExplanationBody, FacetsBody, FoundBody, HighlightsBody, ListingPage, RangeBody,
    Share, Shown, WeightsBody,
};
pub use juror::{JurorBody, JurorInput, OptOutInput};
pub use listing::{ListingBody, OwnListingPage, OwnListingParams, TermsBody};
pub use message::{
    DisputeMessage, ListMessage, MessageKind, OrderCompleteMessage, PurchaseMessage, SearchMessage,
    completed_reply, failed_reply, listed_reply, purchased_reply,
};
pub use number::{Flag, Money, NumberText, Score};
pub use object::Object;
pub use operator::{
    ActInput, ApprovalBody, ApproveInput, CancelledBody, FeeChangeBody, FeesBody, MotionBody,
    MotionInput, MotionPage, MotionParams, ReasonInput, RetryInput,
};
pub use order::{ActionBody, AmountsBody, OrderBody, OrderPage};
pub use order_input::{AcceptSplitInput, ChangesInput, QuoteInput, SplitInput};
pub use our_keys::{DeadLetterBody, DeadLetterPage, KeyBody, KeySetBody, RotationBody};
pub use overview::{DayBody, MarketNowBody, OverviewBody, OverviewParams, SettleTimeBody};
pub use params::{AllOrderParams, DeliveryParams, EntryParams, OrderParams, WithdrawalFeeParams};
pub use problem::Problem;
pub use purchase::{PaymentInput, PaymentInstruction, PurchaseInput, purchase_request};
pub use quote::QuoteBody;
pub use reputation::{
    ExposureBody, PartBody, ReputationBody, ReputationParams, ServiceBody, StandingBody,
};
pub use reserves::{
    InclusionBody, ProofBody, ReconciliationBody, ReservesPage, StatementBody, StepBody,
};
pub use review::{
    AgentReviewBody, OrderReviewsBody, ReviewBody, ReviewInput, ReviewPage, ReviewParams,
};
pub use search::SearchInput;
pub use service::{ServiceEditInput, ServiceInput, TermsInput};
pub use stack::{
    StackCompleteInput, StackListingInput, StackPaymentInput, StackPurchaseInput, stack_order,
    stack_status,
};
pub use suggestion::{
    MatchBody, MatchPage, NeedInput, SuggestionBody, SuggestionPage, SuggestionParams, reasons,
};
pub use text::{Text, holds_escaped_nul};
pub use time::Rfc3339;
pub use wallet::{
    AmountInput, BalanceBody, DepositInput, DepositWay, EntryBody, FaucetBody, FeeBody,
    OpenWithdrawalBody, OpenWithdrawalsPage, PayoutPolicyBody, StatementPage, TransferInput,
    WalletBody, WithdrawInput, WithdrawalBody, WithdrawalQuoteBody,
};
pub use webhook::{
    AttemptBody, EventScribe, ReplayInput, WebhookBody, WebhookInput, WebhookLogPage, WebhookPage,
};
