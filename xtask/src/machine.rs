//! `cargo xtask state-machine`: the machines and the money table as pictures, printed, written into
//! the architecture page, or compared with it.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell::{cargo, output, root};

const PAGE: &str = "crates/README.md";

/// Something that a crate prints and the page shows between two marks.
struct Picture {
    /// What the marks are called.
    mark: &'static str,
    /// The package and its example, with its argument.
    source: [&'static str; 3],
    /// Mermaid wants a fence, Markdown does not.
    fenced: bool,
}

/// Add a picture here, and its marks in the page.
const PICTURES: &[Picture] = &[
    Picture { mark: "state-machine", source: ["marketplace-escrow", "diagram", ""], fenced: true },
    Picture {
        mark: "dispute-machine",
        source: ["marketplace-disputes", "machine", "diagram"],
        fenced: true,
    },
    Picture {
        mark: "dispute-money",
        source: ["marketplace-disputes", "machine", "money"],
        fenced: false,
    },
];

#[derive(Args)]
pub(crate) struct MachineArgs {
    /// Write them into crates/README.md
    #[arg(long)]
    write: bool,
    /// Fail when crates/README.md shows others
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &MachineArgs) -> Result<()> {
    if args.check {
        return check();
    }
    for picture in PICTURES {
        let block = picture.block()?;
        if args.write {
            let path = root().join(PAGE);
            let page = std::fs::read_to_string(&path).with_context(|| PAGE)?;
            let (before, _, after) = picture.parts(&page)?;
            std::fs::write(&path, format!("{before}{block}{after}")).with_context(|| PAGE)?;
        } else {
            println!("{block}");
        }
    }
    Ok(())
}

/// The page must show the machines as they are.
pub(crate) fn check() -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).with_context(|| PAGE)?;
    for picture in PICTURES {
        if picture.parts(&page)?.1 != picture.block()? {
            let mark = picture.mark;
            bail!("{PAGE} shows another {mark}: run cargo xtask state-machine --write");
        }
    }
    Ok(())
}

impl Picture {
    fn block(&self) -> Result<String> {
        let [package, example, argument] = self.source;
        let own = ["run", "--quiet", "--package", package, "--example", example, "--", argument];
        let text = output(&mut cargo(own))?;
        Ok(if self.fenced { format!("```mermaid\n{text}```\n") } else { text })
    }

    /// What stands before, between and after the marks; the marks stay with the outer parts.
    fn parts<'a>(&self, page: &'a str) -> Result<(&'a str, &'a str, &'a str)> {
        let (begin, end) =
            (format!("<!-- {}:begin -->\n", self.mark), format!("<!-- {}:end -->", self.mark));
        let missing = || format!("{PAGE} has no line {} or {end}", begin.trim_end());
        let from = page.find(&begin).with_context(missing)? + begin.len();
        let length = page[from..].find(&end).with_context(missing)?;
        Ok((&page[..from], &page[from..from + length], &page[from + length..]))
    }
}
