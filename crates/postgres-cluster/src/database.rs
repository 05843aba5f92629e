//! A database for one test.

use std::sync::Arc;

use crate::{ClusterError, Server};

/// A database of its own. Dropped, with whoever is still connected to it, at the end.
#[derive(Debug)]
pub struct Database {
    server: Arc<Server>,
    name: String,
}

impl Database {
    pub(crate) fn new(server: &Arc<Server>, name: String) -> Self {
        Self { server: Arc::clone(server), name }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Its name in the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that has it.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Runs statements past every store, as an operator with a console would: see [`Server::sql`].
    ///
    /// # Errors
    /// In the server's words.
    pub fn sql(&self, statements: &str) -> Result<String, ClusterError> {
        self.server.sql(&self.name, statements)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server may have been stopped by the test; then nothing is left to drop.
        let _ = self.server.drop_database(&self.name);
    }
}
