//! What an agent may ask the marketplace, and what follows from the answer.

use super::board::{Board, Job, Order};
use crate::load::Reply;
use crate::sim::Rng;

/// Words of listings and of searches.
const WORDS: [&str; 12] = [
    "data",
    "compute",
    "storage",
    "analysis",
    "translation",
    "image",
    "audio",
    "weather",
    "finance",
    "address",
    "summary",
    "forecast",
];
const KINDS: [&str; 5] = ["data-processing", "computation", "storage", "analysis", "custom"];

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Search,
    List,
    Delist(String),
    Purchase { listing: String, seller: usize, automatic: bool },
    Deliver(Order),
    Decline(Order),
    Accept(Order),
    RequestChanges(Order),
    Dispute(Order),
    Concede(String),
    Contest(String),
    OfferSettlement(Order, String),
    AcceptSettlement(String),
    Wallet,
    Escrow(String),
    Orders,
}

/// As it goes over the wire.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: String,
}

impl Errand {
    /// What is done with a job: mostly what both sides want.
    pub(super) fn of(job: Job, rng: &mut Rng) -> Self {
        match job {
            Job::Serve(order) if rng.chance(30) => Self::Decline(order),
            Job::Serve(order) => Self::Deliver(order),
            Job::Review(order) if rng.chance(6) => Self::Dispute(order),
            Job::Review(order) if !order.revised && rng.chance(30) => Self::RequestChanges(order),
            Job::Review(order) => Self::Accept(order),
            Job::Answer(order, dispute) => match rng.below(4) {
                0 => Self::Contest(dispute),
                1 => Self::OfferSettlement(order, dispute),
                _ => Self::Concede(dispute),
            },
            Job::Settle(dispute) => Self::AcceptSettlement(dispute),
        }
    }

    /// What it is called in the table.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::List => "list",
            Self::Delist(_) => "delist",
            Self::Purchase { .. } => "purchase",
            Self::Deliver(_) => "deliver",
            Self::Decline(_) => "decline",
            Self::Accept(_) => "accept",
            Self::RequestChanges(_) => "request changes",
            Self::Dispute(_) => "dispute",
            Self::Concede(_) => "concede",
            Self::Contest(_) => "contest",
            Self::OfferSettlement(..) => "offer settlement",
            Self::AcceptSettlement(_) => "accept settlement",
            Self::Wallet => "wallet",
            Self::Escrow(_) => "escrow",
            Self::Orders => "orders",
        }
    }

    /// What to send.
    pub(super) fn request(&self, rng: &mut Rng) -> Request {
        let get = |path: String| Request { method: "GET", path, body: String::new() };
        let post = |path: String, body: String| Request { method: "POST", path, body };
        let of_order = |order: &Order, verb: &str, body: &str| {
            post(format!("/api/v1/orders/{}/{verb}", order.id), body.to_owned())
        };
        let of_dispute = |dispute: &str, verb: &str, body: &str| {
            post(format!("/api/v1/disputes/{dispute}/{verb}"), body.to_owned())
        };
        match self {
            Self::Search => get(search(rng)),
            Self::List => post("/api/v1/services/list".to_owned(), listing(rng)),
            Self::Delist(id) => post(format!("/api/v1/services/{id}/delist"), "{}".to_owned()),
            Self::Purchase { listing, automatic, .. } => {
                let policy =
                    if *automatic { r#","acceptance_policy":"auto_on_delivery""# } else { "" };
                let body = format!(r#"{{"listing_id":"{listing}"{policy}}}"#);
                post("/api/v1/orders/create".to_owned(), body)
            }
            Self::Deliver(order) => of_order(
                order,
                "deliver",
                r#"{"inline":"rows: 3, gaps: 0","media_type":"text/plain"}"#,
            ),
            Self::Decline(order) => of_order(order, "decline", "{}"),
            Self::Accept(order) => of_order(order, "accept", "{}"),
            Self::RequestChanges(order) => {
                of_order(order, "request-changes", r#"{"note":"shorter"}"#)
            }
            Self::Dispute(order) => post(
                "/api/v1/disputes/create".to_owned(),
                format!(
                    r#"{{"order_id":"{}","category":"poor_quality","remedy":"half","reason":"half of it is missing"}}"#,
                    order.id
                ),
            ),
            Self::Concede(dispute) => of_dispute(dispute, "concede", "{}"),
            Self::Contest(dispute) => of_dispute(dispute, "contest", "{}"),
            Self::OfferSettlement(_, dispute) => {
                of_dispute(dispute, "offer-settlement", r#"{"seller":"0"}"#)
            }
            Self::AcceptSettlement(dispute) => of_dispute(dispute, "accept-settlement", "{}"),
            Self::Wallet => get("/api/v1/wallet".to_owned()),
            Self::Escrow(order) => get(format!("/api/v1/escrow/{order}")),
            Self::Orders => get("/api/v1/orders?role=seller&limit=20".to_owned()),
        }
    }

    /// Gives the others what they have to do now that it is done.
    pub(super) fn tell(self, buyer: usize, reply: &Reply, board: &Board) {
        match self {
            Self::Purchase { seller, automatic, .. } => {
                let Some(id) = reply.text_of("order_id") else { return };
                let order = Order { id: id.to_owned(), buyer, seller, automatic, revised: false };
                board.give(seller, Job::Serve(order));
            }
            Self::Deliver(order) if !order.automatic => {
                board.give(order.buyer, Job::Review(order));
            }
            Self::RequestChanges(order) => {
                board.give(order.seller, Job::Serve(Order { revised: true, ..order }));
            }
            Self::Dispute(order) => {
                let Some(id) = reply.text_of("dispute_id") else { return };
                board.give(order.seller, Job::Answer(order, id.to_owned()));
            }
            Self::OfferSettlement(order, dispute) => board.give(order.buyer, Job::Settle(dispute)),
            _ => {}
        }
    }
}

fn word(rng: &mut Rng) -> &'static str {
    WORDS[rng.index(WORDS.len())]
}

fn search(rng: &mut Rng) -> String {
    let mut path = format!("/api/v1/services/search?query={}&limit=20", word(rng));
    if rng.chance(300) {
        path.push_str("&max_price=0.1");
    }
    if rng.chance(300) {
        path.push_str("&service_type=");
        path.push_str(KINDS[rng.index(KINDS.len())]);
    }
    path
}

fn listing(rng: &mut Rng) -> String {
    let kind = KINDS[rng.index(KINDS.len())];
    let (first, second, third) = (word(rng), word(rng), word(rng));
    let price = rng.within(10, 200);
    format!(
        r#"{{"service_type":"{kind}","name":"{first} {second}","description":"A service for {first}, {second} and {third}","price":"0.{price:03}"}}"#
    )
}
