//! The embedded directory: which key speaks for a DID, kept in a small SQLite file.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use ed25519_dalek::{Signature, VerifyingKey};
use marketplace_money::Did;
use marketplace_ports::{AgentRecord, Registration, Registry, RegistryError};

use crate::did_key::{self, DidKeyError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/registry-sqlite");
const ENDPOINT_BYTES: usize = 2_048;

diesel::table! {
    bindings (did) {
        did -> Text,
        public_key -> Binary,
        endpoint -> Nullable<Text>,
        serial -> BigInt,
        signature -> Binary,
    }
}

/// Why the directory's file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A path that SQLite cannot be given.
    #[error("the path of the registry's file must be UTF-8")]
    Path,
    /// The folder.
    #[error("cannot make the folder of {path}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file itself.
    #[error("cannot open {path} as the registry's database: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What SQLite said.
        reason: String,
    },
}

/// The directory. One connection behind a lock: agents register seldom, and `did:key`, the usual
/// name, needs no look into it to be verified.
pub struct EmbeddedRegistry {
    own_did: Did,
    connection: Arc<Mutex<SqliteConnection>>,
    /// Who has an endpoint: exact, for this process is the only one that writes the file.
    reachable: Arc<RwLock<HashSet<Did>>>,
}

impl EmbeddedRegistry {
    /// Opens the file, making it and its folder if need be. Nobody can claim `own_did`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, own_did: Did) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.display().to_string(), source };
        // Absolute, so that no name of a file is taken for a URI or for `:memory:`.
        let absolute = std::path::absolute(path).map_err(io)?;
        if let Some(folder) = absolute.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        Self::connect(absolute.to_str().ok_or(OpenError::Path)?, own_did)
    }

    /// A directory that is gone when it is dropped.
    ///
    /// # Errors
    /// When SQLite cannot be set up.
    pub fn open_in_memory(own_did: Did) -> Result<Self, OpenError> {
        Self::connect(":memory:", own_did)
    }

    fn connect(url: &str, own_did: Did) -> Result<Self, OpenError> {
        let failed = |reason: String| OpenError::Database { path: url.to_owned(), reason };
        let mut connection =
            SqliteConnection::establish(url).map_err(|error| failed(error.to_string()))?;
        connection
            .batch_execute(
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
            )
            .map_err(|error| failed(error.to_string()))?;
        connection.run_pending_migrations(MIGRATIONS).map_err(|e| failed(e.to_string()))?;
        let reachable = reachable(&mut connection).map_err(|error| failed(error.to_string()))?;
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self { own_did, connection, reachable: Arc::new(RwLock::new(reachable)) })
    }

    /// Runs the work where it may wait for the disk.
    pub(crate) async fn call<T, W>(&self, work: W) -> Result<T, RegistryError>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        let run = move || match connection.lock() {
            Ok(mut connection) => connection.immediate_transaction(work),
            Err(_) => Err(Failure::Broken),
        };
        match tokio::task::spawn_blocking(run).await.unwrap_or(Err(Failure::Broken)) {
            Ok(value) => Ok(value),
            Err(Failure::Refused(reason)) => Err(RegistryError::Refused(reason)),
            Err(Failure::Database(error)) => Err(RegistryError::Unavailable(error.to_string())),
            Err(Failure::Broken) => {
                Err(RegistryError::Unavailable("the registry has stopped".to_owned()))
            }
        }
    }
}

impl std::fmt::Debug for EmbeddedRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedRegistry").field("own_did", &self.own_did).finish_non_exhaustive()
    }
}

#[async_trait]
impl Registry for EmbeddedRegistry {
    async fn resolve(&self, did: &Did) -> Result<Option<AgentRecord>, RegistryError> {
        let name = did.clone();
        let bound = self.call(move |conn| Ok(find(conn, &name)?)).await?;
        if let Some(binding) = bound {
            return Ok(Some(binding.record(did)?));
        }
        let key = did_key::verifying_key(did).ok();
        Ok(key.map(|key| AgentRecord {
            did: did.clone(),
            public_key: key.to_bytes(),
            endpoint: None,
        }))
    }

    /// Refusals, in this order: reserved DID, serial out of range, endpoint, key, `did:key` of
    /// another key, signature, old serial, signature of the key before. The same claim sent again
    /// is accepted.
    async fn register(&self, registration: &Registration) -> Result<(), RegistryError> {
        let record = &registration.record;
        if record.did == self.own_did {
            return Err(RegistryError::Refused("this DID is the marketplace's own"));
        }
        self.accept(registration).await
    }

    async fn register_ourselves(&self, registration: &Registration) -> Result<(), RegistryError> {
        if registration.record.did != self.own_did {
            return Err(RegistryError::Refused("this DID is not the marketplace's own"));
        }
        self.accept(registration).await
    }

    fn knows_endpoint(&self, did: &Did) -> Option<bool> {
        Some(self.reachable.read().unwrap_or_else(PoisonError::into_inner).contains(did))
    }

    /// The embedded directory issues none: agents prove themselves to us.
    async fn verify_token(&self, _token: &str) -> Result<Option<Did>, RegistryError> {
        Ok(None)
    }

    fn issues_tokens(&self) -> bool {
        false
    }
}

impl EmbeddedRegistry {
    async fn accept(&self, registration: &Registration) -> Result<(), RegistryError> {
        let record = &registration.record;
        let serial = i64::try_from(registration.serial)
            .map_err(|_| RegistryError::Refused("serial must be below 2^63"))?;
        check_endpoint(record.endpoint.as_deref())?;
        let key = check_key(record)?;
        let message = Registration::message(record, registration.serial);
        if !signed(&key, &message, &registration.signature) {
            return Err(RegistryError::Refused("the signature is not of the claimed key"));
        }
        let claim = registration.clone();
        self.call(move |conn| bind(conn, &claim, serial, &message)).await?;
        let mut reachable = self.reachable.write().unwrap_or_else(PoisonError::into_inner);
        match record.endpoint {
            Some(_) => reachable.insert(record.did.clone()),
            None => reachable.remove(&record.did),
        };
        Ok(())
    }
}

/// A name that is no DID has no agent.
fn reachable(conn: &mut SqliteConnection) -> QueryResult<HashSet<Did>> {
    let with_endpoint = bindings::table.filter(bindings::endpoint.is_not_null());
    let names: Vec<String> = with_endpoint.select(bindings::did).load(conn)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

pub(crate) enum Failure {
    Refused(&'static str),
    Database(diesel::result::Error),
    /// A panic went before.
    Broken,
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = bindings, check_for_backend(diesel::sqlite::Sqlite))]
struct Binding {
    public_key: Vec<u8>,
    endpoint: Option<String>,
    serial: i64,
}

impl Binding {
    fn key(&self) -> Option<[u8; 32]> {
        self.public_key.as_slice().try_into().ok()
    }

    fn record(self, did: &Did) -> Result<AgentRecord, RegistryError> {
        let damaged = || RegistryError::Unavailable("a binding is damaged".to_owned());
        let public_key = self.key().ok_or_else(damaged)?;
        Ok(AgentRecord { did: did.clone(), public_key, endpoint: self.endpoint })
    }
}

fn find(conn: &mut SqliteConnection, did: &Did) -> QueryResult<Option<Binding>> {
    bindings::table.find(did.as_str()).select(Binding::as_select()).first(conn).optional()
}

/// Writes a claim whose own signature is good, if what was bound before allows it.
fn bind(
    conn: &mut SqliteConnection,
    claim: &Registration,
    serial: i64,
    message: &[u8],
) -> Result<(), Failure> {
    let record = &claim.record;
    if let Some(before) = find(conn, &record.did)? {
        let same_key = before.public_key == record.public_key;
        if same_key && before.endpoint == record.endpoint && before.serial == serial {
            return Ok(());
        }
        if serial <= before.serial {
            return Err(Failure::Refused("serial must be above that of the claim before"));
        }
        let old_key = before.key().and_then(|key| did_key::usable(&key));
        let allowed = match (old_key, &claim.previous_signature) {
            _ if same_key => true,
            (Some(old_key), Some(signature)) => signed(&old_key, message, signature),
            _ => false,
        };
        if !allowed {
            return Err(Failure::Refused("the key bound before must sign the claim too"));
        }
    }
    let row = (
        bindings::did.eq(record.did.as_str()),
        bindings::public_key.eq(record.public_key.as_slice()),
        bindings::endpoint.eq(record.endpoint.as_deref()),
        bindings::serial.eq(serial),
        bindings::signature.eq(claim.signature.as_slice()),
    );
    diesel::replace_into(bindings::table).values(row).execute(conn)?;
    Ok(())
}

fn check_endpoint(endpoint: Option<&str>) -> Result<(), RegistryError> {
    let Some(url) = endpoint else { return Ok(()) };
    let web = url.starts_with("https://") || url.starts_with("http://");
    if web && url.len() <= ENDPOINT_BYTES && url.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(RegistryError::Refused("endpoint must be an http(s) URL in ASCII, at most 2048 bytes"))
    }
}

fn check_key(record: &AgentRecord) -> Result<VerifyingKey, RegistryError> {
    let key = did_key::usable(&record.public_key)
        .ok_or(RegistryError::Refused("the key is not a valid Ed25519 key"))?;
    match did_key::verifying_key(&record.did) {
        Err(DidKeyError::OtherMethod) => Ok(key),
        Ok(own) if own == key => Ok(key),
        _ => Err(RegistryError::Refused("a did:key is bound to its own key only")),
    }
}

fn signed(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}
