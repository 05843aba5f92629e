//! `GET /.well-known/agent-card.json`: the card in the form of A2A 1.0, of what exists.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::answer::ok;
use crate::failure::Failure;
use crate::shell::{Inner, Shell};

/// Names the protocol of `POST /a2a/message`. It is not A2A, and the card does not say so.
const BINDING: &str = "urn:sovereign-marketplace:original-messages";

/// Show the A2A card
///
/// In the form of A2A 1.0. The only interface so far is that of the original's messages, under a
/// binding of its own name: A2A itself comes later, and is not claimed before.
#[utoipa::path(
    get, path = "/.well-known/agent-card.json", operation_id = "showA2aCard", tag = "about",
    security(()), responses((status = 200, description = "The card", body = Object)),
)]
pub(crate) async fn well_known_card(State(shell): State<Shell>) -> Result<Response, Failure> {
    let mut response = ok(&card(&shell))?;
    let cached = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    Ok(response)
}

fn card(shell: &Inner) -> Value {
    let settings = &shell.app.settings;
    let (manifest, url) = (&settings.manifest, &settings.public_url);
    let skill = |id: &str, name: &str, description: &str| json!({ "id": id, "name": name, "description": description, "tags": ["marketplace"] });
    json!({
        "name": manifest["name"],
        "description": manifest["description"],
        "version": manifest["version"],
        "documentationUrl": format!("{url}/api/docs/"),
        "supportedInterfaces": [{
            "url": format!("{url}/a2a/message"),
            "protocolBinding": BINDING,
            "protocolVersion": "1.0",
        }],
        "capabilities": {
            "streaming": false,
            "pushNotifications": false,
            "extendedAgentCard": false,
        },
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json"],
        "skills": [
            skill("list_service", "List a service", "Offers a service for a price in AVT"),
            skill("search_request", "Search services", "Finds services by words, price and \
                standing"),
            skill("purchase_request", "Buy a service", "Pays into escrow until the work is \
                accepted"),
            skill("order_complete", "Complete an order", "Delivers as the provider, accepts as \
                the buyer"),
        ],
        "securitySchemes": {
            "bearer": { "httpAuthSecurityScheme": { "scheme": "Bearer", "bearerFormat": "JWT" } },
        },
        "securityRequirements": [{ "schemes": { "bearer": { "list": [] } } }],
    })
}
