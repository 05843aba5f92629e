//! What the operator sees of the settings at start: everything, but no secret.

use std::fmt::Write as _;

use marketplace_money::{Amount, Did};
use marketplace_ports::Quota;
use marketplace_teg::HourlyLimits;

use super::{Deployment, Settings, given};

impl Settings {
    /// Logs the settings in force, secrets masked. Call it after [`crate::init_tracing`].
    pub fn print_masked(&self, deployment: &Deployment) {
        tracing::info!("settings: {}", self.masked(deployment));
    }

    /// The settings in force as `NAME=value`, passwords in URLs masked.
    #[must_use]
    pub fn masked(&self, deployment: &Deployment) -> String {
        let lines = self.outside(deployment).into_iter().chain(self.house(deployment));
        lines.fold(String::new(), |mut text, (name, value)| {
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{space}{name}={value}");
            text
        })
    }

    /// Who we are, and who we talk to.
    fn outside(&self, deployment: &Deployment) -> Vec<(&'static str, String)> {
        let config = &deployment.config;
        let file = || format!("sqlite:{}", deployment.database.display());
        let database = deployment.postgres.as_deref().map_or_else(file, mask);
        let edge = |url| mask(given(url).unwrap_or("embedded"));
        let remote = deployment.teg_http.as_ref();
        let limit = |of: fn(&HourlyLimits) -> u32| {
            remote.map_or_else(|| "(embedded)".to_owned(), |teg| of(&teg.limits).to_string())
        };
        vec![
            ("AGENT_DID", config.did.to_string()),
            ("AGENT_CARD", deployment.card.source().replace(' ', "_")),
            ("LISTEN_ADDR", deployment.listen.to_string()),
            ("METRICS_LISTEN_ADDR", shown(self.metrics_listen.as_ref())),
            ("PUBLIC_URL", deployment.public_url.clone().unwrap_or_else(|| "(listen)".into())),
            ("DATA_DIR", self.data_dir.display().to_string()),
            ("DATABASE_URL", database),
            ("DATABASE_CONNECTIONS", (deployment.writers + deployment.readers).to_string()),
            ("TEG_LAYER_URL", edge(self.teg_layer_url.as_ref())),
            ("TEG_AUTH_MODE", name_of(&self.teg.teg_auth_mode)),
            ("TEG_TOKEN", hidden(self.teg.teg_token.as_ref())),
            ("TEG_SERVICE_TOKEN", hidden(self.teg.teg_service_token.as_ref())),
            ("TEG_RAIL", name_of(&self.teg.teg_rail)),
            ("TEG_REQUESTS_PER_HOUR", limit(|limits| limits.requests)),
            ("TEG_TRANSFERS_PER_HOUR", limit(|limits| limits.transfers)),
            ("REGISTRY_URL", edge(self.registry_url.as_ref())),
            ("REGISTRY_CLIENT_ID", shown(self.registry_client_id.as_ref())),
            ("REGISTRY_CLIENT_SECRET", hidden(self.registry_client_secret.as_ref())),
            ("REGISTRY_API_KEY", hidden(self.registry_api_key.as_ref())),
            ("AGENT_KEY", hidden(self.agent_key.as_ref())),
            ("REDIS_URL", mask(given(self.redis_url.as_ref()).unwrap_or("(none)"))),
            ("AGENT_REQUESTS_PER_MINUTE", often(deployment.limits.agent)),
            ("ADDRESS_REQUESTS_PER_MINUTE", often(deployment.limits.address)),
            ("CLIENT_ADDRESS_HEADER", shown(self.client_address_header.as_ref())),
            ("CLIENT_ADDRESS_PROXIES", shown(self.client_address_proxies.as_ref())),
        ]
    }

    /// Rules, and how the server works.
    fn house(&self, deployment: &Deployment) -> Vec<(&'static str, String)> {
        let config = &deployment.config;
        let operators: Vec<&str> = config.operators.keys.iter().map(Did::as_str).collect();
        let scale = deployment.teg_http.as_ref().map_or(1, |teg| teg.reputation_scale);
        vec![
            ("MARKETPLACE_STAKE", config.stake.to_string()),
            ("EXPOSURE_BASE", amount_or_off(config.exposure_base)),
            ("TRANSACTION_FEE_PERCENT", config.fees.transaction.to_string()),
            ("DISPUTE_TIMEOUT_HOURS", deployment.dispute_timeout_hours.to_string()),
            ("ESCROW_STAKE_POLICY", name_of(&self.escrow_stake_policy)),
            ("EXPIRY_POLICY", name_of(&self.expiry_policy)),
            ("TEG_REPUTATION_SCALE", scale.to_string()),
            ("AUTH_MODE", name_of(&self.auth_mode)),
            ("OPERATOR_DIDS", operators.join(",")),
            ("OPERATOR_SIGNATURES", config.operators.needed.to_string()),
            ("FAUCET", if deployment.faucet_open { "on" } else { "off" }.to_owned()),
            ("FETCH_PRIVATE_ADDRESSES", name_of(&self.fetch_private_addresses)),
            ("REQUEST_TIMEOUT_SECONDS", deployment.request_timeout.as_secs().to_string()),
            ("HISTORY_DAYS", self.history_days.map(|days| days.to_string()).unwrap_or_default()),
            ("DRAIN_SECONDS", deployment.drain.as_secs().to_string()),
            ("NO_WORKER", deployment.no_worker.to_string()),
            ("COMMITS_IN_FLIGHT", config.batches_in_flight.to_string()),
            ("TEG_KEY_HOURS", self.teg_key_hours.to_string()),
            ("RESERVES_MINUTES", self.reserves_minutes.to_string()),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                mask(given(self.otlp_endpoint.as_ref()).unwrap_or("(none)")),
            ),
            ("OTEL_EXPORTER_OTLP_HEADERS", hidden(self.otlp_headers.as_ref())),
            ("LOG_LEVEL", self.log_level.clone()),
            ("LOG_FORMAT", name_of(&self.log_format)),
        ]
    }
}

fn amount_or_off(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "off".to_owned(), |amount| amount.to_string())
}

fn often(quota: Option<Quota>) -> String {
    quota.map_or(0, |quota| quota.requests).to_string()
}

/// What is no secret.
fn shown(text: Option<&String>) -> String {
    given(text).unwrap_or("(none)").to_owned()
}

pub(super) fn name_of(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Whether there is one, and nothing of it.
fn hidden(secret: Option<&String>) -> String {
    if given(secret).is_some() { "***" } else { "(none)" }.to_owned()
}

/// A URL without its password, and without a query, where drivers take passwords too.
fn mask(url: &str) -> String {
    let url = url.split_once('?').map_or(url.to_owned(), |(head, _)| format!("{head}?***"));
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:***@{host}{path}")
        }
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show() {
        let check = |url: &str, expect: &str| assert_eq!(mask(url), expect, "{url}");
        check("embedded", "embedded");
        check("redis://localhost:6379", "redis://localhost:6379");
        check("redis://:secret@cache/0", "redis://:***@cache/0");
        check("postgres://me:se@cret@db/x?password=y", "postgres://me:***@db/x?***");
        check("https://user@host", "https://user:***@host");
    }
}
