//! Servers and workers as an operator runs them: one server over its file, or several processes
//! over one PostgreSQL database and one TEG.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::process::{EdgeProcess, ServerProcess, sibling};

/// What to start.
#[derive(Clone, Copy, Debug)]
pub struct FleetPlan<'a> {
    /// The PostgreSQL database; without it there is one server, over a file.
    pub database: Option<&'a str>,
    /// How many servers.
    pub servers: usize,
    /// How many workers; without any the servers do the work themselves.
    pub workers: usize,
    /// More settings, for all of them.
    pub settings: &'a [(&'a str, &'a str)],
}

/// Running processes; killed when dropped.
pub struct Fleet {
    /// Those that serve.
    pub servers: Vec<ServerProcess>,
    /// Those that work.
    pub workers: Vec<ServerProcess>,
    _edge: Option<EdgeProcess>,
    _folder: TempDir,
}

impl Fleet {
    /// Starts one after the other, in a folder that goes with them.
    ///
    /// # Errors
    /// When one of them does not get ready.
    pub async fn start(plan: FleetPlan<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The embedded TEG serves one server.
        let edge = match (plan.servers + plan.workers, plan.database) {
            (0 | 1, _) => None,
            (_, None) => anyhow::bail!("several servers need a database that they share"),
            _ => Some(EdgeProcess::start(&sibling("marketplace-teg")?, folder.path()).await?),
        };
        let teg = edge.as_ref().map(|edge| format!("http://{}", edge.address));
        let mut settings = plan.settings.to_vec();
        settings.extend(plan.database.map(|url| ("DATABASE_URL", url)));
        if let Some(teg) = &teg {
            settings.extend([
                ("TEG_LAYER_URL", teg.as_str()),
                ("REGISTRY_URL", teg.as_str()),
                ("TEG_AUTH_MODE", "did"),
                ("TEG_REQUESTS_PER_HOUR", "0"),
                ("TEG_TRANSFERS_PER_HOUR", "0"),
            ]);
        }
        if plan.workers > 0 {
            settings.push(("NO_WORKER", "true"));
        }
        let own = |name: String| {
            let data = folder.path().join(name);
            std::fs::create_dir_all(&data).map(|()| data)
        };
        let (mut servers, mut workers) = (Vec::new(), Vec::new());
        for number in 0..plan.servers {
            let data = own(format!("server-{number}"))?;
            let binary = sibling("marketplace-server")?;
            servers.push(ServerProcess::start(&binary, &data, &settings).await?);
        }
        for number in 0..plan.workers {
            let data = own(format!("worker-{number}"))?;
            let binary = sibling("marketplace-worker")?;
            workers.push(ServerProcess::start_worker(&binary, &data, &settings).await?);
        }
        Ok(Self { servers, workers, _edge: edge, _folder: folder })
    }

    /// Where the servers listen.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.address).collect()
    }

    /// Each process by its name.
    pub fn processes(&self) -> impl Iterator<Item = (String, u32)> {
        let named = |kind: &'static str| {
            move |(number, process): (usize, &ServerProcess)| {
                (format!("{kind} {}", number + 1), process.id())
            }
        };
        let servers = self.servers.iter().enumerate().map(named("server"));
        servers.chain(self.workers.iter().enumerate().map(named("worker")))
    }
}
