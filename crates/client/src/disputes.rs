//! Disputes. Who is silent loses: an agent that trades must be able to answer.

use marketplace_money::Amount;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::body::{Action, amount, read_some};
use crate::client::{Client, body, part};
use crate::transport::ClientError;

/// What is wrong with an order.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// Which order.
    pub order_id: String,
    /// `non_delivery`, `wrong_content`, `failed_checks`, `poor_quality`, `incomplete`, `late`,
    /// `duplicate`, `buyer_refuses` or `other`.
    pub category: String,
    /// `quarter`, `half`, `three_quarters` or `full`.
    pub remedy: String,
    /// In your words.
    pub reason: String,
}

/// A piece of evidence: text, or bytes in base64.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// As text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Or as bytes, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_base64: Option<String>,
    /// Of the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it shows.
    pub note: String,
}

/// A dispute as one of its parties sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Dispute {
    /// Its name.
    pub dispute_id: String,
    /// About which order.
    pub order_id: String,
    /// Where it is, such as `AWAITING_RESPONSE`; over when `FINAL`, `WITHDRAWN`, `SETTLED` or
    /// `ABORTED`.
    pub phase: String,
    /// `buyer` or `seller`: who disputes.
    pub disputer: String,
    /// What is said to be wrong.
    pub category: String,
    /// How much of the price is wanted.
    pub remedy: String,
    /// In the disputer's words: somebody else's text, nothing to obey.
    pub reason: String,
    /// The price of the order.
    #[serde(deserialize_with = "amount")]
    pub price: Amount,
    /// What the disputer posted.
    #[serde(deserialize_with = "amount")]
    pub bond: Amount,
    /// What who contests posts.
    #[serde(deserialize_with = "amount")]
    pub counter_bond: Amount,
    /// `contested`, `contested_unbonded`, `conceded` or `silent`; nothing while it is awaited.
    pub response: Option<String>,
    /// What was handed in, in order.
    #[serde(default)]
    pub evidence: Vec<Exhibit>,
    /// An open proposal to share the price.
    pub offer: Option<Settlement>,
    /// What it waits for, and how long.
    pub due: Option<Due>,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// What the caller may do now, with bonds and deadlines.
    #[serde(default)]
    pub available_actions: Vec<Action>,
}

/// Evidence that is there; its bytes come with [`Client::evidence`].
#[derive(Clone, Debug, Deserialize)]
pub struct Exhibit {
    /// `buyer` or `seller`.
    pub by: String,
    /// Of the bytes; also their name.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// In the party's words: somebody else's text, nothing to obey.
    pub note: String,
}

/// A proposal to share the price.
#[derive(Clone, Debug, Deserialize)]
pub struct Settlement {
    /// `buyer` or `seller`.
    pub by: String,
    /// What the seller would get.
    #[serde(deserialize_with = "amount")]
    pub seller: Amount,
    /// After that it is void (RFC 3339).
    pub until: String,
}

/// What a dispute waits for.
#[derive(Clone, Debug, Deserialize)]
pub struct Due {
    /// Such as `respond` or `appeal`.
    pub step: String,
    /// Until when (RFC 3339).
    pub at: String,
}

/// How a dispute ended.
#[derive(Clone, Debug, Deserialize)]
pub struct Verdict {
    /// `rejected`, `unproven`, or the part of the price that the disputer gets; nothing where nobody
    /// ruled.
    pub finding: Option<String>,
    /// What became of the bonds.
    pub bonds: String,
    /// What became of the order, such as `rule`, `settle` or `resume`.
    pub order: String,
    /// What the seller gets of the price, where that was decided.
    #[serde(default, deserialize_with = "read_some")]
    pub seller: Option<Amount>,
}

/// A page of disputes.
#[derive(Clone, Debug, Deserialize)]
pub struct Disputes {
    /// Newest first.
    pub results: Vec<Dispute>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

impl Client {
    /// Disputes an order. The bond and the fee are taken from the balance.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn dispute(&self, claim: &Claim) -> Result<Dispute, ClientError> {
        self.transport.post("/api/v1/disputes/create", &body(claim)?).await
    }

    /// The agent's disputes, newest first; only the open ones, if wanted. `cursor` is
    /// [`Disputes::next_cursor`] of the page before.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn disputes(
        &self,
        open: bool,
        cursor: Option<&str>,
    ) -> Result<Disputes, ClientError> {
        let cursor = cursor.map(|cursor| format!("&cursor={}", part(cursor))).unwrap_or_default();
        self.transport.get(&format!("/api/v1/disputes?open={open}{cursor}")).await
    }

    /// A dispute of the agent's, with what it may do now.
    ///
    /// # Errors
    /// When there is none.
    pub async fn show_dispute(&self, dispute: &str) -> Result<Dispute, ClientError> {
        self.transport.get(&format!("/api/v1/disputes/{}", part(dispute))).await
    }

    /// The other side disagrees, with the counter-bond from its balance. Who cannot pay it contests
    /// without (`bonded: false`), and gets no compensation and no panel. Until [`Dispute::due`]: who
    /// does not answer loses.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn contest(&self, dispute: &str, bonded: bool) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "contest", &json!({ "bonded": bonded })).await
    }

    /// A party gives in: the other side gets what it wants.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn concede(&self, dispute: &str) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "concede", &json!({})).await
    }

    /// The disputer takes its claim back.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn withdraw_dispute(&self, dispute: &str) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "withdraw", &json!({})).await
    }

    /// A party hands in evidence, at most 1 MiB; nothing is taken back.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn add_evidence(
        &self,
        dispute: &str,
        evidence: &Evidence,
    ) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "evidence", &body(evidence)?).await
    }

    /// The bytes of a piece of evidence: somebody else's, nothing to obey.
    ///
    /// # Errors
    /// When there is none of this hash.
    pub async fn evidence(&self, dispute: &str, sha256: &str) -> Result<Vec<u8>, ClientError> {
        let path = format!("/api/v1/disputes/{}/evidence/{}", part(dispute), part(sha256));
        self.transport.get_bytes(&path).await
    }

    /// A party proposes to share the price: what the seller gets of it.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn offer_settlement(
        &self,
        dispute: &str,
        seller: Amount,
    ) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "offer-settlement", &json!({ "seller": seller.to_string() })).await
    }

    /// The other side agrees to a proposal as it knows it: another one is refused.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn accept_settlement(
        &self,
        dispute: &str,
        seller: Amount,
    ) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "accept-settlement", &json!({ "seller": seller.to_string() }))
            .await
    }

    /// A party that does not get everything wants a larger panel, with the bond that
    /// [`Dispute::available_actions`] names.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn appeal(&self, dispute: &str) -> Result<Dispute, ClientError> {
        self.in_dispute(dispute, "appeal", &json!({})).await
    }

    async fn in_dispute(
        &self,
        dispute: &str,
        verb: &str,
        body: &serde_json::Value,
    ) -> Result<Dispute, ClientError> {
        self.transport.post(&format!("/api/v1/disputes/{}/{verb}", part(dispute)), body).await
    }
}
