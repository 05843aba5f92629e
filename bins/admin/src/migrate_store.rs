//! `migrate-store`: moves a market to PostgreSQL, and shows how far it is.

use std::io::{IsTerminal as _, Write as _, stderr};

use anyhow::Result;
use marketplace_boot::{MoveProgress, StoreMove, migrate_store};
use serde_json::json;

use crate::cli::MigrateStoreArgs;

/// Characters of the bar.
const WIDTH: u64 = 30;

/// A bar on a terminal, else a line for each tenth: logs keep every line.
struct Bar {
    on_terminal: bool,
    shown: Option<(String, u64)>,
}

impl Bar {
    fn show(&mut self, progress: MoveProgress<'_>) {
        let MoveProgress { doing, done, total } = progress;
        let percent = done.saturating_mul(100) / total.max(1);
        let step = if self.on_terminal { percent } else { percent / 10 };
        let now = (doing.to_owned(), step);
        if self.shown.as_ref() == Some(&now) {
            return;
        }
        self.shown = Some(now);
        let full = usize::try_from(percent.min(100) * WIDTH / 100).unwrap_or(0);
        let empty = usize::try_from(WIDTH).unwrap_or(full).saturating_sub(full);
        let line = format!("{percent:>3} %  {done} of {total} rows  {doing}");
        let (full, empty) = ("#".repeat(full), ".".repeat(empty));
        // Who does not want to see it may close it.
        let _ = if self.on_terminal {
            write!(stderr(), "\r\x1b[2K[{full}{empty}] {line}")
        } else {
            writeln!(stderr(), "{line}")
        };
        let _ = stderr().flush();
    }

    fn end(&self) {
        if self.on_terminal {
            let _ = writeln!(stderr());
        }
    }
}

/// Moves, or goes on with it.
pub(crate) async fn run(args: &MigrateStoreArgs, as_json: bool) -> Result<()> {
    let plan = StoreMove::new(&args.from, &args.to)?;
    let mut bar = Bar { on_terminal: stderr().is_terminal(), shown: None };
    let moved = migrate_store(&plan, |progress| bar.show(progress)).await;
    bar.end();
    let moved = moved?;
    if as_json {
        let report = json!({
            "rows": moved.rows, "commits": moved.commits, "hash": moved.hash,
            "orders": moved.orders, "postings": moved.postings, "with_key": moved.with_key,
        });
        println!("{report:#}");
        return Ok(());
    }
    println!(
        "Moved {} rows. The chain of {} commits ends with {} on both sides; every commit and every \
         balance was compared, and the books of {} orders and {} postings balance.",
        moved.rows, moved.commits, moved.hash, moved.orders, moved.postings
    );
    if moved.with_key {
        println!("Our own key is in the database now: keep agent-key.json away from others.");
    }
    println!("Start servers with the DATABASE_URL of the target, and put the file away.");
    Ok(())
}
