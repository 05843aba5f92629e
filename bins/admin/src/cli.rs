//! The commands and their flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::act::ActArgs;
use crate::agents::AgentsCommand;
use crate::approvals::ApprovalsCommand;
use crate::audit::AuditCommand;
use crate::completions::CompletionsArgs;
use crate::disputes::DisputesCommand;
use crate::export::ExportArgs;
use crate::fees::FeesCommand;
use crate::house::SettingsCommand;
use crate::listings::ListingsCommand;
use crate::orders::OrdersCommand;
use crate::reserves::ReservesArgs;
use crate::trial::TryArgs;
use crate::verify_verdict::VerifyVerdictArgs;

/// Keys, tokens, orders and health of a marketplace
#[derive(Debug, Parser)]
#[command(name = "marketplace-admin", version)]
pub(crate) struct Cli {
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keys and tokens of an agent
    Agent {
        #[command(subcommand)]
        command: AgentCommand,
    },
    /// Orders: look, and decide where nobody else can
    Orders {
        #[command(subcommand)]
        command: OrdersCommand,
    },
    /// Disputes: look, rule, abort, for operators
    Disputes {
        #[command(subcommand)]
        command: DisputesCommand,
    },
    /// What an agent does, to try a flow: sell, buy, deliver, dispute, answer, judge, appeal, be paid
    Try(TryArgs),
    /// Listings that must go, for operators
    Listings {
        #[command(subcommand)]
        command: ListingsCommand,
    },
    /// Agents: freeze, unfreeze, make good, for operators
    Agents {
        #[command(subcommand)]
        command: AgentsCommand,
    },
    /// What the marketplace charges; a change counts after 48 hours in public
    Fees {
        #[command(subcommand)]
        command: FeesCommand,
    },
    /// What other operators propose, where more than one must agree
    Approvals {
        #[command(subcommand)]
        command: ApprovalsCommand,
    },
    /// What we owe, and what the TEG holds for it
    Reserves(ReservesArgs),
    /// Who of the operators did what, when and why; and whether the books are right
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Orders, events or the operators' acts as JSON lines
    Export(ExportArgs),
    /// API keys of agents that cannot sign, for operators
    ApiKey {
        #[command(subcommand)]
        command: ApiKeyCommand,
    },
    /// Messages to agents that no endpoint took, for operators
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// The marketplace's own key
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Tokens on their way to the TEG, for operators
    Withdrawals {
        #[command(subcommand)]
        command: WithdrawalsCommand,
    },
    /// Check a proof of reserves without the marketplace
    VerifyProof(VerifyProofArgs),
    /// Repeat a dispute without the marketplace: rules, draws, votes, postings, hashes
    VerifyVerdict(VerifyVerdictArgs),
    /// Check a server, or its database file while no server runs
    Doctor(DoctorArgs),
    /// Move a market from the SQLite file of one server to a PostgreSQL database of several
    MigrateStore(MigrateStoreArgs),
    /// Bring a PostgreSQL database to this version; servers do it at their start too
    Migrate(MigrateArgs),
    /// Ask a program of ours whether it is alive; for health checks of containers
    Healthy(HealthyArgs),
    /// What operators can change while it runs; without a command, the reference of all settings
    Settings {
        #[command(subcommand)]
        command: Option<SettingsCommand>,
    },
    /// Put demo agents and listings into a marketplace of play money
    Demo(DemoArgs),
    /// Print completions for a shell: source <(marketplace-admin completions bash)
    Completions(CompletionsArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Make a did:key and a key file that only you can read
    New(NewArgs),
    /// Print an access token, good for 15 minutes, and nothing else
    Token(TokenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Where to keep the key; a file that is there is never overwritten
    #[arg(long, value_name = "FILE", default_value = "agent-key.json")]
    pub(crate) out: PathBuf,
}

/// Which server, and as whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenArgs {
    /// The key file of the agent
    #[arg(long, env = "MARKETPLACE_KEY", hide_env_values = true, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server
    #[arg(
        long,
        env = "MARKETPLACE_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8020"
    )]
    pub(crate) url: String,
    /// For whom tokens are made, where that is not the URL: the server's DID or PUBLIC_URL
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Make a key for an agent; prints it once
    Issue(BindArgs),
    /// Bind a key that is in use elsewhere, read from a file or standard input; only its hash is
    /// sent
    Import(ImportArgs),
    /// An agent's keys, without their secrets
    List(KeysOfArgs),
    /// End a key, for ever
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BindArgs {
    /// For whom the key speaks
    #[arg(long, value_name = "DID")]
    pub(crate) did: String,
    /// What it is called
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file that holds the key; standard input when absent
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) bind: BindArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeysOfArgs {
    /// The agent
    #[arg(long, value_name = "DID")]
    pub(crate) did: String,
    #[command(flatten)]
    pub(crate) caller: TokenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, as the list shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) act: ActArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Messages that were given up, with the last reason
    Dead(TokenArgs),
    /// Try messages again that were given up
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// Which
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) act: ActArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WithdrawalsCommand {
    /// What has not ended, and why withdrawals are stopped, if they are
    List(TokenArgs),
    /// Decide on one that waits, after a look at the TEG's own books
    Resolve(ResolveArgs),
    /// Book a transfer of ours that fits nothing against capital
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// Which
    #[arg(value_name = "WITHDRAWAL_ID")]
    pub(crate) withdrawal: String,
    /// What to do with it
    #[arg(value_enum)]
    pub(crate) way: ResolveWay,
    #[command(flatten)]
    pub(crate) act: ActArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResolveWay {
    /// Its transfer was never made and never will be: make it now
    Resend,
    /// The same, but the tokens go back to the agent's balance
    Return,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The TEG's name of the transfer
    #[arg(value_name = "TRANSACTION_ID")]
    pub(crate) transaction: String,
    #[command(flatten)]
    pub(crate) act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyProofArgs {
    /// The answer of GET /api/v1/audit/reserves/proof
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The key that must have signed it, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub(crate) public_key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Have the server make a new key; the old one signs the change and is good for seven days more
    Rotate(ActArgs),
    /// The keys that others verify the marketplace with
    Show(ServerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The key file of an operator: checks the books too
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Where its figures are, if it shows them elsewhere (METRICS_LISTEN_ADDR)
    #[arg(long, value_name = "URL")]
    pub(crate) metrics_url: Option<String>,
    /// Check this SQLite file instead, while no server runs on it
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateStoreArgs {
    /// The file, while no server runs on it: sqlite:PATH. It stays as it is
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// An empty database, or one into which this move was begun: postgres://…
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// The database: postgres://…
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
}

#[derive(Debug, Args)]
pub(crate) struct HealthyArgs {
    /// What to ask, without redirects
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8020/healthz")]
    pub(crate) url: String,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8020")]
    pub(crate) url: String,
    /// Where the keys of the demo agents are kept
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    pub(crate) keys: PathBuf,
    /// Wait so many seconds for the server to be ready
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) wait: u64,
}
