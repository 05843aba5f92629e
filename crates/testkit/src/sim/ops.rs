//! What agents ask of the marketplace, and how an answer is written down.

use std::sync::Arc;

use marketplace_disputes::{self as disputes, Claim};
use marketplace_engine::{
    Balance, DeliveryRequest, DisputeRequest, DisputeView, Done, Error, EvidenceRequest,
    Idempotency, JurorView, ListingChange, Marketplace, MoveCollateral, OrderView, PurchaseRequest,
    Transfer,
};
use marketplace_escrow::Command;
use marketplace_listings::{Listing, Offer};
use marketplace_money::{Amount, Did, DisputeId, ListingId, OrderId, Timestamp};
use marketplace_ports::{IdempotencyKey, Nonce, PayoutPolicy, TegTransactionId, Withdrawal};

/// A request of an agent.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    List(Offer),
    ChangeListing(ListingId, ListingChange),
    Buy(PurchaseRequest),
    Change(OrderId, Command),
    Deliver(OrderId, DeliveryRequest),
    Complete(OrderId, DeliveryRequest),
    Transfer(Did, Amount, String),
    Deposit(Amount),
    Withdraw(Amount),
    Claim(TegTransactionId),
    SetPayout(PayoutPolicy),
    Collateral(MoveCollateral, Amount),
    UseNonce(String, Timestamp),
    Dispute(OrderId, Claim),
    ActOnDispute(DisputeId, disputes::Command),
    Evidence(DisputeId, Vec<u8>),
    RegisterJuror(Amount),
}

impl Op {
    /// For the trace and the counts.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::ChangeListing(_, change) => match change {
                ListingChange::Edit(_) => "edit",
                ListingChange::Pause => "pause",
                ListingChange::Resume => "resume",
                ListingChange::Renew => "renew",
                ListingChange::Delist => "delist",
            },
            Self::Buy(_) => "buy",
            Self::Change(_, command) => command.verb().name(),
            Self::Deliver(..) => "deliver",
            Self::Complete(..) => "complete",
            Self::Transfer(..) => "transfer",
            Self::Deposit(_) => "deposit",
            Self::Withdraw(_) => "withdraw",
            Self::Claim(_) => "claim",
            Self::SetPayout(_) => "set-payout",
            Self::Collateral(..) => "collateral",
            Self::UseNonce(..) => "use-nonce",
            Self::Dispute(..) => "dispute",
            Self::Evidence(..) => "evidence",
            Self::RegisterJuror(_) => "register-juror",
            Self::ActOnDispute(_, command) => match command.verb() {
                disputes::Verb::Contest => "contest",
                disputes::Verb::Concede => "concede",
                disputes::Verb::OfferSettlement => "offer-settlement",
                disputes::Verb::AcceptSettlement => "accept-settlement",
                disputes::Verb::Withdraw => "take-back",
                disputes::Verb::Commit => "commit-vote",
                disputes::Verb::Reveal => "reveal-vote",
                disputes::Verb::Appeal => "appeal",
                _ => "other-dispute",
            },
        }
    }

    /// The route that names the kind of attempt.
    fn route(&self) -> String {
        format!("POST /{}", self.name())
    }

    /// The key of an attempt at this.
    pub(crate) fn key(&self, caller: &Did, key: &str) -> IdempotencyKey {
        IdempotencyKey { caller: caller.clone(), route: self.route(), key: key.to_owned() }
    }
}

fn listing_text(listing: &Arc<Listing>) -> String {
    format!("listing {} {}", listing.id, listing.version)
}

fn order_text(view: &OrderView) -> String {
    format!("order {} {}", view.order.id, view.order.version)
}

fn balance_text(balance: &Balance) -> String {
    format!("balance {}", balance.available)
}

fn withdrawal_text(withdrawal: &Arc<Withdrawal>) -> String {
    format!("withdrawal {}", withdrawal.id)
}

fn payout_text(policy: &PayoutPolicy) -> String {
    format!("payout {policy:?}")
}

fn dispute_text(view: &DisputeView) -> String {
    format!("dispute {} {}", view.dispute().id, view.dispute().version)
}

fn juror_text(view: &JurorView) -> String {
    format!("juror {} {}", view.juror.did, view.stake)
}

/// What is promised with a key: the same key, the same body.
pub(crate) type Promise = Option<(IdempotencyKey, [u8; 32])>;

fn promise<R: 'static>(given: Promise, text: fn(&R) -> String) -> Option<Idempotency<R>> {
    let (key, body_sha256) = given?;
    Some(Idempotency { key, body_sha256, render: Arc::new(text) })
}

fn written<R>(done: Done<R>, text: fn(&R) -> String) -> Done<String> {
    match done {
        Done::Fresh(reply) => Done::Fresh(text(&reply)),
        Done::Repeated(reply) => Done::Repeated(reply),
    }
}

/// Asks, and writes the answer down the way the marketplace remembers it.
pub(crate) async fn perform(
    market: Marketplace,
    agent: Did,
    op: Op,
    given: Promise,
) -> Result<Done<String>, Error> {
    match op {
        Op::List(offer) => {
            let promise = promise(given, listing_text);
            let done = market.list_service(&agent, offer, promise).await?;
            Ok(written(done, listing_text))
        }
        Op::ChangeListing(id, change) => {
            let promise = promise(given, listing_text);
            let done = market.change_listing(&agent, id, change, promise).await?;
            Ok(written(done, listing_text))
        }
        Op::Buy(request) => {
            let done = market.purchase(&agent, request, promise(given, order_text)).await?;
            Ok(written(done, order_text))
        }
        Op::Change(id, command) => {
            let promise = promise(given, order_text);
            let done = market.change_order(&agent, id, command, promise).await?;
            Ok(written(done, order_text))
        }
        Op::Deliver(id, request) => {
            let done = market.deliver(&agent, id, request, promise(given, order_text)).await?;
            Ok(written(done, order_text))
        }
        Op::Complete(id, request) => {
            let done = market.complete(&agent, id, request, promise(given, order_text)).await?;
            Ok(written(done, order_text))
        }
        Op::Dispute(..) | Op::ActOnDispute(..) | Op::Evidence(..) | Op::RegisterJuror(_) => {
            perform_in_dispute(market, agent, op, given).await
        }
        other => perform_in_wallet(market, agent, other, given).await,
    }
}

async fn perform_in_dispute(
    market: Marketplace,
    agent: Did,
    op: Op,
    given: Promise,
) -> Result<Done<String>, Error> {
    match op {
        Op::Dispute(order, claim) => {
            let request = DisputeRequest { order, claim, reason: "bad".into() };
            let promise = promise(given, dispute_text);
            let done = market.open_dispute(&agent, request, promise).await?;
            Ok(written(done, dispute_text))
        }
        Op::ActOnDispute(id, command) => {
            let promise = promise(given, dispute_text);
            let done = market.act_on_dispute(&agent, id, command, promise).await?;
            Ok(written(done, dispute_text))
        }
        Op::Evidence(id, bytes) => {
            let request = EvidenceRequest { bytes, ..EvidenceRequest::default() };
            let promise = promise(given, dispute_text);
            let done = market.add_evidence(&agent, id, request, promise).await?;
            Ok(written(done, dispute_text))
        }
        Op::RegisterJuror(stake) => {
            let promise = promise(given, juror_text);
            let done = market.register_juror(&agent, stake, Vec::new(), promise).await?;
            Ok(written(done, juror_text))
        }
        other => Err(Error::Fault(format!("{} is not of disputes", other.name()))),
    }
}

async fn perform_in_wallet(
    market: Marketplace,
    agent: Did,
    op: Op,
    given: Promise,
) -> Result<Done<String>, Error> {
    match op {
        Op::Transfer(to, amount, reason) => {
            let transfer = Transfer { from: agent, to, amount, reason };
            let done = market.transfer(transfer, promise(given, balance_text)).await?;
            Ok(written(done, balance_text))
        }
        Op::Deposit(amount) => {
            let done = market.deposit(&agent, amount, promise(given, balance_text)).await?;
            Ok(written(done, balance_text))
        }
        Op::Withdraw(amount) => {
            let done = market.withdraw(&agent, amount, promise(given, withdrawal_text)).await?;
            Ok(written(done, withdrawal_text))
        }
        Op::Claim(transaction) => {
            let promise = promise(given, balance_text);
            let done = market.claim_transfer(&agent, transaction, promise).await?;
            Ok(written(done, balance_text))
        }
        Op::SetPayout(policy) => {
            let done = market.set_payout(&agent, policy, promise(given, payout_text)).await?;
            Ok(written(done, payout_text))
        }
        Op::Collateral(way, amount) => {
            let promise = promise(given, balance_text);
            let done = market.move_collateral(&agent, way, amount, promise).await?;
            Ok(written(done, balance_text))
        }
        Op::UseNonce(value, until) => {
            market.use_nonce(Nonce { signer: agent, value }, until).await?;
            Ok(Done::Fresh("nonce".to_owned()))
        }
        other => Err(Error::Fault(format!("{} is not of the wallet", other.name()))),
    }
}
