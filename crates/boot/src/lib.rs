//! Settings, tracing, opening stores and edges by URL, building and draining the app.

mod claim;
mod clock;
mod drain;
mod edges;
mod error;
mod figures;
mod hooks;
mod logs;
mod migrate;
mod migrate_store;
mod no_fetcher;
mod offline;
mod opening;
mod ourselves;
mod server;
mod settings;
mod signals;
mod traces;
mod work;
mod worker_process;

pub use clock::{Clock, system_clock};
pub use error::BootError;
pub use logs::{Telling, init_tracing};
pub use marketplace_store_rows::packet_from;
pub use migrate::migrate;
pub use migrate_store::{MoveProgress, Moved, StoreMove, migrate_store};
pub use offline::offline_audit;
pub use server::{Overrides, Server, Stopped};
pub use settings::{
    AgentCard, AuthSetting, CardError, Deployment, EscrowSetting, ExpirySetting, LogFormat,
    Problem, RemoteTeg, Settings, SettingsError, Switch, TegAuthSetting, TegOptions,
    TegRailSetting,
};
pub use signals::stop_signal;
pub use worker_process::WorkerProcess;
