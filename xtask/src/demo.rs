//! `cargo xtask demo`: the whole flow over HTTP, by the testkit's program of that name.

use anyhow::Result;

use crate::shell::{self, cargo};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let own = ["run", "--quiet", "--package", "marketplace-testkit", "--bin", "demo", "--"];
    shell::run(cargo(own).args(args))
}
