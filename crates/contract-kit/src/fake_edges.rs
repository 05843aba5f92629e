//! Fakes of the smaller edges: a directory and a web that hold what a test put there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marketplace_money::Did;
use marketplace_ports::{AgentRecord, FetchError, Fetcher, Registration, Registry, RegistryError};

use crate::faults::lock;

/// A directory in memory. Clones are handles to the same one. It knows whom a test put in, also
/// among `did:key`s, and believes every signature: who needs proof tests the real one.
#[derive(Clone, Debug, Default)]
pub struct FakeRegistry(Arc<Mutex<Directory>>);

#[derive(Debug, Default)]
struct Directory {
    bindings: BTreeMap<Did, (u64, AgentRecord)>,
    is_down: bool,
}

impl FakeRegistry {
    /// Makes an agent known.
    pub fn insert(&self, record: AgentRecord) {
        lock(&self.0).bindings.insert(record.did.clone(), (0, record));
    }

    /// Answers nobody until it is set back.
    pub fn set_down(&self, is_down: bool) {
        lock(&self.0).is_down = is_down;
    }

    fn directory(&self) -> Result<std::sync::MutexGuard<'_, Directory>, RegistryError> {
        let directory = lock(&self.0);
        if directory.is_down {
            return Err(RegistryError::Unavailable("planned: the registry is down".to_owned()));
        }
        Ok(directory)
    }
}

#[async_trait]
impl Registry for FakeRegistry {
    async fn resolve(&self, did: &Did) -> Result<Option<AgentRecord>, RegistryError> {
        Ok(self.directory()?.bindings.get(did).map(|(_, record)| record.clone()))
    }

    async fn register(&self, registration: &Registration) -> Result<(), RegistryError> {
        let mut directory = self.directory()?;
        let record = registration.record.clone();
        match directory.bindings.get(&record.did) {
            Some((serial, _)) if registration.serial <= *serial => {
                return Err(RegistryError::Refused("the serial is not above the last one"));
            }
            Some((_, before))
                if before.public_key != record.public_key
                    && registration.previous_signature.is_none() =>
            {
                return Err(RegistryError::Refused("only the old key names a new one"));
            }
            Some(_) | None => {}
        }
        directory.bindings.insert(record.did.clone(), (registration.serial, record));
        Ok(())
    }

    async fn register_ourselves(&self, registration: &Registration) -> Result<(), RegistryError> {
        self.register(registration).await
    }

    fn knows_endpoint(&self, did: &Did) -> Option<bool> {
        let directory = lock(&self.0);
        Some(directory.bindings.get(did).is_some_and(|(_, record)| record.endpoint.is_some()))
    }

    async fn verify_token(&self, _token: &str) -> Result<Option<Did>, RegistryError> {
        self.directory().map(|_| None)
    }

    fn issues_tokens(&self) -> bool {
        false
    }
}

type Answers = BTreeMap<String, Result<Vec<u8>, FetchError>>;

/// A web in memory. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct FakeFetcher(Arc<Mutex<Answers>>);

impl FakeFetcher {
    /// Puts bytes behind a URI.
    pub fn insert(&self, uri: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        lock(&self.0).insert(uri.into(), Ok(bytes.into()));
    }

    /// Answers a URI with this error until something else is put there.
    pub fn fail(&self, uri: impl Into<String>, error: FetchError) {
        lock(&self.0).insert(uri.into(), Err(error));
    }
}

#[async_trait]
impl Fetcher for FakeFetcher {
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let missing = || Err(FetchError::Refused(format!("nothing is at {uri}")));
        let bytes = lock(&self.0).get(uri).cloned().unwrap_or_else(missing)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(FetchError::Refused(format!("{uri} has more than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// Everything may be called but what fails.
    async fn check(&self, url: &str) -> Result<(), FetchError> {
        lock(&self.0).get(url).cloned().unwrap_or_else(|| Ok(Vec::new())).map(drop)
    }
}
