//! What an agent has, how it comes in and goes out, and its statement.

use marketplace_money::Amount;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::{amount, read_some};
use crate::client::{Client, part};
use crate::transport::ClientError;

/// What an agent has with the marketplace.
#[derive(Clone, Debug, Deserialize)]
pub struct Wallet {
    /// To spend or withdraw.
    #[serde(deserialize_with = "amount")]
    pub available: Amount,
    /// In open orders.
    #[serde(deserialize_with = "amount")]
    pub in_escrow: Amount,
    /// In disputes, and locked as collateral.
    #[serde(deserialize_with = "amount")]
    pub in_bonds: Amount,
    /// On its way to the TEG.
    #[serde(deserialize_with = "amount")]
    pub in_flight: Amount,
    /// At the TEG, free to transfer; nothing where it does not say.
    #[serde(default, deserialize_with = "read_some")]
    pub teg_balance: Option<Amount>,
}

/// A withdrawal.
#[derive(Clone, Debug, Deserialize)]
pub struct Withdrawal {
    /// Its name.
    pub withdrawal_id: String,
    /// `in_flight`, `waiting`, `settled` or `returned`.
    pub status: String,
    /// What arrives.
    #[serde(deserialize_with = "amount")]
    pub amount: Amount,
    /// What the TEG takes on top.
    #[serde(deserialize_with = "amount")]
    pub fee: Amount,
}

/// A line of the agent's statement.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// Of the journal.
    pub entry_id: String,
    /// What for, such as `escrow_funded`.
    pub kind: String,
    /// What it did to the balance.
    #[serde(deserialize_with = "amount")]
    pub amount: Amount,
    /// The balance after it.
    #[serde(deserialize_with = "amount")]
    pub balance: Amount,
    /// In words.
    pub reason: String,
    /// When (RFC 3339).
    pub at: String,
}

/// A page of the statement.
#[derive(Clone, Debug, Deserialize)]
pub struct Statement {
    /// Newest first.
    pub results: Vec<Entry>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Balance {
    #[serde(deserialize_with = "amount")]
    available: Amount,
}

#[derive(Deserialize)]
struct Fee {
    #[serde(deserialize_with = "amount")]
    fee: Amount,
}

impl Client {
    /// What the agent has.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn wallet(&self) -> Result<Wallet, ClientError> {
        self.transport.get("/api/v1/wallet").await
    }

    /// Pulls tokens from the agent's account at the TEG, where that lets the marketplace; the
    /// balance afterwards.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn deposit(&self, amount: Amount) -> Result<Amount, ClientError> {
        self.balance("deposit", &json!({ "amount": amount.to_string() })).await
    }

    /// Names a transfer that the agent made to the marketplace's DID at the TEG; the balance
    /// afterwards.
    ///
    /// # Errors
    /// When it is refused, not there yet, or not answered.
    pub async fn claim_transfer(&self, transaction: &str) -> Result<Amount, ClientError> {
        self.balance("deposit", &json!({ "transaction_id": transaction })).await
    }

    /// Sends tokens to the agent's account at the TEG. The amount arrives whole; the fee is taken on
    /// top.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn withdraw(&self, amount: Amount) -> Result<Withdrawal, ClientError> {
        let body = json!({ "amount": amount.to_string() });
        self.transport.post("/api/v1/wallet/withdraw", &body).await
    }

    /// What a withdrawal costs now on top of the amount.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn withdrawal_fee(&self, amount: Amount) -> Result<Amount, ClientError> {
        let path = format!("/api/v1/wallet/withdrawal-fee?amount={amount}");
        Ok(self.transport.get::<Fee>(&path).await?.fee)
    }

    /// Gives tokens to another agent inside the marketplace; the balance afterwards.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn transfer(
        &self,
        to: &str,
        amount: Amount,
        reason: &str,
    ) -> Result<Amount, ClientError> {
        let body = json!({ "to": to, "amount": amount.to_string(), "reason": reason });
        self.balance("transfer", &body).await
    }

    /// Every line that moved the balance, newest first. `cursor` is [`Statement::next_cursor`] of
    /// the page before.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn statement(&self, cursor: Option<&str>) -> Result<Statement, ClientError> {
        let cursor = cursor.map(|cursor| format!("?cursor={}", part(cursor))).unwrap_or_default();
        self.transport.get(&format!("/api/v1/wallet/entries{cursor}")).await
    }

    /// Play money, where the marketplace gives it.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn ask_faucet(&self) -> Result<(), ClientError> {
        self.transport.post::<Value>("/api/v1/wallet/faucet", &json!({})).await.map(|_| ())
    }

    async fn balance(&self, verb: &str, body: &Value) -> Result<Amount, ClientError> {
        let path = format!("/api/v1/wallet/{verb}");
        Ok(self.transport.post::<Balance>(&path, body).await?.available)
    }
}
