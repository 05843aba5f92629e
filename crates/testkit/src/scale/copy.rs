//! Rows on their way into a table, through psql.

use std::fmt::Display;
use std::io::{BufWriter, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use marketplace_postgres_cluster::Server;

/// A value that is not there.
pub(super) const NULL: &str = "\\N";

/// One COPY that is running.
pub(super) struct Copy {
    psql: Child,
    input: BufWriter<ChildStdin>,
    line: String,
}

impl Copy {
    /// Begins to fill `columns` of a table.
    pub(super) fn start(server: &Server, database: &str, columns: &str) -> anyhow::Result<Self> {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--dbname", &server.url(database)]);
        psql.args(["--command", &format!("COPY {columns} FROM STDIN")]);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let input = psql.stdin.take().ok_or_else(|| anyhow::anyhow!("psql takes no input"))?;
        Ok(Self { psql, input: BufWriter::with_capacity(1 << 20, input), line: String::new() })
    }

    /// Writes one row.
    pub(super) fn row(&mut self, values: &[&dyn Display]) -> std::io::Result<()> {
        self.line.clear();
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.line.push('\t');
            }
            let text = value.to_string();
            if text != NULL && text.contains(['\\', '\t', '\n', '\r']) {
                let text = text.replace('\\', "\\\\").replace('\t', "\\t");
                self.line.push_str(&text.replace('\n', "\\n").replace('\r', "\\r"));
            } else {
                self.line.push_str(&text);
            }
        }
        self.line.push('\n');
        self.input.write_all(self.line.as_bytes())
    }

    /// Ends, and waits until the rows are in the table.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let Self { mut psql, input, .. } = self;
        drop(input.into_inner().map_err(|error| anyhow::anyhow!("psql: {error}"))?);
        let status = psql.wait()?;
        anyhow::ensure!(status.success(), "a COPY failed: {status}");
        Ok(())
    }
}
