//! `cargo xtask demo`: the whole flow over HTTP, by the testkit's program of that name: against the
//! server of `cargo xtask dev` when it runs, else against one for the time of the demo.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use crate::dev;
use crate::shell::{self, built, cargo, root};
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
    dev::build(false)?;
    let server = Server::start("demo")?;
    demo(&at(&server))
}

/// Against a server of its own, with the programs that are built already.
pub(crate) fn run_built() -> Result<()> {
    let server = Server::start("demo")?;
    shell::run(Command::new(built("debug").join("demo")).current_dir(root()).args(at(&server)))
}

fn at(server: &Server) -> [String; 2] {
    ["--address".to_owned(), server.address.to_string()]
}

fn demo(args: &[String]) -> Result<()> {
    let own = ["run", "--quiet", "--package", "marketplace-testkit", "--bin", "demo", "--"];
    shell::run(cargo(own).args(args))
}
