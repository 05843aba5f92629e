//! What the same two requests cost when nobody decides anything and nothing is kept: a plain
//! axum handler over a map, the ceiling to compare with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;
use uuid::Uuid;

#[derive(Default)]
struct Orders(Mutex<HashMap<Uuid, bool>>);

#[derive(Deserialize)]
struct Message {
    r#type: String,
    order_id: Option<Uuid>,
}

/// Serves until the process ends.
///
/// # Errors
/// When the socket fails.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let app = Router::new()
        .route("/readyz", get(|| async { "ready" }))
        .route("/a2a/message", post(message))
        .with_state(Arc::new(Orders::default()));
    axum::serve(listener, app).await
}

async fn message(
    State(orders): State<Arc<Orders>>,
    Json(body): Json<Message>,
) -> impl IntoResponse {
    let mut orders = orders.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = match (body.r#type.as_str(), body.order_id) {
        ("order_complete", Some(id)) => {
            orders.insert(id, true);
            format!(
                r#"{{"type":"order_complete_response","status":"success","order_id":"{id}","order_status":"COMPLETED","phase":"ACCEPTED"}}"#
            )
        }
        _ => {
            let id = Uuid::new_v4();
            orders.insert(id, false);
            format!(
                r#"{{"type":"purchase_response","status":"success","order_id":"{id}","escrow_amount":"0.001025","expires_at":"2030-01-01T00:00:00Z"}}"#
            )
        }
    };
    ([(header::CONTENT_TYPE, "application/json")], text)
}
