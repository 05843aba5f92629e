//! Where a TEG over HTTP is, how we show who we are, and how patient we are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use marketplace_money::Did;
use marketplace_ports::{AgentTokens, Store};

use super::{BreakerSettings, HourlyLimits};
use crate::Clock;

/// By what the TEG knows us.
#[derive(Clone)]
pub enum TegAuth {
    /// A token that the registry issues, and issues again when it is refused.
    Registry(Arc<dyn AgentTokens>),
    /// A token that an operator got for us.
    Static(String),
    /// Our bare DID: for development, a TEG that takes it believes everybody. Only a TEG on
    /// loopback is called like this.
    Did,
}

impl fmt::Debug for TegAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registry(_) => "Registry",
            Self::Static(_) => "Static(***)",
            Self::Did => "Did",
        })
    }
}

/// How tokens are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rail {
    /// `POST /api/v1/token/transfer` of the TEG.
    Transfer,
    /// `POST /api/v1/teg/send` of the registry at this URL, which finds a way to agents of other
    /// registries too.
    Send(String),
}

/// How a TEG over HTTP is called.
#[derive(Clone)]
pub struct HttpTegSettings {
    /// Like `https://teg.example`, without the `/api/v1`.
    pub url: String,
    /// Ourselves.
    pub owner: Did,
    /// By what the TEG knows us.
    pub auth: TegAuth,
    /// How tokens are sent.
    pub rail: Rail,
    /// Shows us the balances of others, where the TEG gave us one.
    pub service_token: Option<String>,
    /// Raw points of reputation for one of ours.
    pub reputation_scale: u32,
    /// For name and connection, TLS included.
    pub connect_timeout: Duration,
    /// For a whole call, its last byte included.
    pub call_timeout: Duration,
    /// How often a call that may be repeated is made at most.
    pub attempts: usize,
    /// Before the first repetition; each next pause is twice as long, and no two are alike.
    pub first_pause: Duration,
    /// No pause is longer. When the TEG asks for more, the caller is told instead of waiting.
    pub longest_pause: Duration,
    /// When to leave the TEG alone.
    pub breaker: BreakerSettings,
    /// What the TEG allows us.
    pub limits: HourlyLimits,
    /// Where other processes that call as the same agent take their calls from too; without, this one
    /// counts by itself.
    pub shared: Option<Arc<dyn Store>>,
    /// Whether agents are told of the TEG's faucet.
    pub faucet_open: bool,
    /// Counts the hours and rests.
    pub clock: Clock,
}

impl HttpTegSettings {
    /// A TEG with the published limits and scale.
    #[must_use]
    pub fn new(url: &str, owner: Did, auth: TegAuth, clock: Clock) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            owner,
            auth,
            rail: Rail::Transfer,
            service_token: None,
            reputation_scale: 10,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            attempts: 4,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
            breaker: BreakerSettings::default(),
            limits: HourlyLimits::PUBLISHED,
            shared: None,
            faucet_open: true,
            clock,
        }
    }
}

impl fmt::Debug for HttpTegSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTegSettings")
            .field("url", &self.url)
            .field("owner", &self.owner)
            .field("auth", &self.auth)
            .field("rail", &self.rail)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpTegError {
    /// Not a URL to call.
    #[error("{0} is not a URL like https://teg.example")]
    Url(String),
    /// A bare DID proves nothing, and money is at stake.
    #[error("{0} is not on this machine: a bare DID is shown to a TEG on loopback only")]
    DidAbroad(String),
    /// Mostly: the system has no CA certificates, without which no HTTPS server can be trusted.
    #[error("no HTTPS client can be built; are the CA certificates installed (ca-certificates)?")]
    Client(#[source] reqwest::Error),
}

/// Whether a URL names this machine and nothing else.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
