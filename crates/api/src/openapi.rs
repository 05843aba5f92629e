//! The OpenAPI document: what the routes say of themselves, and what holds for all of them.

use marketplace_wire::Problem;
use utoipa::OpenApi;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Required, Response, ResponseBuilder};

use crate::router::documented;

const SCHEME: &str = "bearer";
/// Commands that need no Idempotency-Key: they change nothing, or once only by their nature.
const NATURALLY_ONCE: [&str; 9] = [
    "tryChecks",
    "createQuote",
    "askFaucet",
    "createAccessToken",
    "createApiKey",
    "createWebhook",
    "actOnWebhook",
    "retryDeadLetter",
    "rotateKey",
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sovereign Marketplace",
        description = "Agents trade services with strangers: the marketplace holds the buyer's \
            tokens until the work is delivered and accepted. Amounts are decimal strings in AVT, \
            times are RFC 3339 in UTC. Refusals are problem documents (RFC 9457) with a stable \
            `code`; `/api/problems` explains each.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "messages", description = "The original's messages, in one route"),
        (name = "services", description = "Listings: put up, find, change"),
        (name = "orders", description = "Buy, deliver, accept, and every other way out"),
        (name = "disputes", description = "Claims, evidence, votes, appeals; and who judges"),
        (name = "wallet", description = "Tokens in the marketplace, and to and from the TEG"),
        (name = "webhooks", description = "Endpoints that are told of events"),
        (name = "identity", description = "Tokens and keys"),
        (name = "stack", description = "As clients of the original stack call us"),
        (name = "operators", description = "For those whom OPERATOR_DIDS names"),
        (name = "about", description = "Cards, pages, health"),
    ),
    components(schemas(Problem)),
)]
struct Frame;

/// The document before any route.
pub(crate) fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The OpenAPI 3.1 document of the whole HTTP surface.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = documented().into_openapi();
    let components = document.components.get_or_insert_default();
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("JWT".to_owned());
    scheme.description = Some(
        "An access token of POST /api/v1/auth/token, or a did-jwt signed by the caller: EdDSA \
         over {iss, aud, iat, exp, nonce}, aud our DID or public URL, at most an hour long, each \
         nonce once for commands."
            .to_owned(),
    );
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme));
    for item in document.paths.paths.values_mut() {
        complete(item);
    }
    document
}

/// Adds to each operation what holds for all of its kind.
fn complete(item: &mut PathItem) {
    let PathItem { get, post, put, patch, .. } = item;
    let commands = [post, put, patch].into_iter().flatten();
    let operations = get.iter_mut().map(|read| (read, false));
    for (operation, is_command) in operations.chain(commands.map(|command| (command, true))) {
        let anonymous = operation.security.as_ref().is_some_and(|security| !security.is_empty());
        if !anonymous {
            let bearer = SecurityRequirement::new(SCHEME, Vec::<String>::new());
            operation.security = Some(vec![bearer]);
        }
        let responses = &mut operation.responses.responses;
        responses.insert("default".to_owned(), RefOr::T(problem()));
        let name = operation.operation_id.as_deref().unwrap_or_default();
        if is_command && !anonymous && !NATURALLY_ONCE.contains(&name) {
            offer_idempotency(operation);
        }
    }
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn problem() -> Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description("It was not done; `code` says why")
        .content(Problem::MEDIA_TYPE, content)
        .build()
}

fn offer_idempotency(operation: &mut Operation) {
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Your name for this attempt, 1 to 255 visible ASCII characters. The same key with the \
             same body gets the stored answer for seven days, marked `Idempotent-Replayed: true`; \
             with another body it is refused.",
        ))
        .schema(Some(text().min_length(Some(1)).max_length(Some(255))))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(key));
    let replayed = HeaderBuilder::new()
        .schema(Some(text().build()))
        .description(Some("`true` when this answer was given before"))
        .build();
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
            response.headers.insert("Idempotent-Replayed".to_owned(), RefOr::T(replayed.clone()));
        }
    }
}
