//! `cargo xtask state-machine`: the diagram of the order machine, printed, written or compared.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell::{cargo, output, root};

const PAGE: &str = "crates/README.md";
const BEGIN: &str = "<!-- state-machine:begin -->\n";
const END: &str = "<!-- state-machine:end -->";

#[derive(Args)]
pub(crate) struct MachineArgs {
    /// Write it into crates/README.md
    #[arg(long)]
    write: bool,
    /// Fail when crates/README.md shows another one
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &MachineArgs) -> Result<()> {
    if args.check {
        return check();
    }
    let diagram = diagram()?;
    if !args.write {
        print!("{diagram}");
        return Ok(());
    }
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| PAGE)?;
    let (before, _, after) = parts(&page)?;
    std::fs::write(&path, format!("{before}{}{after}", block(&diagram))).with_context(|| PAGE)
}

/// The page must show the machine as it is.
pub(crate) fn check() -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).with_context(|| PAGE)?;
    if parts(&page)?.1 != block(&diagram()?) {
        bail!("{PAGE} shows another order machine: run cargo xtask state-machine --write");
    }
    Ok(())
}

fn diagram() -> Result<String> {
    let own = ["run", "--quiet", "--package", "marketplace-escrow", "--example", "diagram"];
    output(&mut cargo(own))
}

fn block(diagram: &str) -> String {
    format!("```mermaid\n{diagram}```\n")
}

/// What stands before, between and after the marks; the marks stay with the outer parts.
fn parts(page: &str) -> Result<(&str, &str, &str)> {
    let missing = || format!("{PAGE} has no line {} or {END}", BEGIN.trim_end());
    let begin = page.find(BEGIN).with_context(missing)? + BEGIN.len();
    let length = page[begin..].find(END).with_context(missing)?;
    Ok((&page[..begin], &page[begin..begin + length], &page[begin + length..]))
}
