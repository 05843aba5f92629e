//! The table of contents.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::openapi::{frame, openapi};
use crate::shell::Shell;
use crate::{
    acceptance, admin, agents, api_keys, auth, disputes, edge, escrow, events, jurors, market,
    messages, operator, orders, pages, quotes, reserves, services, stack, wallet, webhooks,
};

/// Every route with its documentation.
pub(crate) fn documented() -> OpenApiRouter<Shell> {
    OpenApiRouter::with_openapi(frame()).merge(market()).merge(house())
}

/// What is traded.
fn market() -> OpenApiRouter<Shell> {
    OpenApiRouter::new()
        // The original's messages.
        .routes(routes!(messages::receive::receive))
        // Listings.
        .routes(routes!(services::list::list))
        .routes(routes!(services::search::search))
        .routes(routes!(services::mine::mine))
        .routes(routes!(services::recommended::recommended))
        .routes(routes!(services::find_match::find_match))
        .routes(routes!(services::similar::similar))
        .routes(routes!(services::show::show, services::edit::edit))
        .routes(routes!(services::pause::pause))
        .routes(routes!(services::resume::resume))
        .routes(routes!(services::renew::renew))
        .routes(routes!(services::delist::delist))
        .routes(routes!(acceptance::dry_run::dry_run))
        // Buying.
        .routes(routes!(quotes::create::create))
        .routes(routes!(orders::create::create))
        .routes(routes!(orders::list::list))
        .routes(routes!(orders::show::show))
        .routes(routes!(orders::delivery::delivery))
        .routes(routes!(events::of_order::of_order))
        .routes(routes!(events::stream::stream))
        .routes(routes!(orders::start::start))
        .routes(routes!(orders::deliver::deliver))
        .routes(routes!(orders::accept::accept))
        .routes(routes!(orders::decline::decline))
        .routes(routes!(orders::cancel::cancel))
        .routes(routes!(orders::request_changes::request_changes))
        .routes(routes!(orders::claim_non_delivery::claim_non_delivery))
        .routes(routes!(orders::offer_split::offer_split))
        .routes(routes!(orders::accept_split::accept_split))
        .routes(routes!(orders::review::review))
        .routes(routes!(orders::review::reviews))
        .routes(routes!(agents::reputation::reputation))
        .routes(routes!(agents::reviews::reviews))
        .routes(routes!(escrow::show::show))
        .routes(routes!(disputes::create::create))
        .routes(routes!(disputes::list::list))
        .routes(routes!(disputes::show::show))
        .routes(routes!(disputes::verdict::verdict))
        .routes(routes!(disputes::evidence::add))
        .routes(routes!(disputes::evidence::read))
        .routes(routes!(disputes::contest::contest))
        .routes(routes!(disputes::concede::concede))
        .routes(routes!(disputes::offer_settlement::offer_settlement))
        .routes(routes!(disputes::accept_settlement::accept_settlement))
        .routes(routes!(disputes::withdraw::withdraw))
        .routes(routes!(disputes::appeal::appeal))
        .routes(routes!(disputes::commit::commit))
        .routes(routes!(disputes::reveal::reveal))
        .routes(routes!(jurors::show::show))
        .routes(routes!(jurors::register::register))
        .routes(routes!(jurors::opt_out::opt_out))
        .routes(routes!(jurors::leave::leave))
}

/// What trade needs: tokens, identity, operators, health.
fn house() -> OpenApiRouter<Shell> {
    OpenApiRouter::new()
        // Tokens.
        .routes(routes!(wallet::show::show))
        .routes(routes!(wallet::entries::entries))
        .routes(routes!(wallet::deposit::deposit))
        .routes(routes!(wallet::withdraw::withdraw))
        .routes(routes!(wallet::withdrawal_fee::withdrawal_fee))
        .routes(routes!(wallet::transfer::transfer))
        .routes(routes!(wallet::faucet::faucet))
        .routes(routes!(wallet::show_payout::show_payout, wallet::set_payout::set_payout))
        .routes(routes!(wallet::lock_collateral::lock_collateral))
        .routes(routes!(wallet::release_collateral::release_collateral))
        .routes(routes!(reserves::show::show))
        .routes(routes!(reserves::proof::proof))
        // Identity.
        .routes(routes!(auth::token::token))
        .routes(routes!(agents::register::register))
        .routes(routes!(api_keys::list::list, api_keys::create::create))
        .routes(routes!(api_keys::revoke::revoke))
        .routes(routes!(webhooks::list::list, webhooks::create::create))
        .routes(routes!(webhooks::deliveries::deliveries))
        .routes(routes!(webhooks::act::act))
        // The original stack's clients.
        .routes(routes!(stack::list::list))
        .routes(routes!(stack::purchase::purchase))
        .routes(routes!(stack::show::show))
        .routes(routes!(stack::complete::complete))
        // Operators.
        .routes(routes!(admin::orders::orders))
        .routes(routes!(admin::audit::audit))
        .routes(routes!(admin::withdrawals::withdrawals))
        .routes(routes!(admin::dead_letters::dead_letters))
        .routes(routes!(admin::retry_dead_letters::retry_dead_letters))
        .routes(routes!(admin::rotate_key::rotate_key))
        .routes(routes!(operator::list::list, operator::propose::propose))
        .routes(routes!(operator::show::show))
        .routes(routes!(operator::approve::approve))
        .routes(routes!(operator::cancel::cancel))
        .routes(routes!(operator::events::events))
        .routes(routes!(disputes::list_all::list_all))
        .routes(routes!(api_keys::list_of::list_of, api_keys::bind::bind))
        .routes(routes!(api_keys::revoke_any::revoke_any))
        // Cards, pages, health.
        .routes(routes!(pages::agent_card::agent_card))
        .routes(routes!(operator::fees::fees))
        .routes(routes!(market::overview::overview))
        .routes(routes!(market::follow::follow))
        .routes(routes!(pages::marketplace::marketplace))
        .routes(routes!(pages::problems::problems))
        .routes(routes!(pages::jwks::jwks))
        .routes(routes!(pages::health::health))
        .routes(routes!(pages::healthz::healthz))
        .routes(routes!(pages::readyz::readyz))
        .routes(routes!(pages::metrics::metrics))
}

/// The whole HTTP surface. `bindings` are the routes of other protocols: they get their bodies
/// whole, within the bounds of all bodies, and stand under the same roof.
pub fn router(app: Arc<App>, bindings: Router) -> Router {
    let shell = Shell::new(app);
    let bindings =
        bindings.layer(middleware::from_fn_with_state(shell.clone(), edge::whole_bodies));
    let routes: Router<Shell> = documented().into();
    routes
        .route("/marketplace/{*path}", get(pages::marketplace::file))
        .merge(bindings.with_state(()))
        .merge(SwaggerUi::new("/api/docs").url("/api/openapi.json", openapi()))
        .fallback(edge::route_not_found)
        .method_not_allowed_fallback(edge::method_not_allowed)
        .layer(middleware::from_fn_with_state(shell.clone(), edge::edge))
        .with_state(shell)
}
