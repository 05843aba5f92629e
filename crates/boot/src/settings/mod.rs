//! Settings: one type for flags and environment, checked as a whole before anything is opened.

mod card;
mod connections;
mod deployment;
mod limits;
mod manifest;
mod masked;
mod problem;
mod teg;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

pub use card::{AgentCard, CardError};
pub use deployment::Deployment;
pub use problem::{Problem, SettingsError};
pub use teg::{RemoteTeg, TegAuthSetting, TegOptions, TegRailSetting};

/// What TEG_LAYER_URL and REGISTRY_URL say, or leave out, when there is no URL.
const EMBEDDED: &str = "embedded";

/// Who may call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum AuthSetting {
    /// Callers prove their DID.
    #[default]
    Required,
    /// `from` is believed: for development on one machine.
    Open,
}

/// What happens to an order that nobody delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ExpirySetting {
    /// The buyer gets the money back.
    #[default]
    DeliveryGated,
    /// The seller gets the money: the original's rule.
    Release,
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// What follows when open orders hold more than our stake covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum EscrowSetting {
    /// Nothing.
    Off,
    /// A line in the log, and a metric.
    #[default]
    Warn,
    /// Purchases beyond it are refused.
    Enforce,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything an operator can decide, as it was written: each setting is a flag and an environment
/// variable; the flag wins. An empty value is as good as none. What is not set comes from the agent
/// card, or from the default named here.
///
/// [`Settings::resolve`] makes a [`Deployment`] of it, or says everything that is wrong.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Our own DID [default: the agent card's]
    #[arg(long, env = "AGENT_DID", hide_env_values = true, value_name = "DID")]
    pub agent_did: Option<String>,

    /// The agent card: name, fees, stake, limits [default: agent_card.json in the working folder,
    /// else the one built in]
    #[arg(long, env = "AGENT_CARD", hide_env_values = true, value_name = "PATH")]
    pub agent_card: Option<PathBuf>,

    /// Address and port to serve
    #[arg(
        long = "listen",
        env = "LISTEN_ADDR",
        hide_env_values = true,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8020"
    )]
    pub listen: SocketAddr,

    /// Address and port where servers show /metrics, and nothing else: then it is not shown where they
    /// serve. For where that is open to everybody [default: none, /metrics is beside all else]
    #[arg(
        long = "metrics-listen",
        env = "METRICS_LISTEN_ADDR",
        hide_env_values = true,
        value_name = "ADDR:PORT"
    )]
    pub metrics_listen: Option<String>,

    /// How agents reach us from outside; also an audience of their tokens [default: http:// and the
    /// listen address]
    #[arg(long, env = "PUBLIC_URL", hide_env_values = true, value_name = "URL")]
    pub public_url: Option<String>,

    /// Folder for our files
    #[arg(
        long,
        env = "DATA_DIR",
        hide_env_values = true,
        value_name = "FOLDER",
        default_value = "data"
    )]
    pub data_dir: PathBuf,

    /// Where orders and money are kept: sqlite:PATH for one server, or postgres://… for several
    /// [default: sqlite: and marketplace.db in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// Connections to PostgreSQL that this process keeps at most; one more listens, and an audit has
    /// one of its own [default: 12]
    #[arg(long, env = "DATABASE_CONNECTIONS", hide_env_values = true, value_name = "NUMBER")]
    pub database_connections: Option<String>,

    /// The TEG where tokens live: http(s)://… or embedded [default: embedded]
    #[arg(long, env = "TEG_LAYER_URL", hide_env_values = true, value_name = "URL")]
    pub teg_layer_url: Option<String>,

    /// What only a TEG elsewhere needs.
    #[command(flatten)]
    pub teg: TegOptions,

    /// The registry of agents: http(s)://… or embedded [default: embedded]
    #[arg(long, env = "REGISTRY_URL", hide_env_values = true, value_name = "URL")]
    pub registry_url: Option<String>,

    /// Our account at the registry: the client id [default: none, we only read from it]
    #[arg(long, env = "REGISTRY_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    pub registry_client_id: Option<String>,

    /// Our account at the registry: the client secret
    #[arg(long, env = "REGISTRY_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub registry_client_secret: Option<String>,

    /// A developer's key at the registry, with which our card is published [default: our account]
    #[arg(long, env = "REGISTRY_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub registry_api_key: Option<String>,

    /// Our own Ed25519 key, 32 bytes in base64url [default: made once, and kept in a file beside the
    /// database, or in the database that servers share]
    #[arg(long, env = "AGENT_KEY", hide_env_values = true, value_name = "KEY")]
    pub agent_key: Option<String>,

    /// A Redis in which servers share how often callers called, a single node or a cluster (one of
    /// its nodes, or several with commas); without it each server counts by itself
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<String>,

    /// How often one agent may call, all at once or evenly; 0 is no limit [default: 6000, on loopback
    /// 0]
    #[arg(long, env = "AGENT_REQUESTS_PER_MINUTE", hide_env_values = true, value_name = "COUNT")]
    pub agent_requests_per_minute: Option<u32>,

    /// The same for one address, over all agents there [default: 120000, on loopback 0]
    #[arg(long, env = "ADDRESS_REQUESTS_PER_MINUTE", hide_env_values = true, value_name = "COUNT")]
    pub address_requests_per_minute: Option<u32>,

    /// The header in which a proxy before us tells the address of its caller, like x-forwarded-for:
    /// the last address in it counts that is no proxy's. Only behind a proxy that always writes it
    /// [default: none]
    #[arg(long, env = "CLIENT_ADDRESS_HEADER", hide_env_values = true, value_name = "NAME")]
    pub client_address_header: Option<String>,

    /// The networks of those proxies, like 10.0.0.0/8, with commas between: from elsewhere the header
    /// is not believed, and the caller's own address counts [default: it is believed from everywhere]
    #[arg(long, env = "CLIENT_ADDRESS_PROXIES", hide_env_values = true, value_name = "NETWORKS")]
    pub client_address_proxies: Option<String>,

    /// What we lock at the TEG for trust, in AVT [default: the agent card's minimum_stake]
    #[arg(long, env = "MARKETPLACE_STAKE", hide_env_values = true, value_name = "AVT")]
    pub marketplace_stake: Option<String>,

    /// How much may be open with a seller that has neither stake nor trusted buyers, in AVT, or
    /// `off` [default: the agent card's exposure_base, else 50]
    #[arg(long, env = "EXPOSURE_BASE", hide_env_values = true, value_name = "AVT")]
    pub exposure_base: Option<String>,

    /// Our fee on top of a price, at most 5 [default: the agent card's]
    #[arg(long, env = "TRANSACTION_FEE_PERCENT", hide_env_values = true, value_name = "PERCENT")]
    pub transaction_fee_percent: Option<String>,

    /// Time for a ruling before a dispute goes to the operators [default: 24]
    #[arg(long, env = "DISPUTE_TIMEOUT_HOURS", hide_env_values = true, value_name = "HOURS")]
    pub dispute_timeout_hours: Option<String>,

    /// What happens to an order that nobody delivered
    #[arg(
        long,
        env = "EXPIRY_POLICY",
        hide_env_values = true,
        value_name = "POLICY",
        default_value = "delivery_gated"
    )]
    pub expiry_policy: ExpirySetting,

    /// What follows when open orders hold more than the agent card's escrow_stake_multiplier of our
    /// stake
    #[arg(
        long,
        env = "ESCROW_STAKE_POLICY",
        hide_env_values = true,
        value_name = "POLICY",
        default_value = "warn"
    )]
    pub escrow_stake_policy: EscrowSetting,

    /// How many points of the TEG's raw score make one of ours [default: 1 embedded, else 10]
    #[arg(long, env = "TEG_REPUTATION_SCALE", hide_env_values = true, value_name = "NUMBER")]
    pub teg_reputation_scale: Option<String>,

    /// Whether callers prove who they are
    #[arg(
        long,
        env = "AUTH_MODE",
        hide_env_values = true,
        value_name = "MODE",
        default_value = "required"
    )]
    pub auth_mode: AuthSetting,

    /// DIDs of the operators, with commas between
    #[arg(long, env = "OPERATOR_DIDS", hide_env_values = true, value_name = "DIDS")]
    pub operator_dids: Option<String>,

    /// How many operators must agree before what one of them proposes is done
    #[arg(
        long,
        env = "OPERATOR_SIGNATURES",
        hide_env_values = true,
        value_name = "NUMBER",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub operator_signatures: u8,

    /// Whether the embedded TEG gives play money [default: on where we listen on loopback only]
    #[arg(long, env = "FAUCET", hide_env_values = true, value_name = "SWITCH")]
    pub faucet: Option<Switch>,

    /// Whether deliveries may be fetched from private addresses, and agents told there: for
    /// development
    #[arg(
        long,
        env = "FETCH_PRIVATE_ADDRESSES",
        hide_env_values = true,
        value_name = "SWITCH",
        default_value = "off"
    )]
    pub fetch_private_addresses: Switch,

    /// How long one request may take, in seconds; a long poll may wait 30 s on top
    #[arg(
        long,
        env = "REQUEST_TIMEOUT_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value_t = 30
    )]
    pub request_timeout_seconds: u16,

    /// How long postings and events are kept, in days; for ever, when not set
    #[arg(
        long,
        env = "HISTORY_DAYS",
        hide_env_values = true,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u16).range(1..=36_500)
    )]
    pub history_days: Option<u16>,

    /// How long the TEG remembers an Idempotency-Key, in hours: after that a transfer of which
    /// nobody knows what became of it waits for the operator
    #[arg(
        long,
        env = "TEG_KEY_HOURS",
        hide_env_values = true,
        value_name = "HOURS",
        default_value_t = 23,
        value_parser = clap::value_parser!(u16).range(1..=8_760)
    )]
    pub teg_key_hours: u16,

    /// Minutes between signed statements of everything that we owe
    #[arg(
        long,
        env = "RESERVES_MINUTES",
        hide_env_values = true,
        value_name = "MINUTES",
        default_value_t = 60,
        value_parser = clap::value_parser!(u16).range(1..=10_080)
    )]
    pub reserves_minutes: u16,

    /// How long running requests may take to finish when the server stops, in seconds
    #[arg(
        long,
        env = "DRAIN_SECONDS",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value_t = 10
    )]
    pub drain_seconds: u16,

    /// Leave deadlines, payouts and messages to marketplace-worker
    #[arg(
        long,
        env = "NO_WORKER",
        hide_env_values = true,
        value_name = "BOOL",
        value_parser = clap::builder::BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    pub no_worker: bool,

    /// Commits on their way at the same time, 1 to 16 [default: 1]
    #[arg(long, env = "COMMITS_IN_FLIGHT", hide_env_values = true, value_name = "NUMBER")]
    pub commits_in_flight: Option<String>,

    /// ERROR, WARNING, INFO, DEBUG, TRACE, or directives such as info,marketplace_engine=debug
    #[arg(
        long,
        env = "LOG_LEVEL",
        hide_env_values = true,
        value_name = "LEVEL",
        default_value = "INFO"
    )]
    pub log_level: String,

    /// A collector of OpenTelemetry traces, http(s)://HOST:4318: each request, with the commands,
    /// commits and effects that came of it [default: none, and no traces]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true, value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Headers for the collector, name=value with commas between
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true,
        value_name = "HEADERS"
    )]
    pub otlp_headers: Option<String>,

    /// How log lines look
    #[arg(
        long,
        env = "LOG_FORMAT",
        hide_env_values = true,
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,
}

impl Settings {
    /// The defaults, whatever the environment says: embedded everything below a folder, on a free
    /// port of loopback, with the agent card that is built in. For tests and embedding.
    #[must_use]
    pub fn local(data_dir: &Path) -> Self {
        Self {
            agent_did: None,
            agent_card: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics_listen: None,
            public_url: None,
            data_dir: data_dir.to_owned(),
            database_url: None,
            database_connections: None,
            teg_layer_url: None,
            teg: TegOptions::default(),
            registry_url: None,
            registry_client_id: None,
            registry_client_secret: None,
            registry_api_key: None,
            agent_key: None,
            redis_url: None,
            agent_requests_per_minute: None,
            address_requests_per_minute: None,
            client_address_header: None,
            client_address_proxies: None,
            marketplace_stake: None,
            exposure_base: None,
            transaction_fee_percent: None,
            dispute_timeout_hours: None,
            expiry_policy: ExpirySetting::default(),
            escrow_stake_policy: EscrowSetting::default(),
            teg_reputation_scale: None,
            auth_mode: AuthSetting::default(),
            operator_dids: None,
            operator_signatures: 1,
            faucet: None,
            fetch_private_addresses: Switch::Off,
            request_timeout_seconds: 30,
            otlp_endpoint: None,
            otlp_headers: None,
            history_days: None,
            teg_key_hours: 23,
            reserves_minutes: 60,
            drain_seconds: 10,
            no_worker: false,
            commits_in_flight: None,
            log_level: "INFO".to_owned(),
            log_format: LogFormat::default(),
        }
    }
}

/// An empty variable is how scripts and compose files say "not set".
pub(crate) fn given(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}
