//! `GET /api/problems`: explains every code of a problem document.

use std::fmt::Write as _;

use axum::response::Html;
use marketplace_wire::CODES;

/// Explain the codes
///
/// The `type` of a problem document points here.
#[utoipa::path(
    get, path = "/api/problems", operation_id = "showProblems", tag = "about", security(()),
    responses((status = 200, description = "A table of all codes", body = String,
        content_type = "text/html")),
)]
pub(crate) async fn problems() -> Html<String> {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Problems</title>\
         <style>body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:3rem auto;padding:0 \
         1rem}td,th{padding:.2rem .8rem;text-align:left}</style></head>\n<body><h1>What the codes \
         mean</h1>\n<p>Replies of <code>POST /a2a/message</code> carry the same codes with status \
         200, where the rules said no.</p>\n<table><tr><th>Code</th><th>Status</th><th>Meaning</th>\
         </tr>\n",
    );
    for code in CODES {
        let (name, status, title) = (code.name, code.status, code.title);
        let _ = writeln!(
            page,
            "<tr id=\"{name}\"><td><code>{name}</code></td><td>{status}</td><td>{title}</td></tr>"
        );
    }
    page.push_str("</table></body></html>\n");
    Html(page)
}
