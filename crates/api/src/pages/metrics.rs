//! `GET /metrics`: figures of this process for Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use marketplace_engine::EdgeStop;

use crate::shell::Shell;

/// Show metrics
///
/// In the text format of Prometheus. Sums only: nothing about any agent.
#[utoipa::path(
    get, path = "/metrics", operation_id = "showMetrics", tag = "about", security(()),
    responses((status = 200, description = "The figures", body = String,
        content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(shell): State<Shell>) -> impl IntoResponse {
    let ready = shell.app.ready.load(Ordering::Relaxed);
    let mut text = shell.metrics.render(shell.marketplace().listing_count(), ready);
    text.push_str(&edge_figures(&shell).await);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// What crosses the edge to the TEG, and whether it is explained. A store that does not answer
/// leaves these out: the others are this process's own.
async fn edge_figures(shell: &Shell) -> String {
    let market = shell.marketplace();
    let (Ok(stop), Ok(last)) = (market.edge_stop().await, market.last_reconciliation().await)
    else {
        return String::new();
    };
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, lines: &[(String, String)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in lines {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let code = stop.as_ref().map(EdgeStop::code);
    let stopped = ["teg_unreachable", "reserves_breach"].map(|reason| {
        let value = u8::from(code == Some(reason));
        (format!("{{reason=\"{reason}\"}}"), value.to_string())
    });
    let help = "Whether withdrawals are queued, by reason.";
    gauge("marketplace_withdrawals_stopped", help, &stopped);
    let plain = |value: String| [(String::new(), value)];
    let nano = |amount: marketplace_money::Amount| amount.nano().to_string();
    if let Ok(cover) = market.escrow_cover().await {
        let help = "What open orders hold, in nano-AVT.";
        gauge("marketplace_escrow_open_nano", help, &plain(nano(cover.open)));
        let help = "What they may hold by our stake, in nano-AVT.";
        gauge("marketplace_escrow_covered_nano", help, &plain(nano(cover.limit)));
    }
    let Some(last) = last else { return text };
    let help = "What nothing explains at the TEG, in atto-AVT.";
    gauge("marketplace_reserves_unexplained_atto", help, &plain(last.difference.to_string()));
    let help = "What the TEG held for us at the last look, stake included, in nano-AVT.";
    gauge("marketplace_reserves_held_nano", help, &plain(nano(last.held)));
    let help = "What it should have held by our books, in nano-AVT.";
    gauge("marketplace_reserves_booked_nano", help, &plain(nano(last.booked)));
    let help = "Held by withdrawals, in nano-AVT.";
    let flying = [("sent", last.unconfirmed), ("queued", last.queued)];
    let flying = flying.map(|(state, held)| (format!("{{state=\"{state}\"}}"), nano(held)));
    gauge("marketplace_withdrawals_held_nano", help, &flying);
    text
}
