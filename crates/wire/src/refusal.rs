//! What the use cases refuse, as problem documents: the one place where an error becomes a status
//! and a code.

use marketplace_engine::search::SearchError;
use marketplace_engine::{Error, Refusal};
use marketplace_escrow::OrderRefusal;
use marketplace_fees::QuoteRefusal;
use marketplace_listings::{Invalid, ListingRefusal};
use marketplace_ports::{IdentityError, RegistryError};

use crate::codes::{self, Code};
use crate::{Money, Problem, Rfc3339};

/// A field that cannot be read.
pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> Refusal {
    Refusal::InvalidInput { field, problem: problem.into() }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::KeyReused => Self::new(&codes::IDEMPOTENCY_KEY_REUSED, error.to_string()),
            Error::Unavailable { retry_after, .. } => {
                Self::new(&codes::UNAVAILABLE, error.to_string()).retry_after(retry_after.0)
            }
            // What broke is for the log: it may name files, tables or peers.
            Error::Fault(_) => Self::internal(),
        }
    }
}

impl Problem {
    /// We have a bug; the log knows more.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "The marketplace failed, and nothing was done. The operator finds the reason \
                      in the log by the request's x-request-id";
        Self::new(&codes::INTERNAL, detail)
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let mut problem = Self::new(Code::named(refusal.code()), refusal.to_string());
        explain(&mut problem, refusal);
        problem
    }
}

/// Adds what a machine needs to go on: fields, amounts and times that the words only tell.
fn explain(problem: &mut Problem, refusal: &Refusal) {
    let field = |invalid: &Invalid| Some(invalid.field.into());
    match refusal {
        Refusal::Invalid(invalid)
        | Refusal::Listing(ListingRefusal::Invalid(invalid))
        | Refusal::Order(OrderRefusal::Invalid(invalid)) => problem.field = field(invalid),
        Refusal::InvalidInput { field, .. } => problem.field = Some((*field).into()),
        Refusal::Price(QuoteRefusal::PriceChanged { total } | QuoteRefusal::Expired { total }) => {
            problem.total = Some(Money(*total));
        }
        Refusal::InsufficientBalance { need, available } => {
            problem.need = Some(Money(*need));
            problem.available = Some(Money(*available));
        }
        Refusal::ListingFee(inner) => explain(problem, inner),
        Refusal::Order(OrderRefusal::OfferChanged { seller }) => {
            problem.seller = Some(Money(*seller));
        }
        Refusal::Order(OrderRefusal::TooLate { due } | OrderRefusal::TooEarly { due })
        | Refusal::Listing(ListingRefusal::NotDue { due })
        | Refusal::NotDue { due } => problem.due = Some(Rfc3339(*due)),
        _ => {}
    }
}

impl From<&SearchError> for Problem {
    fn from(error: &SearchError) -> Self {
        let field = match error {
            SearchError::TextTooLong | SearchError::TooManyWords => "query",
            SearchError::LimitOutOfRange => "limit",
            SearchError::ForeignCursor => "cursor",
        };
        Self::new(&codes::INVALID_QUERY, error.to_string()).at(field)
    }
}

impl From<&IdentityError> for Problem {
    fn from(error: &IdentityError) -> Self {
        let code = match error {
            IdentityError::Malformed(_) => &codes::TOKEN_MALFORMED,
            IdentityError::BadSignature => &codes::TOKEN_BAD_SIGNATURE,
            IdentityError::WrongAudience { .. } => &codes::TOKEN_WRONG_AUDIENCE,
            IdentityError::Expired => &codes::TOKEN_EXPIRED,
            IdentityError::BadTimes(_) => &codes::TOKEN_BAD_TIMES,
            IdentityError::UnknownKey(_) => &codes::TOKEN_UNKNOWN_KEY,
            IdentityError::Unavailable(_) => {
                return Self::new(&codes::IDENTITY_UNAVAILABLE, error.to_string()).retry_after(2);
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<&RegistryError> for Problem {
    fn from(error: &RegistryError) -> Self {
        match error {
            RegistryError::Refused(_) => Self::new(&codes::REGISTRATION_REFUSED, error.to_string()),
            RegistryError::Unavailable(_) => {
                Self::new(&codes::UNAVAILABLE, error.to_string()).retry_after(2)
            }
        }
    }
}
