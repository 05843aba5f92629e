//! Moves a market from the file of one server to a database of several: reads, writes in steps,
//! compares, and only then lets servers in. What was killed goes on where it was.

use std::path::PathBuf;

use marketplace_registry::share_key_file;
use marketplace_store_postgres::{ImportEnds, PostgresImport};
use marketplace_store_sqlite::{ExportEnds, ExportTable, HISTORY, SqliteExport};

use crate::BootError;
use crate::edges::blocking;

const KEY_FILE: &str = "agent-key.json";
/// Shorter than the shortest month, in microseconds.
const STRIDE: usize = 28 * 24 * 3_600 * 1_000_000;

/// From where to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreMove {
    from: PathBuf,
    to: String,
    key_file: PathBuf,
    rows_of_a_step: Option<u16>,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveProgress<'a> {
    /// What it is at.
    pub doing: &'a str,
    /// Rows that are done.
    pub done: u64,
    /// Rows in all.
    pub total: u64,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Rows of all tables.
    pub rows: u64,
    /// Commits in the chain of hashes.
    pub commits: i64,
    /// The hash of the last of them, in hexadecimal.
    pub hash: String,
    /// Orders that the audit of the new store has seen.
    pub orders: u64,
    /// Postings that it has seen.
    pub postings: u64,
    /// Whether our own key lay beside the file, and is in the new store now.
    pub with_key: bool,
}

impl StoreMove {
    /// From `sqlite:PATH` to `postgres://…`.
    ///
    /// # Errors
    /// When these are no such URLs, or there is no such file.
    pub fn new(from: &str, to: &str) -> Result<Self, BootError> {
        let path = from.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        let path = path.filter(|path| !path.is_empty() && !path.contains('?'));
        let path = path.ok_or_else(|| failed("it moves from sqlite:PATH"))?;
        if !(to.starts_with("postgres://") || to.starts_with("postgresql://")) {
            return Err(failed("it moves to postgres://…"));
        }
        let from = PathBuf::from(path);
        // Opening would make an empty file.
        if !from.is_file() {
            return Err(failed(format!("{} is not a file", from.display())));
        }
        let key_file = from.with_file_name(KEY_FILE);
        Ok(Self { from, to: to.to_owned(), key_file, rows_of_a_step: None })
    }

    /// In steps of about so many rows.
    #[must_use]
    pub fn in_steps_of(self, rows: u16) -> Self {
        Self { rows_of_a_step: Some(rows), ..self }
    }
}

fn failed(reason: impl Into<String>) -> BootError {
    BootError::Move { reason: reason.into() }
}

fn opening(error: impl std::error::Error + Send + Sync + 'static) -> BootError {
    BootError::Store(error.into())
}

/// Moves everything, or goes on with it; says how far it is after each step.
///
/// # Errors
/// When either side cannot be used, or they do not agree at the end. The source stays as it is.
pub async fn migrate_store(
    plan: &StoreMove,
    mut progress: impl FnMut(MoveProgress<'_>),
) -> Result<Moved, BootError> {
    let (path, rows) = (plan.from.clone(), plan.rows_of_a_step);
    let opened = blocking(move || {
        let mut export = SqliteExport::open(&path).map_err(opening)?;
        if let Some(rows) = rows {
            export = export.in_steps_of(rows);
        }
        let identity = export.identity()?;
        let (tables, ends) = (export.tables()?, export.ends()?);
        Ok::<_, BootError>((export, identity, tables, ends))
    });
    let (export, identity, tables, ends) = opened.await?;
    let import = PostgresImport::open(&plan.to, &identity).await.map_err(opening)?;
    let (first, last) = ends.times;
    let months: Vec<i64> = (first..last).step_by(STRIDE).chain([last]).collect();
    import.make_months(&months).await?;
    let mut moving = Moving { export: Some(export), import, tables };
    moving.copy(&mut progress).await?;
    moving.import.complete(target(ends)).await?;
    let rows = moving.compare(&mut progress).await?;
    let with_key = plan.key_file.is_file();
    if with_key {
        let kept = share_key_file(&plan.key_file).map_err(BootError::OwnKey)?;
        for (name, secret) in &kept.secrets {
            moving.import.keep_secret(name, *secret).await?;
        }
        moving.import.keep_note(kept.note.0, &kept.note.1).await?;
    }
    progress(MoveProgress { doing: "audit", done: rows, total: rows });
    let audit = moving.import.audit().await?;
    if !audit.breaches().is_empty() {
        return Err(failed(format!("the new store's books: {}", audit.breaches().join(", "))));
    }
    moving.import.finish().await?;
    Ok(Moved {
        rows,
        commits: ends.batch,
        hash: ends.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        orders: audit.orders,
        postings: audit.postings,
        with_key,
    })
}

fn target(ends: ExportEnds) -> ImportEnds {
    let ExportEnds { batch, event, hash, retired_batch, retired_event, .. } = ends;
    ImportEnds { batch, event, hash, retired_batch, retired_event }
}

/// A move under way.
struct Moving {
    /// Lent to a thread that may wait while a step is read.
    export: Option<SqliteExport>,
    import: PostgresImport,
    tables: Vec<ExportTable>,
}

impl Moving {
    async fn step(
        &mut self,
        table: &str,
        after: Option<String>,
    ) -> Result<marketplace_store_rows::MovingStep, BootError> {
        let lent = self.export.take().ok_or_else(|| failed("the file is not open any more"))?;
        let table = table.to_owned();
        let read = move || {
            let mut lent = lent;
            let step = lent.step(&table, after.as_deref());
            (lent, step)
        };
        let (export, step) = blocking(read).await;
        self.export = Some(export);
        Ok(step?)
    }

    fn total(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    async fn copy(&mut self, progress: &mut impl FnMut(MoveProgress<'_>)) -> Result<(), BootError> {
        let (total, mut done) = (self.total(), 0);
        for table in self.tables.clone() {
            let mut mark = self.import.progress(&table.name).await?;
            done += mark.rows;
            while !mark.done {
                let step = self.step(&table.name, mark.cursor.take()).await?;
                self.import.write(&table.name, &step).await?;
                done += step.count();
                mark.done = step.next.is_none();
                mark.cursor = step.next;
                progress(MoveProgress { doing: &table.name, done, total });
            }
        }
        Ok(())
    }

    /// Every row must be there, and no other; says how many there are.
    async fn compare(
        &mut self,
        progress: &mut impl FnMut(MoveProgress<'_>),
    ) -> Result<u64, BootError> {
        let (total, mut done) = (self.total(), 0);
        for table in self.tables.clone() {
            let names: &[&str] = match table.name.as_str() {
                HISTORY => &["batches", "postings", "events"],
                name => &[name],
            };
            let mut there = 0;
            for name in names {
                there += self.import.count(name).await?;
            }
            if there != table.rows {
                let ExportTable { name, rows } = &table;
                return Err(failed(format!("{name} has {there} rows, not {rows}")));
            }
            // Commits and balances row by row: the hashes of the commits cover the history.
            if !matches!(table.name.as_str(), HISTORY | "balances") {
                done += table.rows;
                continue;
            }
            let mut after = None;
            loop {
                let step = self.step(&table.name, after).await?;
                for rows in &step.rows {
                    let same = self.import.matching(rows).await?;
                    if same != rows.count {
                        let (name, differ) = (&rows.table, rows.count - same);
                        return Err(failed(format!("{differ} rows of {name} are not the same")));
                    }
                }
                done += step.count();
                progress(MoveProgress { doing: "comparison", done, total });
                after = step.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(done)
    }
}
