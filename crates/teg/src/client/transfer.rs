//! Tokens that move: sent, looked up before they are sent again, never sent twice.

use marketplace_money::Amount;
use marketplace_ports::{TegError, TegTransfer, TransferOrder};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::error::{Answer, CallError};
use super::line::{PULL, Standing, Transaction};
use super::settings::Rail;
use super::{HttpTeg, memo};

const MEMO_BYTES: usize = 256;

/// What one attempt brought.
enum Attempt {
    Done(TegTransfer),
    /// It was taken and settles later, or the answer does not say all: the history will.
    Taken,
}

/// How tokens are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Transfer,
    /// The newer rail: its answer names the transfer, but tells neither fee nor time.
    Send,
    Pull,
}

/// The answer of the newer rail, as far as it says anything that the history does not.
#[derive(Deserialize)]
struct Sent {
    /// `local`, `2pc`, `async` or `fx`.
    #[serde(default)]
    method: String,
    #[serde(default)]
    status: String,
}

impl Sent {
    /// Whether it says that nothing moved. What was given back did move: the history has both.
    fn is_refusal(&self) -> bool {
        let status = self.status.to_ascii_lowercase();
        matches!(status.as_str(), "failed" | "rejected" | "cancelled" | "aborted")
    }
}

impl HttpTeg {
    /// See [`marketplace_ports::Teg::transfer`].
    pub(super) async fn send(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let message = self.check(order)?;
        let amount = order.amount.to_string();
        let receiver = order.counterparty.as_str();
        match &self.caller.settings.rail {
            Rail::Transfer => {
                let body =
                    json!({"receiver_agent_id": receiver, "amount": amount, "message": message});
                let call = Call::post("/token/transfer", &body).key(order.key).transfer();
                self.deliver(&call, order, Way::Transfer).await
            }
            Rail::Send(registry) => {
                let body = json!({
                    "receiver_did": receiver, "amount": amount, "message": message, "dry_run": false,
                });
                let call = Call::post("/teg/send", &body).at(registry).key(order.key).transfer();
                self.deliver(&call, order, Way::Send).await
            }
        }
    }

    /// See [`marketplace_ports::Teg::pull`]: our own node lets its owner fetch tokens for an
    /// agent's command; the published API has no such thing.
    pub(super) async fn fetch(&self, order: &TransferOrder) -> Result<TegTransfer, TegError> {
        let message = self.check(order)?;
        let body = json!({
            "payer_agent_id": order.counterparty.as_str(),
            "amount": order.amount.to_string(),
            "message": message,
        });
        let call = Call::post("/token/pull", &body).key(order.key).transfer();
        self.deliver(&call, order, Way::Pull).await
    }

    /// Makes the call until it is clear what became of it.
    async fn deliver(
        &self,
        call: &Call<'_>,
        order: &TransferOrder,
        way: Way,
    ) -> Result<TegTransfer, TegError> {
        let (mut pauses, mut in_doubt) = (self.caller.pauses(), false);
        loop {
            let error = match self.attempt(call, order, way).await {
                Ok(Attempt::Done(transfer)) => return self.same(order, transfer),
                Ok(Attempt::Taken) => CallError::lost("the transfer is not in the history yet"),
                Err(CallError::Refused(answer)) => {
                    return self.refused(order, answer, in_doubt, way).await;
                }
                Err(error) => error,
            };
            in_doubt |= matches!(error, CallError::Lost { .. });
            let Some(pause) = self.caller.next_pause(&mut pauses, &error) else {
                return Err(given_up(error, in_doubt));
            };
            tokio::time::sleep(pause).await;
            if !in_doubt {
                continue;
            }
            // It may have arrived: what is in the history is not sent again.
            match self.find_by_key(order.key).await {
                Ok(Some(transfer)) => return self.same(order, transfer),
                Ok(None) => {}
                Err(error) => return Err(given_up(error, true)),
            }
        }
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        order: &TransferOrder,
        way: Way,
    ) -> Result<Attempt, CallError> {
        if way == Way::Send {
            let sent: Sent = self.caller.once(call).await?;
            if sent.is_refusal() {
                return Err(failed());
            }
            tracing::debug!(sent.method, sent.status, "the transfer was taken");
            let found = self.find_by_key(order.key).await;
            return Ok(found.ok().flatten().map_or(Attempt::Taken, Attempt::Done));
        }
        let mut answer: Value = self.caller.once(call).await?;
        // The answer has the fields of a line of the history, but for its kind.
        if let Some(fields) = answer.as_object_mut() {
            let kind = if way == Way::Pull { PULL } else { "transfer" };
            fields.insert("transaction_type".to_owned(), json!(kind));
        }
        let line: Transaction = serde_json::from_value(answer)
            .map_err(|error| CallError::lost(format!("the answer to a transfer: {error}")))?;
        match line.standing(&self.caller.settings.owner) {
            Standing::Completed(transfer) => Ok(Attempt::Done(transfer)),
            Standing::Pending(_) => Ok(Attempt::Taken),
            Standing::Failed(_) => Err(failed()),
            Standing::Nothing => Err(CallError::lost("the answer names no transfer of ours")),
        }
    }

    /// A refusal is final only when nothing of an earlier attempt, or of an earlier life of ours,
    /// has moved tokens under the key.
    async fn refused(
        &self,
        order: &TransferOrder,
        answer: Answer,
        in_doubt: bool,
        way: Way,
    ) -> Result<TegTransfer, TegError> {
        if way == Way::Pull && matches!(answer.status.as_u16(), 403..=405) {
            return Err(TegError::Unsupported { verb: "pull" });
        }
        let refusal = answer.error();
        let TegError::Refused { code, .. } = refusal else {
            return Err(if in_doubt {
                given_up(CallError::lost(refusal.to_string()), true)
            } else {
                refusal
            });
        };
        // Only our own node pulls, and it never forgets a key.
        if code == TegError::IDEMPOTENCY_MISMATCH || way == Way::Pull && !in_doubt {
            return Err(refusal);
        }
        match self.find_by_key(order.key).await {
            Ok(Some(transfer)) => self.same(order, transfer),
            // The first attempt may still be on its way.
            Ok(None) if in_doubt => Err(TegError::Unknown { reason: refusal.to_string() }),
            Ok(None) => Err(refusal),
            Err(error) => Err(given_up(error, true)),
        }
    }

    /// The transfer that was found under the key must be the one that was asked for.
    fn same(&self, order: &TransferOrder, found: TegTransfer) -> Result<TegTransfer, TegError> {
        let us = &self.caller.settings.owner;
        let other = if found.sender == *us { &found.receiver } else { &found.sender };
        let same = *other == order.counterparty
            && found.amount == order.amount
            && found.memo == order.memo
            && found.key == Some(order.key);
        if same {
            return Ok(found);
        }
        Err(TegError::Refused {
            code: TegError::IDEMPOTENCY_MISMATCH,
            reason: format!("the key was used for {} AVT to {}", found.amount, found.receiver),
        })
    }

    /// The message of an order that can be sent at all. Refusals, in this order: invalid amount,
    /// invalid memo, self transfer.
    fn check(&self, order: &TransferOrder) -> Result<String, TegError> {
        let refused = |code, reason: String| Err(TegError::Refused { code, reason });
        if order.amount <= Amount::ZERO {
            let reason = format!("an amount must be above zero, not {} AVT", order.amount);
            return refused(TegError::INVALID_AMOUNT, reason);
        }
        let fits = order.memo.len() <= MEMO_BYTES && !order.memo.contains('\0');
        let Some(message) = memo::message(&order.memo, order.key).filter(|_| fits) else {
            let reason = "the memo is too long with our key behind it, or has U+0000 in it";
            return refused(TegError::INVALID_MEMO, reason.to_owned());
        };
        if order.counterparty == self.caller.settings.owner {
            let reason = "payer and receiver are the same agent".to_owned();
            return refused(TegError::SELF_TRANSFER, reason);
        }
        Ok(message)
    }
}

/// The TEG took the call, and says that nothing moved by it.
fn failed() -> CallError {
    CallError::Refused(Answer {
        status: StatusCode::OK,
        code: String::new(),
        detail: "the transfer failed at the TEG".to_owned(),
    })
}

fn given_up(error: CallError, in_doubt: bool) -> TegError {
    match error.of_writing() {
        TegError::Unavailable { reason, .. } if in_doubt => TegError::Unknown { reason },
        error => error,
    }
}
