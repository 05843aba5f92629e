//! `POST /disputes/`, `GET /disputes/my-disputes`, `GET /disputes/{dispute_log_id}`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::App;
use super::reply::{Answer, Refusal, body, did, time};
use crate::LoggedDispute;

/// Nobody decides here: a dispute stays as it was logged.
const OPEN: &str = "OPEN";

#[derive(Deserialize, Serialize)]
struct Report {
    claimant_agent_did: String,
    defendant_agent_did: String,
    reason_code: String,
    brief_description: String,
    avtp_transaction_id: Option<String>,
    evidence_pointer: Option<String>,
    dispute_reason_category: Option<String>,
    related_transaction_id: Option<String>,
    evidence_description_or_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default = "usual_limit")]
    limit: u32,
    #[serde(default)]
    offset: u32,
}

const fn usual_limit() -> u32 {
    100
}

pub(super) async fn log(State(app): App, headers: HeaderMap, bytes: Bytes) -> Answer {
    let caller = app.caller(&headers).await?;
    let report: Report = body(&bytes)?;
    if report.claimant_agent_did != caller.as_str() {
        return Err(Refusal::forbidden("an agent complains for itself only"));
    }
    let defendant = did(&report.defendant_agent_did, "defendant_agent_did")?;
    if defendant == caller {
        let detail = "claimant and defendant are the same agent";
        return Err(Refusal::invalid(&["body", "defendant_agent_did"], detail));
    }
    let text = json!(report).to_string();
    let id = app.server.node.log_dispute(&caller, &defendant, &text).await?;
    Ok(Json(json!({ "dispute_log_id": id.to_string(), "status": OPEN })))
}

pub(super) async fn one(State(app): App, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let caller = app.caller(&headers).await?;
    let found = match Uuid::parse_str(&id) {
        Ok(id) => app.server.node.dispute(id).await?,
        Err(_) => None,
    };
    let Some(dispute) = found else { return Err(Refusal::not_found("there is no such dispute")) };
    if caller != dispute.claimant && caller != dispute.defendant {
        return Err(Refusal::forbidden("a dispute is shown to its parties"));
    }
    Ok(Json(shown(&dispute)))
}

pub(super) async fn mine(State(app): App, Query(page): Query<Page>, headers: HeaderMap) -> Answer {
    let caller = app.caller(&headers).await?;
    let limit = page.limit.min(1_000);
    let disputes = app.server.node.disputes_of(&caller, limit, page.offset).await?;
    Ok(Json(Value::Array(disputes.iter().map(shown).collect())))
}

fn shown(dispute: &LoggedDispute) -> Value {
    let mut body: Value = serde_json::from_str(&dispute.body).unwrap_or_default();
    let more = json!({
        "dispute_log_id": dispute.id.to_string(),
        "claimant_agent_did": dispute.claimant.as_str(),
        "defendant_agent_did": dispute.defendant.as_str(),
        "status": OPEN,
        "resolution_notes": null,
        "admin_reviewer_id": null,
        "created_at": time(dispute.at),
        "updated_at": time(dispute.at),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}
