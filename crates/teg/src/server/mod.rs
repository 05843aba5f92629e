//! The embedded node as a server: the subset of the published TEG API that we speak, for
//! development, for tests, and for deployments without another TEG. One route of our own is added,
//! `POST /api/v1/token/pull`: the node's owner fetches tokens for an agent's command.

mod balance;
mod callers;
mod dispute;
mod faucet;
mod fault;
mod fault_plan;
mod fees;
mod replay;
mod reply;
mod reputation;
mod stake;
mod transactions;
mod transfer;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use marketplace_ports::TransferFee;
use serde_json::{Value, json};

pub use callers::{BareDids, CallerError, Callers, KnownTokens};
pub use fault::{Faults, with_faults};
pub use fault_plan::{Fault, FaultPlan, UnknownFault};

use crate::EmbeddedTeg;
use replay::Replays;

/// A request has a few short fields.
const LARGEST_BODY: usize = 64 << 10;

/// What the server stands on.
pub struct TegServer {
    /// The books.
    pub node: Arc<EmbeddedTeg>,
    /// Who a bearer of a token is.
    pub callers: Arc<dyn Callers>,
    /// What a transfer costs its sender.
    pub fee: TransferFee,
    /// Who shows this in `X-Service-Token` sees everybody's balance.
    pub service_token: Option<String>,
}

/// What the handlers share.
struct Shared {
    server: TegServer,
    replays: Replays,
}

type App = axum::extract::State<Arc<Shared>>;

/// All routes, with their paths from the root.
pub fn router(server: TegServer) -> Router {
    let shared = Arc::new(Shared { server, replays: Replays::default() });
    let token = Router::new()
        .route("/balance", get(balance::plain))
        .route("/transfer", post(transfer::transfer))
        .route("/pull", post(transfer::pull))
        .route("/transactions", get(transactions::list))
        .route("/{transaction_id}/reputation-signal", post(reputation::signal))
        .route("/fees/config", get(fees::config))
        .route("/fees/calculate", get(fees::calculate))
        .route("/testing/faucet", post(faucet::give));
    let api = Router::new()
        .nest("/token", token)
        .route("/tokenomics/balance", get(balance::own))
        .route("/tokenomics/balance/{agent_did}", get(balance::of_agent))
        .route("/governance/staking/stake", post(stake::stake))
        .route("/governance/staking/unstake", post(stake::unstake))
        .route("/governance/staking/mystake", get(stake::mine))
        .route("/reputation/agents/{agent_id}/reputation", get(reputation::of_agent))
        .route("/disputes/", post(dispute::log))
        .route("/disputes/my-disputes", get(dispute::mine))
        .route("/disputes/{dispute_log_id}", get(dispute::one))
        .route("/teg/send", post(transfer::send));
    Router::new()
        .route("/health", get(health))
        .nest("/api/v1", api)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

async fn health() -> axum::Json<Value> {
    axum::Json(json!({ "status": "healthy", "service": "teg" }))
}
