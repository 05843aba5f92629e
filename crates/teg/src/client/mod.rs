//! A TEG over HTTP: the published API, spoken carefully. Money moves on it, so every call knows
//! whether it may be repeated, and what it means when no answer comes.

mod atto;
mod book;
mod breaker;
mod budget;
mod call;
mod cursor;
mod dispute;
mod error;
mod fees;
mod history;
mod line;
mod memo;
mod settings;
mod share;
mod stake;
mod transfer;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use marketplace_money::{Amount, Did, Reputation};
use marketplace_ports::{
    HistoryCursor, HistoryPage, Teg, TegBalance, TegError, TegTransactionId, TegTransfer,
    TransferFee, TransferOrder,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

pub use breaker::BreakerSettings;
pub use budget::HourlyLimits;
pub use dispute::DisputeReport;
pub(crate) use line::PULL;
pub use settings::{HttpTegError, HttpTegSettings, Rail, TegAuth, is_loopback};
pub(crate) use stake::ALL;

use call::{Call, Caller};
use error::CallError;
use fees::FeeCache;
use line::whole;
use stake::nonsense;

/// The TEG at a URL, called as one agent.
#[derive(Debug)]
pub struct HttpTeg {
    caller: Caller,
    fees: FeeCache,
    /// The TEG has said that it has none.
    faucet_closed: AtomicBool,
}

#[derive(Deserialize)]
struct Balance {
    balance: Value,
    #[serde(default)]
    locked_balance: Value,
}

#[derive(Deserialize)]
struct Score {
    reputation_score: i64,
}

#[derive(Deserialize)]
struct Funded {
    new_balance: Value,
}

impl HttpTeg {
    /// A client; nothing is called yet.
    ///
    /// # Errors
    /// When the URL cannot be called, or no HTTPS client can be built.
    pub fn new(settings: HttpTegSettings) -> Result<Self, HttpTegError> {
        let faucet_closed = AtomicBool::new(!settings.faucet_open);
        Ok(Self { caller: Caller::new(settings)?, fees: FeeCache::default(), faucet_closed })
    }

    async fn own_balance(&self) -> Result<TegBalance, TegError> {
        let found: Option<Balance> = self.caller.find(Call::get("/tokenomics/balance")).await?;
        if let Some(balance) = found {
            return balance.read();
        }
        // A TEG without this route tells the plain balance; an agent that never moved a token is
        // not known by either.
        let plain: Option<Balance> = self.caller.find(Call::get("/token/balance")).await?;
        let Some(plain) = plain else { return Ok(TegBalance::default()) };
        Ok(TegBalance { staked: self.known_stake().await?, ..plain.read()? })
    }

    /// A call that the TEG does once for its key.
    async fn keyed<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CallError> {
        let (mut pauses, mut in_doubt) = (self.caller.pauses(), false);
        loop {
            let error = match self.caller.once(call).await {
                Err(error) => error,
                done => return done,
            };
            in_doubt |= matches!(error, CallError::Lost { .. });
            let over = matches!(error, CallError::Refused(_));
            match self.caller.next_pause(&mut pauses, &error) {
                Some(pause) if !over => tokio::time::sleep(pause).await,
                _ if in_doubt && !over => {
                    return Err(CallError::lost(error.of_writing().to_string()));
                }
                _ => return Err(error),
            }
        }
    }
}

impl Balance {
    fn read(&self) -> Result<TegBalance, TegError> {
        let (available, dust) =
            whole(&self.balance).ok_or_else(|| nonsense("balance", &self.balance))?;
        let locked = if self.locked_balance.is_null() {
            Some(Default::default())
        } else {
            whole(&self.locked_balance)
        };
        let (staked, _): (Amount, u32) =
            locked.ok_or_else(|| nonsense("locked_balance", &self.locked_balance))?;
        Ok(TegBalance { available, staked, dust })
    }
}

/// A DID in a path: its colons and slashes are no part of the path.
fn segment(did: &Did) -> String {
    let mut text = String::with_capacity(did.as_str().len() + 8);
    for byte in did.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn is_closed_faucet(error: &TegError) -> bool {
    matches!(error, TegError::Refused { code, .. } if *code == TegError::FAUCET_CLOSED)
}

#[async_trait]
impl Teg for HttpTeg {
    async fn balance(&self) -> Result<TegBalance, TegError> {
        self.own_balance().await
    }

    async fn balance_of(&self, agent: &Did) -> Result<Option<TegBalance>, TegError> {
        if *agent == self.caller.settings.owner {
            return self.own_balance().await.map(Some);
        }
        if self.caller.settings.service_token.is_none() {
            return Ok(None);
        }
        let path = format!("/tokenomics/balance/{}", segment(agent));
        let found: Option<Balance> = self.caller.find(Call::get(&path).of_the_service()).await?;
        found.map_or(Ok(Some(TegBalance::default())), |balance| balance.read().map(Some))
    }

    async fn transfer(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.send(order).await
    }

    async fn pull(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        self.fetch(order).await
    }

    async fn find(&self, key: Uuid) -> Result<Option<TegTransfer>, TegError> {
        self.find_by_key(key).await.map_err(CallError::of_reading)
    }

    async fn history(&self, cursor: &HistoryCursor, limit: u32) -> Result<HistoryPage, TegError> {
        self.history_after(cursor, limit).await
    }

    async fn stake(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        self.lock(key, amount).await
    }

    async fn unstake(&self, key: Uuid) -> Result<TegBalance, TegError> {
        self.unlock(key).await
    }

    async fn reputation(&self, agent: &Did) -> Result<Option<Reputation>, TegError> {
        let path = format!("/reputation/agents/{}/reputation", segment(agent));
        let found: Option<Score> = self.caller.find(Call::get(&path).of_anybody()).await?;
        let scale = self.caller.settings.reputation_scale;
        Ok(found.map(|score| Reputation::from_raw(score.reputation_score, scale)))
    }

    async fn signal(&self, transfer: &TegTransactionId, positive: bool) -> Result<(), TegError> {
        // It goes into a path, and the TEG names transfers by UUIDs.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if transfer.0.is_empty() || !transfer.0.bytes().all(plain) {
            let reason = format!("there is no transfer \"{}\"", transfer.0);
            return Err(TegError::Refused { code: TegError::UNKNOWN_TRANSFER, reason });
        }
        let path = format!("/token/{}/reputation-signal", transfer.0);
        let body = json!({ "signal_value": if positive { 1 } else { -1 } });
        let call = Call::post(&path, &body).key(Uuid::new_v4());
        match self.keyed::<Value>(&call).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(answer)) if answer.status.as_u16() == 404 => {
                let (code, reason) = (TegError::UNKNOWN_TRANSFER, answer.detail);
                Err(TegError::Refused { code, reason })
            }
            Err(error) => Err(error.of_writing()),
        }
    }

    async fn transfer_fee(&self) -> Result<TransferFee, TegError> {
        self.fee().await
    }

    fn faucet_open(&self) -> bool {
        !self.faucet_closed.load(Ordering::Relaxed)
    }

    async fn faucet(&self, agent: &Did) -> Result<TegBalance, TegError> {
        let body = json!({ "agent_did": agent.as_str() });
        let call = Call::post("/token/testing/faucet", &body).of_anybody().key(Uuid::new_v4());
        let funded = match self.keyed::<Funded>(&call).await {
            Ok(funded) => funded,
            Err(CallError::Refused(answer)) if !answer.has_known_code() => {
                // A TEG in production has none.
                let closed = matches!(answer.status.as_u16(), 403..=405);
                self.faucet_closed.fetch_or(closed, Ordering::Relaxed);
                let code = if closed { TegError::FAUCET_CLOSED } else { TegError::FAUCET_USED };
                return Err(TegError::Refused { code, reason: answer.detail });
            }
            Err(error) => {
                let error = error.of_writing();
                let closed = is_closed_faucet(&error);
                self.faucet_closed.fetch_or(closed, Ordering::Relaxed);
                return Err(error);
            }
        };
        let (available, dust) = whole(&funded.new_balance)
            .ok_or_else(|| nonsense("new_balance", &funded.new_balance))?;
        Ok(TegBalance { available, staked: Amount::ZERO, dust })
    }
}
