//! Every code that a problem document or a refused message can carry, with its HTTP status.
//!
//! Codes are stable: clients switch on them. The words beside them may change.

/// One kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable, for machines.
    pub name: &'static str,
    /// The HTTP status of a problem document with this code.
    pub status: u16,
    /// What it means, in general.
    pub title: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $status:literal $name:literal $title:literal;)*) => {
        $(
            #[doc = $title]
            pub const $constant: Code = Code { name: $name, status: $status, title: $title };
        )*

        /// All codes.
        pub const CODES: &[Code] = &[$($constant),*];
    };
}

codes! {
    // What never reaches the rules.
    MALFORMED_JSON = 400 "malformed_json" "The body is not JSON";
    INVALID_TEXT = 400 "invalid_text" "The body holds text that cannot be stored";
    INVALID_QUERY = 400 "invalid_query" "A query parameter is not acceptable";
    INVALID_IDEMPOTENCY_KEY = 400 "invalid_idempotency_key" "The Idempotency-Key is not acceptable";
    BODY_BROKEN = 400 "body_broken" "The body did not arrive whole";
    UNKNOWN_MESSAGE_TYPE = 400 "unknown_message_type" "No message has this type";
    TOKEN_MISSING = 401 "token_missing" "The request proves no identity";
    TOKEN_MALFORMED = 401 "token_malformed" "The token is malformed";
    TOKEN_BAD_SIGNATURE = 401 "token_bad_signature" "The token's signature is wrong";
    TOKEN_WRONG_AUDIENCE = 401 "token_wrong_audience" "The token was made for somebody else";
    TOKEN_OTHER_REQUEST = 401 "token_other_request" "The token was made for another request";
    TOKEN_EXPIRED = 401 "token_expired" "The token has expired";
    TOKEN_BAD_TIMES = 401 "token_bad_times" "The token's times are out of bounds";
    TOKEN_UNKNOWN_KEY = 401 "token_unknown_key" "The key of this DID is not known here";
    TOKEN_REPLAYED = 401 "token_replayed" "The token was used before";
    API_KEY_TAKEN = 409 "api_key_taken" "The API key is bound or revoked";
    KEY_NOT_CHANGED = 409 "key_not_changed" "The marketplace's key was not changed";
    TOKEN_NOT_ISSUED = 401 "token_not_issued" "The registry does not accept the token";
    API_KEY_UNKNOWN = 401 "api_key_unknown" "Nobody has this API key";
    API_KEY_REVOKED = 401 "api_key_revoked" "The API key was revoked";
    PROOF_REQUIRED = 401 "proof_required" "Only a fresh did-jwt can be exchanged";
    FORGED_FROM = 403 "forged_from" "The message speaks for another agent than its sender";
    OPERATORS_ONLY = 403 "operators_only" "Only operators may do this";
    WRONG_HOST = 403 "wrong_host" "The request was addressed to another host";
    REGISTRATION_REFUSED = 403 "registration_refused" "The registry does not accept the claim";
    ROUTE_NOT_FOUND = 404 "route_not_found" "There is nothing at this path";
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "This path does not know the method";
    BODY_TIMEOUT = 408 "body_timeout" "The body came too slowly";
    BODY_TOO_LARGE = 413 "body_too_large" "The body is too large";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "The body must be application/json";
    INVALID_BODY = 422 "invalid_body" "The body is JSON of another shape";
    IDEMPOTENCY_KEY_REUSED = 422 "idempotency_key_reused" "The Idempotency-Key belongs to another request";
    RATE_LIMITED = 429 "rate_limited" "Too many requests in a short time";
    TOO_MANY_STREAMS = 429 "too_many_streams" "The caller holds as many streams as it may";
    INTERNAL = 500 "internal" "The marketplace failed";
    UNAVAILABLE = 503 "unavailable" "The marketplace cannot do this now";
    IDENTITY_UNAVAILABLE = 503 "identity_unavailable" "Identities cannot be checked now";
    NOT_READY = 503 "not_ready" "The server is not ready";
    TIMEOUT = 503 "timeout" "The answer did not come in time";
    // Fields.
    INVALID = 422 "invalid" "A field is not acceptable";
    // Listings.
    LISTING_NOT_FOUND = 404 "listing_not_found" "There is no such listing, or it cannot be bought now";
    NOT_PROVIDER = 403 "not_provider" "Only the provider of a listing changes it";
    WRONG_STATUS = 409 "wrong_status" "The listing is in another status";
    OWN_LISTING = 409 "own_listing" "A provider cannot buy its own listing";
    INSUFFICIENT_REPUTATION = 403 "insufficient_reputation" "The reputation is below zero";
    TOO_MANY_LISTINGS = 409 "too_many_listings" "The marketplace is full";
    LISTING_FEE_NOT_COLLECTED = 402 "listing_fee_not_collected" "The listing fee could not be collected";
    // Reviews.
    REVIEW_TOO_EARLY = 409 "review_too_early" "The order has not been settled";
    REVIEW_TOO_LATE = 409 "review_too_late" "The time for reviews is over";
    REVIEW_ALREADY_GIVEN = 409 "review_already_given" "This party has given its review";
    // Prices.
    PRICE_CHANGED = 409 "price_changed" "The price is not what the buyer expects";
    QUOTE_NOT_YOURS = 403 "quote_not_yours" "The quote is for another buyer or listing";
    QUOTE_EXPIRED = 409 "quote_expired" "The quote has expired";
    PRICE_OUT_OF_RANGE = 422 "price_out_of_range" "The price is out of range";
    POLICY_NOT_OFFERED = 422 "policy_not_offered" "The listing does not offer this acceptance policy";
    EXPOSURE_REACHED = 409 "exposure_reached" "No more may wait on this seller now";
    TOO_MANY_UNFUNDED_ORDERS = 409 "too_many_unfunded_orders" "Too many orders wait for a transfer";
    // Orders.
    ORDER_NOT_FOUND = 404 "order_not_found" "There is no such order among yours";
    NO_DELIVERY = 404 "no_delivery" "There are no delivered bytes";
    WRONG_ROLE = 403 "wrong_role" "The other party does this";
    WRONG_PHASE = 409 "wrong_phase" "The order is in another phase";
    TOO_LATE = 409 "too_late" "The time for this is over";
    TOO_EARLY = 409 "too_early" "The time for this has not come";
    NO_REVISIONS_LEFT = 409 "no_revisions_left" "No revisions are left";
    NO_OFFER = 409 "no_offer" "No offer of the other party stands";
    OFFER_CHANGED = 409 "offer_changed" "Another offer stands";
    CONTENT_REQUIRED = 422 "content_required" "A delivery needs content";
    NOT_ANNOUNCED = 409 "not_announced" "No such delivery is announced";
    HASH_MISMATCH = 422 "hash_mismatch" "The content does not hash to what was said";
    // Disputes.
    DISPUTE_NOT_FOUND = 404 "dispute_not_found" "There is no such dispute among yours";
    ALREADY_DISPUTED = 409 "already_disputed" "The party has disputed this order before";
    CLAIM_NOT_SHOWN = 409 "claim_not_shown" "The log does not show what the claim says";
    TOO_LATE_TO_WITHDRAW = 409 "too_late_to_withdraw" "Votes were opened or something was ruled";
    BOND_AFFORDABLE = 409 "bond_affordable" "The balance covers the counter-bond";
    TOO_MUCH_EVIDENCE = 409 "too_much_evidence" "A side hands in at most 20 pieces of evidence";
    EVIDENCE_CLOSED = 409 "evidence_closed" "The panel is voting on what was handed in before";
    TOO_MANY_OFFERS = 409 "too_many_offers" "The dispute takes no more offers of settlement";
    NOTHING_TO_APPEAL = 409 "nothing_to_appeal" "The ruling gives the party all that it wanted";
    ALREADY_VOTED = 409 "already_voted" "The juror has voted";
    NOT_COMMITTED = 409 "not_committed" "The juror did not vote under seal in time";
    WRONG_SEAL = 422 "wrong_seal" "The vote is not the one that was sealed";
    NOT_APPROVED = 403 "not_approved" "Not enough operators signed exactly this";
    NOT_A_JUROR = 404 "not_a_juror" "The caller is no juror";
    JUROR_STAKE_TOO_SMALL = 422 "juror_stake_too_small" "A juror locks more than this";
    JUROR_STAKE_BOUND = 409 "juror_stake_bound" "The juror's stake is bound";
    // Wallet.
    INSUFFICIENT_BALANCE = 402 "insufficient_balance" "The balance does not cover it";
    ESCROW_FULL = 409 "escrow_full" "Our stake covers no more escrow";
    PAYMENT_NOT_SEEN = 409 "payment_not_seen" "The transfer was not seen yet";
    PAYMENT_PENDING = 409 "payment_pending" "The transfer is not completed";
    PAYMENT_FAILED = 409 "payment_failed" "The transfer failed";
    PAYMENT_FOREIGN = 403 "payment_foreign" "Somebody else sent the transfer";
    PAYMENT_USED = 409 "payment_used" "The transfer paid for something before";
    PAYMENT_FOR_ANOTHER = 409 "payment_for_another" "The transfer names something else";
    PAYMENT_TOO_SMALL = 402 "payment_too_small" "The transfer brought too little";
    SELF_TRANSFER = 422 "self_transfer" "A transfer goes to another agent";
    COLLATERAL_NEEDED = 409 "collateral_needed" "The collateral is still needed";
    FAUCET_CLOSED = 403 "faucet_closed" "There is no play money here";
    FAUCET_USED = 409 "faucet_used" "The agent had its play money";
    NOT_PUBLISHED = 404 "not_published" "Nothing was published yet";
    TEG_REFUSED = 409 "teg_refused" "The TEG refused";
    // Operators.
    FROZEN = 403 "frozen" "The operators froze this agent";
    ALREADY_APPROVED = 409 "already_approved" "The operator approved this before";
    MOTION_OVER = 409 "motion_over" "The motion was decided, cancelled, or its time is over";
    INSUFFICIENT_CAPITAL = 409 "insufficient_capital" "The operator's own tokens do not cover it";
    TOO_BUSY = 429 "too_busy" "Others are having checks run, too many to wait for";
    // The rest.
    NOT_FOUND = 404 "not_found" "There is nothing by this id";
    NOT_DUE = 409 "not_due" "Its time has not come";
    ALREADY_DONE = 409 "already_done" "It was done before";
}

impl Code {
    /// By name. A code that nobody wrote down here is our bug, and says so.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        CODES.iter().find(|code| code.name == name).unwrap_or(&INTERNAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_once() {
        for (at, code) in CODES.iter().enumerate() {
            assert!(CODES[..at].iter().all(|other| other.name != code.name), "{}", code.name);
            assert_eq!(Code::named(code.name), code);
        }
    }
}
