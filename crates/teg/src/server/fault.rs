//! Makes requests fail on purpose, each in the ways that its `X-Fault` header names
//! (`X-Fault: delay=20, odd-amounts`) or chance says.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, request::Parts};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use marketplace_money::Amount;
use marketplace_ports::TransferFee;
use serde_json::Value;

use super::fault_plan::{Fault, FaultPlan};
use super::reply::Refusal;

const HEADER: &str = "X-Fault";
/// Nothing that is failed on purpose is larger.
const LARGEST: usize = 8 << 20;

/// Which requests fail, and how.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Whether requests may ask for faults themselves.
    pub by_header: bool,
    /// Faults by chance.
    pub plan: Option<Arc<FaultPlan>>,
}

/// What the handlers are told of a fault.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ThisRequest {
    /// Instead of the node's fee.
    pub(super) fee: Option<TransferFee>,
    /// The transfer is taken now and done afterwards.
    pub(super) settles_later: bool,
}

/// The router, with faults in front of it.
pub fn with_faults(router: Router, faults: Faults) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(faults), fail))
}

async fn fail(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    let chosen = match faults.chosen(&request) {
        Ok(chosen) => chosen,
        Err(refusal) => return refusal.into_response(),
    };
    if chosen.is_empty() {
        return next.run(request).await;
    }
    if let Some(answer) = turned_away(&chosen) {
        return answer;
    }
    let (delay, lost) = times(&chosen);
    tokio::time::sleep(delay).await;
    let mut answer = handled(request, &chosen, next).await;
    if chosen.contains(&Fault::OddAmounts) {
        answer = spelled_oddly(answer).await;
    }
    if let Some(wait) = lost {
        tokio::time::sleep(wait).await;
        return broken();
    }
    answer
}

impl Faults {
    fn chosen(&self, request: &Request) -> Result<Vec<Fault>, Refusal> {
        let mut chosen = self.plan.as_ref().map(|plan| plan.draw()).unwrap_or_default();
        let header = request.headers().get(HEADER).filter(|_| self.by_header);
        let names = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        for name in names.split(',').filter(|name| !name.trim().is_empty()) {
            let fault = name.parse::<Fault>();
            chosen.push(fault.map_err(|error| Refusal::invalid(&["header"], &error.to_string()))?);
        }
        Ok(chosen)
    }
}

/// The answer to a request that is not even read.
fn turned_away(chosen: &[Fault]) -> Option<Response> {
    chosen.iter().find_map(|fault| match fault {
        Fault::ExpiredToken => Some(Refusal::unauthorized("the token has expired").into_response()),
        Fault::Unavailable => Some(Refusal::unavailable("on purpose").into_response()),
        Fault::RateLimit(wait) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let refusal = Refusal::new(status, "RATE_LIMITED", "too many requests");
            let mut answer = refusal.into_response();
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*wait));
            Some(answer)
        }
        _ => None,
    })
}

fn times(chosen: &[Fault]) -> (Duration, Option<Duration>) {
    let delay = chosen.iter().find_map(|fault| match fault {
        Fault::Delay(delay) => Some(*delay),
        _ => None,
    });
    let lost = chosen.iter().find_map(|fault| match fault {
        Fault::LostAnswer(wait) => Some(*wait),
        _ => None,
    });
    (delay.unwrap_or_default(), lost)
}

async fn handled(mut request: Request, chosen: &[Fault], next: Next) -> Response {
    let percentage = TransferFee {
        millionths: 1_000,
        least: Amount::from_nano(1_000_000),
        most: Some(Amount::from_avt(10)),
        ..TransferFee::default()
    };
    let fee = chosen.iter().find_map(|fault| match fault {
        Fault::FlatFee => Some(TransferFee::flat(Amount::from_avt(1))),
        Fault::PercentageFee => Some(percentage),
        _ => None,
    });
    let settles_later = chosen.contains(&Fault::SettleLater);
    request.extensions_mut().insert(ThisRequest { fee, settles_later });
    if !chosen.contains(&Fault::Duplicate) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        return Refusal::invalid(&["body"], "cannot be read").into_response();
    };
    let copy = |parts: &Parts, bytes: &Bytes| {
        Request::from_parts(parts.clone(), Body::from(bytes.clone()))
    };
    let _ = next.clone().run(copy(&parts, &bytes)).await;
    next.run(copy(&parts, &bytes)).await
}

/// A beginning of an answer after which the connection breaks.
fn broken() -> Response {
    let cut = std::io::Error::other("cut on purpose");
    Body::from_stream(futures::stream::once(async { Err::<Bytes, _>(cut) })).into_response()
}

async fn spelled_oddly(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, LARGEST).await.unwrap_or_default();
    let Ok(mut json) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    spell(&mut json);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json.to_string()))
}

/// As Python writes a decimal of a database with 18 places.
fn spell(json: &mut Value) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(spell),
        Value::Object(fields) => {
            for (name, value) in fields {
                let amount = value.as_str().and_then(|text| text.parse::<Amount>().ok());
                match amount.filter(|_| is_amount(name)) {
                    Some(Amount::ZERO) => *value = Value::from("0E-18"),
                    Some(amount) => *value = Value::from(eighteen_places(amount)),
                    None => spell(value),
                }
            }
        }
        _ => {}
    }
}

fn is_amount(name: &str) -> bool {
    ["amount", "balance", "total"].iter().any(|word| name.contains(word))
}

fn eighteen_places(amount: Amount) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}.{fraction:0<18}")
}
