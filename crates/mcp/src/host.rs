//! Answers an MCP host: tools are commands, and resources are the caller's orders.

use std::sync::Arc;

use axum::http::request::Parts;
use marketplace_engine::{Beside, Marketplace};
use marketplace_ports::OrderFilter;
use marketplace_wire::trade::{Attempt, Command, Trader};
use marketplace_wire::{Guest, OrderBody, Problem, codes};
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

use crate::tools;

/// Names the binding in idempotency records.
const ROUTE: &str = "MCP";
const SCHEME: &str = "marketplace://orders/";
const TEMPLATE: &str = "marketplace://orders/{order_id}";
/// Orders of each side that are listed as resources.
const LISTED: u32 = 100;
const WORDS: &str = "A marketplace for agents with escrow. Search, quote, purchase; the seller \
    delivers, the buyer accepts (complete_order), and only then the seller is paid. Amounts are \
    AVT as decimal strings. Send `Authorization: Bearer` with an access token for everything but \
    searching.";

/// What tools stand on.
#[derive(Clone)]
pub struct Mcp {
    /// The engine.
    pub marketplace: Marketplace,
    /// Signs quotes; all replicas and bindings share it.
    pub quote_key: [u8; 32],
}

/// Who called, as the router found out.
fn guest(context: &RequestContext<RoleServer>) -> Option<Guest> {
    let parts = context.extensions.get::<Parts>()?;
    parts.extensions.get::<Arc<Guest>>().map(|guest| guest.as_ref().clone())
}

fn nobody() -> Problem {
    let detail = "Say who you are: send `Authorization: Bearer` with an access token";
    Problem::new(&codes::TOKEN_MISSING, detail)
}

fn failed(problem: &Problem) -> CallToolResult {
    CallToolResult::structured_error(serde_json::to_value(problem).unwrap_or_default())
}

fn refused(problem: &Problem) -> ErrorData {
    let data = serde_json::to_value(problem).ok();
    let detail = problem.detail().to_owned();
    match problem.status() {
        404 => ErrorData::resource_not_found(detail, data),
        500.. => ErrorData::internal_error(detail, data),
        _ => ErrorData::invalid_params(detail, data),
    }
}

impl Mcp {
    async fn perform(
        &self,
        guest: Option<Guest>,
        action: &str,
        arguments: rmcp::model::JsonObject,
    ) -> Result<Value, Box<Problem>> {
        let mut map = arguments;
        map.retain(|_, value| !value.is_null());
        map.insert("action".to_owned(), action.into());
        let text = Value::Object(map.clone()).to_string();
        if marketplace_wire::holds_escaped_nul(text.as_bytes()) {
            let detail = "U+0000 cannot be stored: leave it out";
            return Err(Problem::new(&codes::INVALID_TEXT, detail).into());
        }
        let key = map.get("idempotency_key").and_then(Value::as_str).map(str::to_owned);
        let attempt = key.map(|key| Attempt::new(key, &text));
        let command = Command::read(map, None)?;
        if guest.is_none() && !command.is_public() {
            return Err(nobody().into());
        }
        let proof = guest.as_ref().and_then(|guest| guest.proof.clone());
        let marketplace = match proof {
            Some(proof) if !command.is_read() => {
                self.marketplace.beside(Beside { proof: Some(proof), ..Beside::default() })
            }
            _ => self.marketplace.clone(),
        };
        let did = guest.as_ref().map(|guest| &guest.caller.did);
        let trader =
            Trader { marketplace: &marketplace, quote_key: &self.quote_key, did, route: ROUTE };
        let outcome = trader.perform(command, attempt).await?;
        let receiver = self.marketplace.did();
        Ok(outcome.body(did.unwrap_or(receiver), receiver))
    }

    async fn orders(&self, guest: &Guest) -> Result<Vec<Resource>, Problem> {
        let mut resources = Vec::new();
        for as_seller in [false, true] {
            let filter = OrderFilter {
                agent: guest.caller.did.clone(),
                as_seller,
                status: None,
                cursor: None,
                limit: LISTED,
            };
            let page = self.marketplace.orders(&filter).await;
            for view in page.map_err(|error| Problem::from(&error))?.items {
                let order = &view.order;
                let name = format!("Order {}", order.id);
                let words =
                    format!("{}, {}, {} AVT", order.service, order.phase(), order.price.total);
                let resource = Resource::new(format!("{SCHEME}{}", order.id), name);
                let resource = resource.with_description(words).with_mime_type("application/json");
                resources.push(resource);
            }
        }
        Ok(resources)
    }

    async fn order(&self, guest: &Guest, uri: &str) -> Result<String, Problem> {
        let none = || Problem::new(&codes::ORDER_NOT_FOUND, "There is no such order among yours");
        let id = uri.strip_prefix(SCHEME).and_then(|id| id.parse().ok()).ok_or_else(none)?;
        let view = self.marketplace.order(id).await.map_err(|error| Problem::from(&error))?;
        let did = &guest.caller.did;
        let view = view.filter(|view| view.order.role_of(did).is_some()).ok_or_else(none)?;
        let body = OrderBody::new(&view, did, self.marketplace.did());
        Ok(serde_json::to_string(&body).unwrap_or_default())
    }
}

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(
                "sovereign-marketplace",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions(WORDS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::named(name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(action) = tools::action(&request.name) else {
            return Err(ErrorData::invalid_params("There is no such tool", None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let result = match self.perform(guest(&context), action, arguments).await {
            Ok(body) => CallToolResult::structured(body),
            Err(problem) => failed(&problem),
        };
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        // Whoever says no name has no orders.
        let Some(guest) = guest(&context) else {
            return Ok(ListResourcesResult::with_all_items(Vec::new()));
        };
        let orders = self.orders(&guest).await.map_err(|problem| refused(&problem))?;
        Ok(ListResourcesResult::with_all_items(orders))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = ResourceTemplate::new(TEMPLATE, "Order")
            .with_description("An order of yours")
            .with_mime_type("application/json");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let guest = guest(&context).ok_or_else(|| refused(&nobody()))?;
        let text = self.order(&guest, &request.uri).await.map_err(|problem| refused(&problem))?;
        let contents = ResourceContents::text(text, request.uri).with_mime_type("application/json");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}
