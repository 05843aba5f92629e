//! What an operator decides about the server. Each setting is a flag and an environment variable;
//! the flag wins.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use marketplace_money::{Amount, BasisPoints, Did};
use marketplace_ports::TransferFee;
use marketplace_registry::{Account, Credentials};
use marketplace_teg::server::{Fault, FaultPlan, Faults};

use crate::EdgeError;

/// By what agents are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum EdgeAuth {
    /// By a token of the registry, or one of the operator's.
    #[default]
    Token,
    /// By their bare DID too: whoever calls is believed, so it serves loopback only.
    Did,
}

/// Everything that can be set.
#[derive(Clone, Debug, clap::Args)]
pub struct EdgeSettings {
    /// Address and port to serve
    #[arg(
        long = "listen",
        env = "TEG_LISTEN_ADDR",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8100"
    )]
    pub listen: SocketAddr,

    /// Folder for the books and the directory
    #[arg(long, env = "TEG_DATA_DIR", value_name = "FOLDER", default_value = "data/edge")]
    pub data_dir: PathBuf,

    /// The marketplace's DID: the genesis amount is its, and only it may fetch tokens of others
    #[arg(
        long,
        env = "AGENT_DID",
        value_name = "DID",
        default_value = "did:agentvault:marketplace-v1"
    )]
    pub owner: String,

    /// What the owner holds when the books are made, in AVT
    #[arg(long, env = "TEG_GENESIS", value_name = "AVT", default_value = "2000")]
    pub genesis: String,

    /// Whether a bare DID is a token too: for development on one machine
    #[arg(long, env = "TEG_AUTH", value_name = "MODE", default_value = "token")]
    pub auth: EdgeAuth,

    /// Accounts that log in for tokens: CLIENT_ID:SECRET=DID, with commas between
    #[arg(long, env = "TEG_ACCOUNTS", hide_env_values = true, value_name = "ACCOUNTS")]
    pub accounts: Option<String>,

    /// Tokens that never end: TOKEN=DID, with commas between
    #[arg(long, env = "TEG_TOKENS", hide_env_values = true, value_name = "TOKENS")]
    pub tokens: Option<String>,

    /// Who shows this in X-Service-Token sees all balances
    #[arg(long, env = "TEG_SERVICE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub service_token: Option<String>,

    /// What a transfer costs its sender, in AVT
    #[arg(long, env = "TEG_TRANSFER_FEE", value_name = "AVT", default_value = "0")]
    pub transfer_fee: String,

    /// What a transfer costs on top, in per cent of the amount
    #[arg(long, env = "TEG_FEE_PERCENT", value_name = "PERCENT", default_value = "0")]
    pub fee_percent: String,

    /// Give no play money; off loopback there is none anyway
    #[arg(long)]
    pub no_faucet: bool,

    /// Give play money off loopback too
    #[arg(long, conflicts_with = "no_faucet")]
    pub faucet: bool,

    /// Requests may ask for faults in X-Fault: delay=MS, unavailable, rate-limit=SECONDS,
    /// timeout-after-commit=MS, duplicate, flat-fee, percentage-fee, odd-amounts, expired-token,
    /// settle-later
    #[arg(long)]
    pub faults: bool,

    /// So many requests in a hundred fail in each way, by chance
    #[arg(long, value_name = "PERCENT", default_value_t = 0,
        value_parser = clap::value_parser!(u8).range(0..=50))]
    pub fault_percent: u8,

    /// Where chance begins
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub fault_seed: u64,

    /// The ways in which requests fail by chance, with commas between [default: all but the fees]
    #[arg(long, value_name = "FAULTS")]
    pub fault_kinds: Option<String>,
}

impl EdgeSettings {
    /// The settings must make sense before anything is opened.
    pub(crate) fn check(&self) -> Result<(), EdgeError> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        if self.auth == EdgeAuth::Did {
            return Err(wrong("TEG_AUTH", "a bare DID is believed on loopback only"));
        }
        if self.faults || self.fault_percent > 0 {
            return Err(wrong("--faults", "requests fail on purpose on loopback only"));
        }
        Ok(())
    }

    pub(crate) fn owner(&self) -> Result<Did, EdgeError> {
        self.owner
            .parse()
            .map_err(|error| wrong("AGENT_DID", format!("\"{}\" {error}", self.owner)))
    }

    pub(crate) fn genesis(&self) -> Result<Amount, EdgeError> {
        amount("TEG_GENESIS", &self.genesis)
    }

    pub(crate) fn faucet_open(&self) -> bool {
        self.faucet || (self.listen.ip().is_loopback() && !self.no_faucet)
    }

    pub(crate) fn fee(&self) -> Result<TransferFee, EdgeError> {
        let flat = amount("TEG_TRANSFER_FEE", &self.transfer_fee)?;
        let percent: BasisPoints = self.fee_percent.parse().map_err(|error| {
            wrong("TEG_FEE_PERCENT", format!("\"{}\" {error}", self.fee_percent))
        })?;
        // A basis point is a hundred millionths.
        let millionths = percent.get().checked_mul(100);
        let millionths = millionths.ok_or_else(|| wrong("TEG_FEE_PERCENT", "is out of range"))?;
        Ok(TransferFee { millionths, ..TransferFee::flat(flat) })
    }

    pub(crate) fn accounts(&self) -> Result<Vec<Account>, EdgeError> {
        pairs("TEG_ACCOUNTS", self.accounts.as_deref())?
            .into_iter()
            .map(|(login, did)| {
                let (id, secret) = login
                    .split_once(':')
                    .ok_or_else(|| wrong("TEG_ACCOUNTS", "must be CLIENT_ID:SECRET=DID"))?;
                let (client_id, client_secret) = (id.to_owned(), secret.to_owned());
                Ok(Account { did, credentials: Credentials { client_id, client_secret } })
            })
            .collect()
    }

    pub(crate) fn tokens(&self) -> Result<HashMap<String, Did>, EdgeError> {
        Ok(pairs("TEG_TOKENS", self.tokens.as_deref())?.into_iter().collect())
    }

    pub(crate) fn faults(&self) -> Result<Option<Faults>, EdgeError> {
        if !self.faults && self.fault_percent == 0 {
            return Ok(None);
        }
        let kinds = match &self.fault_kinds {
            None => Fault::ALL.to_vec(),
            Some(names) => names.split(',').map(str::parse).collect::<Result<_, _>>().map_err(
                |error: marketplace_teg::server::UnknownFault| {
                    wrong("--fault-kinds", error.to_string())
                },
            )?,
        };
        let plan = FaultPlan::new(self.fault_percent, self.fault_seed, &kinds);
        Ok(Some(Faults { by_header: self.faults, plan: Some(plan.into()) }))
    }
}

/// `LEFT=DID` with commas between. What is on the left may be secret and is never repeated.
fn pairs(setting: &'static str, text: Option<&str>) -> Result<Vec<(String, Did)>, EdgeError> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (left, did) =
                part.rsplit_once('=').ok_or_else(|| wrong(setting, "must have = and a DID"))?;
            let did = did.parse().map_err(|error| wrong(setting, format!("\"{did}\" {error}")))?;
            Ok((left.to_owned(), did))
        })
        .collect()
}

fn amount(setting: &'static str, text: &str) -> Result<Amount, EdgeError> {
    let amount: Amount =
        text.parse().map_err(|error| wrong(setting, format!("\"{text}\" {error}")))?;
    if amount.is_negative() { Err(wrong(setting, "must not be below zero")) } else { Ok(amount) }
}

fn wrong(setting: &'static str, reason: impl Into<String>) -> EdgeError {
    EdgeError::Setting { setting, reason: reason.into() }
}
