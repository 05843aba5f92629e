//! `cargo xtask demo`: the whole flow over HTTP, by the testkit's program of that name: against the
//! server of `cargo xtask dev` when it runs, else against one for the time of the demo.

use std::net::SocketAddr;

use anyhow::Result;

use crate::shell::{self, cargo};
use crate::temporary::{Server, is_ready};

const DEV: &str = "127.0.0.1:8020";

pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        return demo(args);
    }
    let dev: SocketAddr = DEV.parse()?;
    if is_ready(dev).unwrap_or(false) {
        return demo(&["--address".to_owned(), DEV.to_owned()]);
    }
    run_fresh()
}

/// Against a server of its own.
pub(crate) fn run_fresh() -> Result<()> {
    let server = Server::start("demo")?;
    demo(&["--address".to_owned(), server.address.to_string()])
}

fn demo(args: &[String]) -> Result<()> {
    let own = ["run", "--quiet", "--package", "marketplace-testkit", "--bin", "demo", "--"];
    shell::run(cargo(own).args(args))
}
