//! `/metrics` at an address of its own, where the settings name one: then whoever reaches the market
//! from outside does not see how it goes.

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use marketplace_wire::{Problem, codes};
use tokio::net::TcpListener;

use crate::{BootError, Deployment};

const PATH: &str = "/metrics";

/// The port, before anything else is opened.
pub(crate) async fn bind(deployment: &Deployment) -> Result<Option<TcpListener>, BootError> {
    let Some(address) = deployment.metrics_listen else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    let setting = "METRICS_LISTEN_ADDR";
    bound.map(Some).map_err(|source| BootError::Bind { address, setting, source })
}

/// Everything but the figures, and the figures alone.
pub(crate) fn apart(router: Router) -> (Router, Router) {
    let outside =
        router.clone().layer(middleware::from_fn(async |request: Request, next: Next| {
            if request.uri().path() == PATH { elsewhere() } else { next.run(request).await }
        }));
    let inside = router.layer(middleware::from_fn(async |request: Request, next: Next| {
        if request.uri().path() == PATH { next.run(request).await } else { elsewhere() }
    }));
    (outside, inside)
}

fn elsewhere() -> Response {
    let problem =
        Problem::new(&codes::ROUTE_NOT_FOUND, "It is served at another port, or not at all");
    // Plain fields: that it cannot be written does not happen, and the status says enough.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, Problem::MEDIA_TYPE)], body).into_response()
}
