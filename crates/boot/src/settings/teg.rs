//! A TEG elsewhere: where it is, by what it knows us, what it allows us.

use clap::ValueEnum;
use marketplace_teg::{HourlyLimits, Rail, is_loopback};

use super::problem::Problems;
use super::{AuthSetting, Settings, given};

/// By what a TEG elsewhere knows us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TegAuthSetting {
    /// A token of the registry.
    #[default]
    Registry,
    /// The token of TEG_TOKEN.
    Static,
    /// Our bare DID: for development on one machine.
    Did,
}

/// How tokens are sent at a TEG elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TegRailSetting {
    /// By the TEG.
    #[default]
    Transfer,
    /// By the registry, which reaches agents of other registries too.
    Send,
}

/// What only a TEG elsewhere needs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TegOptions {
    /// By what the TEG knows us; a bare DID is for development, on loopback only
    #[arg(
        long,
        env = "TEG_AUTH_MODE",
        hide_env_values = true,
        value_name = "MODE",
        default_value = "registry"
    )]
    pub teg_auth_mode: TegAuthSetting,

    /// The token of TEG_AUTH_MODE=static
    #[arg(long, env = "TEG_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub teg_token: Option<String>,

    /// Shows us the TEG balances of others [default: none, they are unknown to us]
    #[arg(long, env = "TEG_SERVICE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub teg_service_token: Option<String>,

    /// How tokens are sent: by the TEG, or by the registry's send
    #[arg(
        long,
        env = "TEG_RAIL",
        hide_env_values = true,
        value_name = "RAIL",
        default_value = "transfer"
    )]
    pub teg_rail: TegRailSetting,

    /// Calls that the TEG allows us in an hour, 0 for no limit [default: 1000]
    #[arg(long, env = "TEG_REQUESTS_PER_HOUR", hide_env_values = true, value_name = "NUMBER")]
    pub teg_requests_per_hour: Option<u32>,

    /// Transfers that the TEG allows us in an hour, 0 for no limit [default: 100]
    #[arg(long, env = "TEG_TRANSFERS_PER_HOUR", hide_env_values = true, value_name = "NUMBER")]
    pub teg_transfers_per_hour: Option<u32>,
}

/// A TEG elsewhere, its settings checked.
#[derive(Clone)]
pub struct RemoteTeg {
    /// Like `https://teg.example`.
    pub url: String,
    /// By what it knows us.
    pub auth: TegAuthSetting,
    /// The token of [`TegAuthSetting::Static`]; secret.
    pub token: Option<String>,
    /// Shows us the balances of others; secret.
    pub service_token: Option<String>,
    /// How tokens are sent.
    pub rail: Rail,
    /// Raw points of reputation for one of ours.
    pub reputation_scale: u32,
    /// What it allows us.
    pub limits: HourlyLimits,
}

impl std::fmt::Debug for RemoteTeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteTeg").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The real TEG's raw points for one of ours.
const REAL_SCALE: u32 = 10;

impl Settings {
    /// The TEG elsewhere, where there is one.
    pub(super) fn remote_teg(&self, problems: &mut Problems) -> Option<RemoteTeg> {
        let scale = self.scale(problems);
        let url = given(self.teg_layer_url.as_ref()).filter(|url| *url != super::EMBEDDED)?;
        let url = url.trim_end_matches('/').trim_end_matches("/api/v1").to_owned();
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if !host.is_some_and(|host| !host.is_empty() && !host.contains(['?', '#', '@', ' '])) {
            problems.add("TEG_LAYER_URL", "must be like http://teg-layer:8100, or embedded");
        }
        let options = &self.teg;
        let token = given(options.teg_token.as_ref()).map(str::to_owned);
        self.check_teg_auth(&url, token.is_some(), problems);
        let registry = given(self.registry_url.as_ref()).filter(|url| *url != super::EMBEDDED);
        let rail = match (options.teg_rail, registry) {
            (TegRailSetting::Transfer, _) => Rail::Transfer,
            (TegRailSetting::Send, Some(registry)) => {
                Rail::Send(registry.trim_end_matches('/').trim_end_matches("/api/v1").to_owned())
            }
            (TegRailSetting::Send, None) => {
                problems.add("TEG_RAIL", "send is the registry's: set REGISTRY_URL");
                Rail::Transfer
            }
        };
        let published = HourlyLimits::PUBLISHED;
        Some(RemoteTeg {
            url,
            auth: options.teg_auth_mode,
            token,
            service_token: given(options.teg_service_token.as_ref()).map(str::to_owned),
            rail,
            reputation_scale: scale.unwrap_or(REAL_SCALE),
            limits: HourlyLimits {
                requests: options.teg_requests_per_hour.unwrap_or(published.requests),
                transfers: options.teg_transfers_per_hour.unwrap_or(published.transfers),
            },
        })
    }

    fn check_teg_auth(&self, url: &str, has_token: bool, problems: &mut Problems) {
        let abroad = !is_loopback(url);
        match self.teg.teg_auth_mode {
            TegAuthSetting::Registry if given(self.registry_client_id.as_ref()).is_none() => {
                let must = "registry needs REGISTRY_URL and an account there \
                            (REGISTRY_CLIENT_ID, REGISTRY_CLIENT_SECRET)";
                problems.add("TEG_AUTH_MODE", must);
            }
            TegAuthSetting::Static if !has_token => {
                problems.add("TEG_AUTH_MODE", "static needs TEG_TOKEN");
            }
            TegAuthSetting::Did if abroad => {
                problems.add("TEG_AUTH_MODE", "did is for a TEG on loopback: it proves nothing");
            }
            _ => {}
        }
        if self.auth_mode == AuthSetting::Open && abroad {
            let must = "open believes whoever calls, so it goes with a TEG on loopback only";
            problems.add("AUTH_MODE", must);
        }
    }

    /// The embedded TEG's scale is 1, whatever is set.
    fn scale(&self, problems: &mut Problems) -> Option<u32> {
        let text = given(self.teg_reputation_scale.as_ref())?;
        let scale = text.parse().ok().filter(|scale| *scale > 0);
        let embedded = given(self.teg_layer_url.as_ref()).is_none_or(|url| url == super::EMBEDDED);
        if scale.is_none() {
            problems.add("TEG_REPUTATION_SCALE", "must be a whole number above 0");
        } else if embedded && scale != Some(1) {
            problems.add("TEG_REPUTATION_SCALE", "the embedded TEG's scale is 1: unset it");
        }
        scale
    }
}
