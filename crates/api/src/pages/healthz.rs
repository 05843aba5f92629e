//! `GET /healthz`: the process answers.

/// Whether the process lives
///
/// Says nothing about its peers: restart it only when this does not answer.
#[utoipa::path(
    get, path = "/healthz", operation_id = "showHealth", tag = "about", security(()),
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain")),
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}
