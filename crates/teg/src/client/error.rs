//! How a call fails, and the codes of the TEG's refusals.

use marketplace_money::Seconds;
use marketplace_ports::TegError;
use reqwest::StatusCode;
use serde_json::Value;

/// How a call ends that does not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The TEG understood and said no: nothing happened.
    Refused(Answer),
    /// The call was not made, or was turned away unread: nothing happened.
    NotMade { reason: String, retry_after: Option<Seconds> },
    /// No answer, or one that says nothing: it may have happened.
    Lost { reason: String },
}

/// A refusal in the TEG's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Upper case, or empty.
    pub(super) code: String,
    pub(super) detail: String,
}

impl CallError {
    pub(super) fn not_made(reason: impl Into<String>) -> Self {
        Self::NotMade { reason: reason.into(), retry_after: None }
    }

    pub(super) fn lost(reason: impl Into<String>) -> Self {
        Self::Lost { reason: reason.into() }
    }

    /// For a call that only reads: nothing can have happened.
    pub(super) fn of_reading(self) -> TegError {
        match self {
            Self::Refused(answer) => answer.error(),
            Self::NotMade { reason, retry_after } => TegError::Unavailable { reason, retry_after },
            Self::Lost { reason } => TegError::Unavailable { reason, retry_after: None },
        }
    }

    /// For a call that changes something.
    pub(super) fn of_writing(self) -> TegError {
        match self {
            Self::Lost { reason } => TegError::Unknown { reason },
            other => other.of_reading(),
        }
    }
}

impl Answer {
    /// Reads both kinds of error bodies, `{"detail","error_code"}` and `{"error":{…}}`.
    pub(super) fn of(status: StatusCode, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let inner = json.get("error").filter(|error| error.is_object()).unwrap_or(&json);
        let text = |name: &str| inner.get(name).and_then(Value::as_str).map(str::to_owned);
        let code = text("error_code").or_else(|| text("code")).unwrap_or_default();
        let detail = match inner.get("detail") {
            Some(Value::String(detail)) => detail.clone(),
            Some(Value::Null) | None => text("message")
                .or_else(|| json.get("error").and_then(Value::as_str).map(str::to_owned))
                .unwrap_or_else(|| format!("the answer was {status}")),
            // A list of what is wrong with the request.
            Some(other) => other.to_string(),
        };
        let detail = detail.chars().take(LONGEST_DETAIL).collect();
        Self { status, code: code.to_ascii_uppercase(), detail }
    }

    /// As the port says it.
    pub(super) fn error(self) -> TegError {
        match self.known_code() {
            Some(code) => TegError::Refused { code, reason: self.detail },
            // Our own standing is not the fault of this request: it may be mended.
            None if matches!(self.status.as_u16(), 401 | 403) => TegError::Unavailable {
                reason: format!("the TEG does not let us: {}", self.detail),
                retry_after: None,
            },
            None => TegError::Refused { code: "refused_by_teg", reason: self.detail },
        }
    }

    pub(super) fn is_mismatch(&self) -> bool {
        self.known_code() == Some(TegError::IDEMPOTENCY_MISMATCH)
    }

    pub(super) fn has_known_code(&self) -> bool {
        self.known_code().is_some()
    }

    /// Codes first; where there is none, the words that TEGs use.
    fn known_code(&self) -> Option<&'static str> {
        if let Some((_, code)) = CODES.iter().find(|(theirs, _)| *theirs == self.code) {
            return Some(code);
        }
        let detail = self.detail.to_ascii_lowercase();
        let words = || WORDS.iter().find(|(word, _)| detail.contains(word));
        matches!(self.status.as_u16(), 400 | 409).then(words).flatten().map(|(_, code)| *code)
    }
}

const LONGEST_DETAIL: usize = 300;

const CODES: &[(&str, &str)] = &[
    ("BIZ_INSUFFICIENT_BALANCE", TegError::INSUFFICIENT_BALANCE),
    ("BIZ_SELF_TRANSFER", TegError::SELF_TRANSFER),
    ("IDEMPOTENCY_MISMATCH", TegError::IDEMPOTENCY_MISMATCH),
    ("BIZ_FAUCET_USED", TegError::FAUCET_USED),
    ("BIZ_FAUCET_CLOSED", TegError::FAUCET_CLOSED),
    ("BIZ_UNKNOWN_TRANSFER", TegError::UNKNOWN_TRANSFER),
    ("BIZ_NOT_THE_SENDER", TegError::NOT_THE_SENDER),
    ("BIZ_ALREADY_SIGNALED", TegError::ALREADY_SIGNALED),
    ("VALIDATION_INVALID_AMOUNT", TegError::INVALID_AMOUNT),
    ("VALIDATION_INVALID_MESSAGE", TegError::INVALID_MEMO),
];

const WORDS: &[(&str, &str)] = &[
    ("insufficient", TegError::INSUFFICIENT_BALANCE),
    ("self", TegError::SELF_TRANSFER),
    ("already funded", TegError::FAUCET_USED),
    ("already received", TegError::FAUCET_USED),
    ("already been applied", TegError::ALREADY_SIGNALED),
    ("already applied", TegError::ALREADY_SIGNALED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_bodies() {
        let check = |status: u16, body: &str, expect: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let shown = match Answer::of(status, body.as_bytes()).error() {
                TegError::Refused { code, reason } => format!("{code}: {reason}"),
                other => other.to_string(),
            };
            assert_eq!(shown, expect, "{body}");
        };
        let poor = "insufficient_balance: too poor";
        check(400, r#"{"detail":"too poor","error_code":"BIZ_INSUFFICIENT_BALANCE"}"#, poor);
        let wrapped =
            r#"{"error":{"detail":"too poor","type":"x","code":"BIZ_INSUFFICIENT_BALANCE"}}"#;
        check(400, wrapped, poor);
        check(
            400,
            r#"{"detail":"Insufficient funds"}"#,
            "insufficient_balance: Insufficient funds",
        );
        check(400, r#"{"error":"odd","message":"words"}"#, "refused_by_teg: words");
        check(422, r#"{"detail":[{"loc":["body"]}]}"#, r#"refused_by_teg: [{"loc":["body"]}]"#);
        check(404, "nothing", "refused_by_teg: the answer was 404 Not Found");
        let cannot = "the TEG cannot answer now: the TEG does not let us: suspended";
        check(403, r#"{"detail":"suspended","error_code":"AUTH_AGENT_SUSPENDED"}"#, cannot);
        check(
            403,
            r#"{"detail":"closed","error_code":"BIZ_FAUCET_CLOSED"}"#,
            "faucet_closed: closed",
        );
    }
}
