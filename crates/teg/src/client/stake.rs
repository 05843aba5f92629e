//! Our stake: locked at most once for a wish, also where the TEG knows no keys.

use marketplace_money::Amount;
use marketplace_ports::{TegBalance, TegError};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::HttpTeg;
use super::call::Call;
use super::error::CallError;
use super::line::whole;

/// Our own node unlocks everything under one key when it is asked for this.
pub(crate) const ALL: &str = "all";

#[derive(Deserialize)]
struct MyStakes {
    total_staked: Value,
    stakes: Vec<OneStake>,
}

#[derive(Deserialize)]
struct OneStake {
    stake_id: String,
    #[serde(default)]
    is_active: bool,
}

impl MyStakes {
    fn total(&self) -> Result<Amount, TegError> {
        let total = &self.total_staked;
        whole(total).map(|(total, _)| total).ok_or_else(|| nonsense("total_staked", total))
    }
}

impl HttpTeg {
    /// See [`marketplace_ports::Teg::stake`].
    pub(super) async fn lock(&self, key: Uuid, amount: Amount) -> Result<TegBalance, TegError> {
        if !amount.is_positive() {
            let reason = format!("a stake must be above zero, not {amount} AVT");
            return Err(TegError::Refused { code: TegError::INVALID_AMOUNT, reason });
        }
        let before = self.total_staked().await?;
        let body = json!({ "amount": amount.to_string() });
        let call = Call::post("/governance/staking/stake", &body).key(key);
        let (mut pauses, mut in_doubt) = (self.caller.pauses(), false);
        loop {
            let error = match self.caller.once::<Value>(&call).await {
                Ok(_) => return self.own_balance().await,
                // A key that was used for something else locks nothing, now or then.
                Err(CallError::Refused(answer)) if !in_doubt || answer.is_mismatch() => {
                    return Err(answer.error());
                }
                Err(error) => error,
            };
            in_doubt |= matches!(error, CallError::Lost { .. });
            let pause = self.caller.next_pause(&mut pauses, &error);
            let (false, Some(pause)) = (matches!(error, CallError::Refused(_)), pause) else {
                return Err(if in_doubt { unclear(&error) } else { error.of_writing() });
            };
            tokio::time::sleep(pause).await;
            // The published API keeps no keys for stakes: what is locked by now tells.
            let grown = before.checked_add(amount);
            if in_doubt && Some(self.total_staked().await?) >= grown {
                return self.own_balance().await;
            }
        }
    }

    /// See [`marketplace_ports::Teg::unstake`].
    pub(super) async fn unlock(&self, key: Uuid) -> Result<TegBalance, TegError> {
        let body = json!({ "stake_id": ALL });
        let call = Call::post("/governance/staking/unstake", &body).key(key);
        match self.keyed(&call).await {
            Ok(Value::Object(_)) => {}
            Err(CallError::Refused(answer)) if !answer.has_known_code() => {
                // The published API unlocks one by one; doing that twice changes nothing.
                let mine = self.my_stakes().await?;
                for stake in mine.stakes.iter().filter(|stake| stake.is_active) {
                    let body = json!({ "stake_id": stake.stake_id });
                    let call = Call::post("/governance/staking/unstake", &body);
                    let done = self.caller.once::<Value>(&call).await;
                    done.map_err(CallError::of_writing)?;
                }
            }
            Ok(_) => {}
            Err(error) => return Err(error.of_writing()),
        }
        self.own_balance().await
    }

    async fn total_staked(&self) -> Result<Amount, TegError> {
        self.my_stakes().await?.total()
    }

    /// What is locked; nothing where the TEG knows no stakes.
    pub(super) async fn known_stake(&self) -> Result<Amount, TegError> {
        let call = Call::get("/governance/staking/mystake").query("active_only", &true);
        match self.caller.find::<MyStakes>(call).await? {
            Some(mine) => mine.total(),
            None => Ok(Amount::ZERO),
        }
    }

    async fn my_stakes(&self) -> Result<MyStakes, TegError> {
        let call = Call::get("/governance/staking/mystake").query("active_only", &true);
        self.caller.read(call).await.map_err(CallError::of_reading)
    }
}

fn unclear(error: &CallError) -> TegError {
    TegError::Unknown { reason: error.clone().of_writing().to_string() }
}

/// An answer that cannot be counted with.
pub(super) fn nonsense(field: &str, value: &Value) -> TegError {
    let reason = format!("the TEG's {field} is no amount that we can count: {value}");
    TegError::Unavailable { reason, retry_after: None }
}
