//! The protocol's errors, on both bindings.

use std::borrow::Cow;

use marketplace_wire::Problem;
use serde_json::{Value, json};

/// Where the reasons are defined.
const DOMAIN: &str = "a2a-protocol.org";
/// Where ours are.
const OUR_DOMAIN: &str = "marketplace";

/// One kind of error: JSON-RPC code, HTTP status, gRPC status, reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// On JSON-RPC.
    pub code: i32,
    /// On HTTP+JSON.
    pub http: u16,
    grpc: &'static str,
    /// Stable, for machines.
    pub reason: &'static str,
    message: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal $http:literal $grpc:literal $reason:literal $message:literal;)*) => {
        $(
            #[doc = $message]
            pub const $name: Kind = Kind {
                code: $code, http: $http, grpc: $grpc, reason: $reason, message: $message,
            };
        )*
    };
}

kinds! {
    TASK_NOT_FOUND = -32001 404 "NOT_FOUND" "TASK_NOT_FOUND" "Task not found";
    TASK_NOT_CANCELABLE = -32002 400 "FAILED_PRECONDITION" "TASK_NOT_CANCELABLE" "Task cannot be canceled";
    PUSH_NOT_SUPPORTED = -32003 400 "FAILED_PRECONDITION" "PUSH_NOTIFICATION_NOT_SUPPORTED" "Push Notification is not supported";
    UNSUPPORTED_OPERATION = -32004 400 "FAILED_PRECONDITION" "UNSUPPORTED_OPERATION" "This operation is not supported";
    CONTENT_TYPE_NOT_SUPPORTED = -32005 400 "INVALID_ARGUMENT" "CONTENT_TYPE_NOT_SUPPORTED" "Incompatible content types";
    VERSION_NOT_SUPPORTED = -32009 400 "FAILED_PRECONDITION" "VERSION_NOT_SUPPORTED" "Version not supported";
    PARSE_ERROR = -32700 400 "INVALID_ARGUMENT" "INVALID_REQUEST" "Invalid JSON payload";
    INVALID_REQUEST = -32600 400 "INVALID_ARGUMENT" "INVALID_REQUEST" "Invalid Request";
    METHOD_NOT_FOUND = -32601 404 "NOT_FOUND" "METHOD_NOT_FOUND" "Method not found";
    INVALID_PARAMS = -32602 400 "INVALID_ARGUMENT" "INVALID_PARAMS" "Invalid params";
    FORGED_FROM = -32602 403 "PERMISSION_DENIED" "FORGED_FROM" "The message speaks for another agent than its sender";
    INTERNAL = -32603 500 "INTERNAL" "INTERNAL_ERROR" "Internal error";
    UNAVAILABLE = -32603 503 "UNAVAILABLE" "UNAVAILABLE" "Not now";
}

/// Why a request has no result.
#[derive(Clone, Debug)]
pub enum A2aError {
    /// In the protocol's terms.
    Protocol {
        /// Which.
        kind: Kind,
        /// What went wrong this time.
        detail: Cow<'static, str>,
        /// Fields that are to blame.
        field: Option<String>,
        /// The marketplace's own code, where there is one.
        code: Option<&'static str>,
    },
    /// Nobody, or nobody good, asked: that is HTTP's affair, on both bindings.
    Unauthenticated(Box<Problem>),
}

impl A2aError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Protocol { kind, detail: detail.into(), field: None, code: None }
    }

    /// An error in a field of the request.
    #[must_use]
    pub fn invalid(field: &str, problem: impl std::fmt::Display) -> Self {
        let detail = format!("{field} {problem}").into();
        let field = Some(field.to_owned());
        Self::Protocol { kind: INVALID_PARAMS, detail, field, code: None }
    }

    /// A name that a request must have: empty is not given, as everywhere in ProtoJSON.
    pub(crate) fn expect_name(field: &str, name: &str) -> Result<(), Self> {
        if name.is_empty() { Err(Self::invalid(field, "must be given")) } else { Ok(()) }
    }

    /// Nobody says who it is.
    #[must_use]
    pub fn nobody() -> Self {
        let detail = "Send `Authorization: Bearer` with an access token or a token that you signed";
        Problem::new(&marketplace_wire::codes::TOKEN_MISSING, detail).into()
    }

    /// What is said of an unknown task, and of somebody else's.
    #[must_use]
    pub fn no_task(id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self::new(TASK_NOT_FOUND, format!("Task not found: {id}"))
    }

    /// Its details as the protocol types them.
    fn details(&self) -> (Kind, String, Value) {
        let Self::Protocol { kind, detail, field, code } = self else {
            return (INTERNAL, INTERNAL.message.to_owned(), json!([]));
        };
        let mut metadata = serde_json::Map::new();
        if let Some(code) = code {
            metadata.insert("code".to_owned(), (*code).into());
        }
        let domain = if *kind == FORGED_FROM { OUR_DOMAIN } else { DOMAIN };
        let mut details = vec![json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": kind.reason,
            "domain": domain,
            "metadata": metadata,
        })];
        if let Some(field) = field {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": field, "description": detail }],
            }));
        }
        let message = if detail.is_empty() { kind.message.to_owned() } else { detail.to_string() };
        (*kind, message, details.into())
    }

    /// The `error` of a JSON-RPC response.
    #[must_use]
    pub fn rpc(&self) -> Value {
        let (kind, message, data) = self.details();
        json!({ "code": kind.code, "message": message, "data": data })
    }

    /// HTTP status and body on HTTP+JSON.
    #[must_use]
    pub fn rest(&self) -> (u16, Value) {
        let (kind, message, details) = self.details();
        let status = json!({
            "code": kind.http, "status": kind.grpc, "message": message, "details": details,
        });
        (kind.http, json!({ "error": status }))
    }

    /// The marketplace's own code, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Protocol { code, .. } => *code,
            Self::Unauthenticated(problem) => Some(problem.code()),
        }
    }
}

impl From<Problem> for A2aError {
    fn from(problem: Problem) -> Self {
        let kind = match (problem.status(), problem.code()) {
            (401, _) => return Self::Unauthenticated(Box::new(problem)),
            (_, "order_not_found") => TASK_NOT_FOUND,
            (_, "forged_from") => FORGED_FROM,
            (429 | 503 | 504, _) => UNAVAILABLE,
            (500, _) => INTERNAL,
            (400 | 422, _) => INVALID_PARAMS,
            _ => UNSUPPORTED_OPERATION,
        };
        let field = problem.field.as_ref().map(ToString::to_string);
        let detail = problem.detail().to_owned().into();
        Self::Protocol { kind, detail, field, code: Some(problem.code()) }
    }
}

impl From<Box<Problem>> for A2aError {
    fn from(problem: Box<Problem>) -> Self {
        (*problem).into()
    }
}

impl From<marketplace_engine::Error> for A2aError {
    fn from(error: marketplace_engine::Error) -> Self {
        if let marketplace_engine::Error::Fault(reason) = &error {
            tracing::error!(%reason, "the marketplace failed");
        }
        Problem::from(&error).into()
    }
}
