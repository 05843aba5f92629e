//! What the use cases refuse, as problem documents: the one place where an error becomes a status
//! and a code.

use marketplace_disputes::DisputeRefusal;
use marketplace_engine::search::SearchError;
use marketplace_engine::{Error, Refusal};
use marketplace_escrow::OrderRefusal;
use marketplace_fees::QuoteRefusal;
use marketplace_listings::{Invalid, ListingRefusal};
use marketplace_ports::{IdentityError, RegistryError};
use marketplace_reputation::ReviewRefusal;

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
            // What stands in the way, or broke, is for the log: it may name files, tables or peers.
            Error::Unavailable { retry_after, .. } => {
                let detail = "The marketplace cannot do this now. Try again later: the same \
                              attempt may be repeated with its Idempotency-Key";
                Self::new(&codes::UNAVAILABLE, detail).retry_after(retry_after.0)
            }
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
        | Refusal::Order(OrderRefusal::Invalid(invalid))
        | Refusal::Dispute(DisputeRefusal::Invalid(invalid)) => problem.field = field(invalid),
        Refusal::InvalidInput { field, .. } => problem.field = Some((*field).into()),
        Refusal::Price(QuoteRefusal::PriceChanged { total } | QuoteRefusal::Expired { total }) => {
            problem.total = Some(Money(*total));
        }
        Refusal::InsufficientBalance { need, available }
        | Refusal::InsufficientCapital { need, available } => {
            problem.need = Some(Money(*need));
            problem.available = Some(Money(*available));
        }
        Refusal::JurorStakeTooSmall { least: need }
        | Refusal::Dispute(DisputeRefusal::BondAffordable { counter_bond: need }) => {
            problem.need = Some(Money(*need));
        }
        Refusal::PaymentTooSmall { need, paid } => {
            problem.need = Some(Money(*need));
            problem.available = Some(Money(*paid));
        }
        Refusal::PaymentNotSeen | Refusal::TooBusy => problem.retry_after = Some(2),
        Refusal::ExposureReached { limit, open } => {
            problem.available = Some(Money(limit.checked_sub(*open).unwrap_or_default()));
        }
        Refusal::Review(refusal) => {
            problem.field = match refusal {
                ReviewRefusal::Stars => Some("stars".into()),
                ReviewRefusal::Text => Some("text".into()),
                ReviewRefusal::TooLate | ReviewRefusal::AlreadyGiven => None,
            }
        }
        Refusal::PaymentPending => problem.retry_after = Some(10),
        Refusal::EscrowFull => problem.retry_after = Some(60),
        Refusal::ListingFee(inner) => explain(problem, inner),
        Refusal::Order(OrderRefusal::OfferChanged { seller })
        | Refusal::Dispute(DisputeRefusal::OfferChanged { seller }) => {
            problem.seller = Some(Money(*seller));
        }
        Refusal::Order(OrderRefusal::TooLate { due } | OrderRefusal::TooEarly { due })
        | Refusal::Dispute(DisputeRefusal::TooLate { due } | DisputeRefusal::TooEarly { due })
        | Refusal::JurorStakeBound { until: due, .. }
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
            SearchError::NotReady => {
                return Self::new(&codes::NOT_READY, error.to_string()).retry_after(1);
            }
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
            IdentityError::OtherRequest(_) => &codes::TOKEN_OTHER_REQUEST,
            IdentityError::Expired => &codes::TOKEN_EXPIRED,
            IdentityError::BadTimes(_) => &codes::TOKEN_BAD_TIMES,
            IdentityError::UnknownKey(_) => &codes::TOKEN_UNKNOWN_KEY,
            IdentityError::NotIssued => &codes::TOKEN_NOT_ISSUED,
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

#[cfg(test)]
mod tests {
    use marketplace_escrow::{Phase, Verb};
    use marketplace_listings::ListingStatus;
    use marketplace_money::{Amount, Timestamp};
    use marketplace_reputation::ReviewRefusal;

    use super::*;

    const AT: Timestamp = Timestamp::from_micros(0);
    const FIVE: Amount = Amount::from_avt(5);

    fn of_orders() -> Vec<(OrderRefusal, u16, &'static str)> {
        let (verb, phase) = (Verb::Accept, Phase::Delivered);
        vec![
            (OrderRefusal::NotFound, 404, "order_not_found"),
            (OrderRefusal::WrongRole { verb }, 403, "wrong_role"),
            (OrderRefusal::WrongPhase { verb, phase }, 409, "wrong_phase"),
            (OrderRefusal::TooLate { due: AT }, 409, "too_late"),
            (OrderRefusal::TooEarly { due: AT }, 409, "too_early"),
            (OrderRefusal::NoRevisionsLeft, 409, "no_revisions_left"),
            (OrderRefusal::NoOffer, 409, "no_offer"),
            (OrderRefusal::Invalid(Invalid::new("f", "p")), 422, "invalid"),
            (OrderRefusal::OfferChanged { seller: FIVE }, 409, "offer_changed"),
            (OrderRefusal::ContentRequired, 422, "content_required"),
            (OrderRefusal::NotAnnounced, 409, "not_announced"),
            (OrderRefusal::HashMismatch, 422, "hash_mismatch"),
        ]
    }

    fn of_listings_and_prices() -> Vec<(Refusal, u16, &'static str)> {
        let price = |refusal: QuoteRefusal| Refusal::from(refusal);
        let listing = |refusal: ListingRefusal| Refusal::from(refusal);
        vec![
            (listing(ListingRefusal::NotProvider), 403, "not_provider"),
            (listing(ListingRefusal::WrongStatus(ListingStatus::Paused)), 409, "wrong_status"),
            (listing(ListingRefusal::Invalid(Invalid::new("f", "p"))), 422, "invalid"),
            (listing(ListingRefusal::NotDue { due: AT }), 409, "not_due"),
            (price(QuoteRefusal::PriceChanged { total: FIVE }), 409, "price_changed"),
            (price(QuoteRefusal::NotYours), 403, "quote_not_yours"),
            (price(QuoteRefusal::Expired { total: FIVE }), 409, "quote_expired"),
            (price(QuoteRefusal::OutOfRange), 422, "price_out_of_range"),
        ]
    }

    fn of_use_cases() -> Vec<(Refusal, u16, &'static str)> {
        let lacking = Refusal::InsufficientBalance { need: FIVE, available: Amount::ZERO };
        let teg = |code| Refusal::Teg { code, reason: "no".to_owned() };
        let fee = Refusal::ListingFee(Box::new(lacking.clone()));
        let order =
            marketplace_ports::Subject::Order(marketplace_money::OrderId::new(uuid::Uuid::nil()));
        let used = Refusal::PaymentUsed { used_for: order };
        vec![
            (Refusal::NonceUsed, 401, "token_replayed"),
            (Refusal::Invalid(Invalid::new("f", "p")), 422, "invalid"),
            (invalid("f", "p"), 422, "invalid"),
            (Refusal::ListingNotFound, 404, "listing_not_found"),
            (Refusal::OwnListing, 409, "own_listing"),
            (Refusal::InsufficientReputation, 403, "insufficient_reputation"),
            (Refusal::TooManyListings { limit: 1 }, 409, "too_many_listings"),
            (Refusal::PolicyNotOffered, 422, "policy_not_offered"),
            (Refusal::TooManyUnfunded { limit: 1 }, 409, "too_many_unfunded_orders"),
            (Refusal::EscrowFull, 409, "escrow_full"),
            (Refusal::ExposureReached { limit: FIVE, open: FIVE }, 409, "exposure_reached"),
            (Refusal::ReviewTooEarly, 409, "review_too_early"),
            (ReviewRefusal::TooLate.into(), 409, "review_too_late"),
            (ReviewRefusal::AlreadyGiven.into(), 409, "review_already_given"),
            (ReviewRefusal::Stars.into(), 422, "invalid"),
            (Refusal::PaymentNotSeen, 409, "payment_not_seen"),
            (Refusal::PaymentPending, 409, "payment_pending"),
            (Refusal::PaymentFailed, 409, "payment_failed"),
            (Refusal::PaymentForeign, 403, "payment_foreign"),
            (used, 409, "payment_used"),
            (Refusal::PaymentForAnother, 409, "payment_for_another"),
            (Refusal::PaymentTooSmall { need: FIVE, paid: FIVE }, 402, "payment_too_small"),
            (lacking, 402, "insufficient_balance"),
            (fee, 402, "listing_fee_not_collected"),
            (Refusal::SelfTransfer, 422, "self_transfer"),
            (Refusal::CollateralNeeded, 409, "collateral_needed"),
            (teg("faucet_closed"), 403, "faucet_closed"),
            (teg("faucet_used"), 409, "faucet_used"),
            (teg("invalid_memo"), 409, "teg_refused"),
            (Refusal::ApiKeyTaken, 409, "api_key_taken"),
            (Refusal::OperatorsOnly, 403, "operators_only"),
            (Refusal::AlreadyApproved, 409, "already_approved"),
            (Refusal::MotionOver, 409, "motion_over"),
            (
                Refusal::InsufficientCapital { need: FIVE, available: Amount::ZERO },
                409,
                "insufficient_capital",
            ),
            (Refusal::TooBusy, 429, "too_busy"),
            (Refusal::NotFound, 404, "not_found"),
            (Refusal::NotDue { due: AT }, 409, "not_due"),
            (Refusal::AlreadyDone, 409, "already_done"),
        ]
    }

    #[test]
    fn every_refusal_has_its_status_and_code() {
        let orders = of_orders().into_iter();
        let orders = orders.map(|(refusal, status, code)| (Refusal::from(refusal), status, code));
        let all = orders.chain(of_listings_and_prices()).chain(of_use_cases());
        for (refusal, status, code) in all {
            let problem = Problem::from(&refusal);
            assert_eq!((problem.status(), problem.code()), (status, code), "{refusal:?}");
            assert_eq!(problem.detail(), refusal.to_string());
        }
    }

    #[test]
    fn machines_are_told_what_the_words_say() {
        let explained = |refusal: Refusal| Problem::from(&refusal);
        let lacking = Refusal::InsufficientBalance { need: FIVE, available: Amount::ZERO };
        let fee = explained(Refusal::ListingFee(Box::new(lacking)));
        assert_eq!((fee.need, fee.available), (Some(Money(FIVE)), Some(Money(Amount::ZERO))));
        let price = explained(QuoteRefusal::PriceChanged { total: FIVE }.into());
        assert_eq!(price.total, Some(Money(FIVE)));
        assert_eq!(explained(invalid("price", "p")).field.as_deref(), Some("price"));
        let early = explained(OrderRefusal::TooEarly { due: AT }.into());
        assert_eq!(early.due, Some(Rfc3339(AT)));
    }

    #[test]
    fn what_broke_is_not_told() {
        let secret = "/var/lib/marketplace.db is malformed";
        let unavailable = Error::Unavailable {
            reason: secret.to_owned(),
            retry_after: marketplace_money::Seconds(7),
        };
        let problem = Problem::from(&unavailable);
        assert_eq!((problem.status(), problem.retry_after), (503, Some(7)));
        for error in [unavailable, Error::Fault(secret.to_owned())] {
            assert!(!Problem::from(&error).detail().contains("marketplace.db"));
        }
    }
}
