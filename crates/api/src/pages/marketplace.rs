//! `GET /marketplace`: says that the page comes later, and where everything is until then.

use axum::response::Html;

const PAGE: &str = include_str!("marketplace.html");

/// Show the marketplace page
///
/// A short page without scripts: the real one comes later.
#[utoipa::path(
    get, path = "/marketplace", operation_id = "showMarketplacePage", tag = "about", security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
pub(crate) async fn marketplace() -> Html<&'static str> {
    Html(PAGE)
}
