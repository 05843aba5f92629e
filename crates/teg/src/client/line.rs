//! A transaction as the TEG's history writes it, read as a transfer of ours.

use chrono::{DateTime, NaiveDateTime};
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{TegTransactionId, TegTransfer};
use serde::Deserialize;
use serde_json::Value;

use super::atto::Atto;
use super::memo;

/// What a transaction of the embedded node is called that its receiver fetched.
pub(crate) const PULL: &str = "pull";
/// Kinds that move no tokens between agents: what they change shows in the balance only.
const OTHER_KINDS: &[&str] = &["stak", "issu", "mint", "burn", "faucet", "lock", "reward", "fee"];

/// One element of `transactions`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Transaction {
    pub(super) transaction_id: String,
    #[serde(default)]
    sender_agent_id: Option<String>,
    #[serde(default)]
    receiver_agent_id: Option<String>,
    amount: Value,
    #[serde(default)]
    fee_amount: Option<Value>,
    status: String,
    #[serde(default)]
    transaction_type: String,
    timestamp: String,
    #[serde(default)]
    attached_message: Option<String>,
}

/// Where a transaction stands, seen from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Tokens moved between an agent and us.
    Completed(TegTransfer),
    /// They may move yet.
    Pending(TegTransfer),
    /// They never will.
    Failed(TegTransfer),
    /// No transfer between agents.
    Nothing,
}

impl Transaction {
    /// When it was made; the beginning of time where the TEG writes nonsense.
    pub(super) fn at(&self) -> Timestamp {
        moment(&self.timestamp).unwrap_or_default()
    }

    /// What it is to `us`.
    pub(super) fn standing(&self, us: &Did) -> Standing {
        let status = self.status.to_ascii_lowercase();
        let over = matches!(status.as_str(), "failed" | "rejected" | "cancelled" | "reversed");
        let kind = self.transaction_type.to_ascii_lowercase();
        if OTHER_KINDS.iter().any(|other| kind.contains(other)) {
            return Standing::Nothing;
        }
        match self.transfer(us, &kind) {
            Some(transfer) if over => Standing::Failed(transfer),
            Some(transfer) if matches!(status.as_str(), "completed" | "settled" | "success") => {
                Standing::Completed(transfer)
            }
            Some(transfer) => Standing::Pending(transfer),
            None => {
                tracing::warn!(
                    transaction = self.transaction_id,
                    kind,
                    "a transaction of ours at the TEG is no transfer between agents"
                );
                Standing::Nothing
            }
        }
    }

    fn transfer(&self, us: &Did, kind: &str) -> Option<TegTransfer> {
        let sender: Did = self.sender_agent_id.as_deref()?.parse().ok()?;
        let receiver: Did = self.receiver_agent_id.as_deref()?.parse().ok()?;
        let amount = Atto::of(&self.amount)?;
        let fee = self.fee_amount.as_ref().map_or(Some(Atto::default()), Atto::of)?;
        let message = self.attached_message.as_deref().unwrap_or_default();
        // Only what we asked for ourselves has a key of ours in it.
        let ours = sender == *us || (receiver == *us && kind == PULL);
        let (memo, key) = if ours { memo::parts(message) } else { (message, None) };
        let ((amount, rest), (fee, saved)) = (amount.floor()?, fee.ceiling()?);
        Some(TegTransfer {
            id: TegTransactionId(self.transaction_id.clone()),
            // We never send less than a nano-AVT, so one of the two is zero: what came in and is
            // not booked, or what of the booked fee was not taken.
            dust: if sender == *us { saved } else { rest },
            sender,
            receiver,
            amount,
            fee,
            memo: memo.to_owned(),
            key,
            at: moment(&self.timestamp)?,
        })
    }
}

/// RFC 3339; without an offset it is UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let aware = DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_micros());
    let naive = || {
        let text = text.replacen(' ', "T", 1);
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f")
            .map(|at| at.and_utc().timestamp_micros())
    };
    aware.or_else(|_| naive()).ok().map(Timestamp::from_micros)
}

/// An amount of an answer, as whole nano-AVT at most.
pub(super) fn whole(value: &Value) -> Option<(Amount, u32)> {
    Atto::of(value)?.floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us() -> Did {
        "did:us".parse().unwrap()
    }

    fn line(changes: &str) -> Standing {
        let mut json: Value = serde_json::from_str(
            r#"{"transaction_id":"t1","sender_agent_id":"did:them","receiver_agent_id":"did:us",
                "amount":"5","fee_amount":"0E-18","status":"completed","transaction_type":"transfer",
                "timestamp":"2025-06-24T21:33:54.123456","attached_message":"hello"}"#,
        )
        .unwrap();
        let changes: Value = serde_json::from_str(changes).unwrap();
        json.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<Transaction>(json).unwrap().standing(&us())
    }

    #[test]
    fn what_a_line_is() {
        let check = |changes: &str, expect: &str| {
            let shown = match line(changes) {
                Standing::Completed(t) => {
                    format!("{} {} +{} {:?} {:?}", t.amount, t.fee, t.dust, t.memo, t.key.is_some())
                }
                Standing::Pending(t) => format!("pending {}", t.amount),
                Standing::Failed(t) => format!("failed {}", t.amount),
                Standing::Nothing => "nothing".to_owned(),
            };
            assert_eq!(shown, expect, "{changes}");
        };
        check("{}", r#"5 0 +0 "hello" false"#);
        check(r#"{"amount":"1.000000000000000007"}"#, r#"1 0 +7 "hello" false"#);
        check(r#"{"amount":1.5,"fee_amount":null}"#, r#"1.5 0 +0 "hello" false"#);
        check(r#"{"status":"PENDING"}"#, "pending 5");
        check(r#"{"status":"failed"}"#, "failed 5");
        check(r#"{"status":"Rejected","transaction_type":"STAKE"}"#, "nothing");
        check(r#"{"sender_agent_id":null,"transaction_type":"ISSUANCE"}"#, "nothing");
        check(r#"{"sender_agent_id":null}"#, "nothing");
        check(r#"{"transaction_type":"STAKE","receiver_agent_id":"system"}"#, "nothing");
        let key = "x #0197f3a27c1e7aaa8b1b0242ac120002";
        // A stranger cannot speak in our name.
        check(&format!(r#"{{"attached_message":"{key}"}}"#), &format!("5 0 +0 {key:?} false"));
        let pulled = format!(r#"{{"attached_message":"{key}","transaction_type":"pull"}}"#);
        check(&pulled, r#"5 0 +0 "x" true"#);
        let sent = format!(
            r#"{{"attached_message":"{key}","sender_agent_id":"did:us","receiver_agent_id":"did:them",
                "fee_amount":"0.0000000010000000009"}}"#
        );
        check(&sent.replace("0000000009", "000000009"), r#"5 0.000000002 +999999991 "x" true"#);
    }

    #[test]
    fn times() {
        let check = |text: &str, expect: Option<i64>| {
            assert_eq!(moment(text).map(Timestamp::micros), expect, "{text}");
        };
        check("1970-01-01T00:00:01Z", Some(1_000_000));
        check("1970-01-01T01:00:01.5+01:00", Some(1_500_000));
        check("1970-01-01T00:00:01.000002", Some(1_000_002));
        check("1970-01-01 00:00:01", Some(1_000_000));
        check("yesterday", None);
    }
}
