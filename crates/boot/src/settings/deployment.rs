//! Checks the settings as a whole and makes a deployment of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use marketplace_api::AuthMode;
use marketplace_engine::search::{Blend, FULL};
use marketplace_engine::{Config, EscrowLimit, EscrowPolicy, OperatorSet, Pace};
