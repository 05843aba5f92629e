//! The TEG's log of disputes: what we hold against another agent, for its operators to look at.

use marketplace_money::Did;
use marketplace_ports::{TegError, TegTransactionId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::HttpTeg;
use super::call::Call;
use super::error::CallError;

/// What is reported, always by ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeReport {
    /// About whom.
    pub defendant: Did,
    /// Such as `SERVICE_NOT_DELIVERED` or `CONTRACT_VIOLATION`.
    pub reason_code: String,
    /// In a sentence.
    pub description: String,
    /// Where the evidence is.
    pub evidence: Option<String>,
    /// The transfer that it is about.
    pub transfer: Option<TegTransactionId>,
}

#[derive(Deserialize)]
struct Logged {
    dispute_log_id: String,
}

impl HttpTeg {
    /// Logs a dispute and answers its name. The TEG knows no keys here, so a report is sent once:
    /// after a lost answer, look at [`HttpTeg::disputes`] first.
    ///
    /// # Errors
    /// When the TEG does not take it, or its answer is lost.
    pub async fn log_dispute(&self, report: &DisputeReport) -> Result<String, TegError> {
        let body = json!({
            "claimant_agent_did": self.caller.settings.owner.as_str(),
            "defendant_agent_did": report.defendant.as_str(),
            "reason_code": report.reason_code,
            "brief_description": report.description,
            "evidence_pointer": report.evidence,
            "related_transaction_id": report.transfer.as_ref().map(|id| id.0.as_str()),
        });
        let logged: Result<Logged, _> = self.caller.once(&Call::post("/disputes/", &body)).await;
        logged.map(|logged| logged.dispute_log_id).map_err(CallError::of_writing)
    }

    /// The disputes in which we are a party, as the TEG shows them.
    ///
    /// # Errors
    /// When the TEG does not answer.
    pub async fn disputes(&self, limit: u32, offset: u32) -> Result<Vec<Value>, TegError> {
        let call =
            Call::get("/disputes/my-disputes").query("limit", &limit).query("offset", &offset);
        self.caller.read(call).await.map_err(CallError::of_reading)
    }
}
