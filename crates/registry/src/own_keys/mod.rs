//! Our own keys: the one that signs for us, and those that did so until a while ago.
//!
//! A key is made once and kept in a file that only we can read, or in the store where several
//! servers share it, or it comes from a secret of the deployment. When it is changed, the old key
//! signs the change, so that a registry knows who asks, and stays published for a while: what it
//! signed goes on being good.

mod keeper;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{
    OurKeys, PublishedKey, Registry, RegistryError, Rotation, RotationError, Signed, Signer, Store,
    StoreError,
};
use tokio::sync::Mutex;

use crate::{AgentKey, NoRandomness, fresh_nonce, random_key};
use keeper::Keeper;
pub use keeper::{SharedKey, share_key_file};

/// A key that signs no more is published for so long: seven days.
pub const RETIRED_KEY_LIFE: Seconds = Seconds::from_hours(7 * 24);

/// Where our key comes from.
#[derive(Clone)]
pub enum KeySource {
    /// From a secret of the deployment. Who gave it changes it.
    Fixed([u8; 32]),
    /// A file of mode 600, made when it is not there: for one server.
    File(PathBuf),
    /// The store, which all servers share.
    Shared(Arc<dyn Store>),
}

/// Why there is no key, or no new one.
#[derive(Debug, thiserror::Error)]
pub enum OwnKeyError {
    /// The key file.
    #[error("the key file {path}: {problem}")]
    File {
        /// Which.
        path: String,
        /// What is wrong, and what helps.
        problem: String,
    },
    /// The store.
    #[error("the store does not keep our key")]
    Store(#[from] StoreError),
    /// What the store holds is not ours.
    #[error("what the store says of our key cannot be read")]
    Damaged,
    /// No key can be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The key is not ours to change.
    #[error("the key comes from a secret of the deployment: change it there")]
    NotOurs,
}

/// A key that signed until a while ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retired {
    pub(crate) public_key: [u8; 32],
    /// Not published after.
    pub(crate) until: Timestamp,
}

/// The keys as they are now.
#[derive(Clone)]
pub(crate) struct Ring {
    pub(crate) current: AgentKey,
    pub(crate) since: Timestamp,
    pub(crate) retired: Vec<Retired>,
}

/// Our keys, as this server knows them.
pub struct OwnKeys {
    did: Did,
    keeper: Keeper,
    ring: RwLock<Ring>,
    changing: Mutex<()>,
}

impl std::fmt::Debug for OwnKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnKeys").field("did", &self.did).finish_non_exhaustive()
    }
}

impl OwnKeys {
    /// Reads the key, or makes it.
    ///
    /// # Errors
    /// See [`OwnKeyError`].
    pub async fn open(did: Did, source: KeySource, now: Timestamp) -> Result<Self, OwnKeyError> {
        let keeper = Keeper::new(did.clone(), source);
        let ring = RwLock::new(keeper.load_or_make(now).await?);
        Ok(Self { did, keeper, ring, changing: Mutex::new(()) })
    }

    fn ring(&self) -> Ring {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// The key that signs now.
    #[must_use]
    pub fn current(&self) -> AgentKey {
        self.ring().current
    }

    /// A did-jwt of ours for one audience, with a nonce of its own.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn proof_for(
        &self,
        audience: &str,
        now: Timestamp,
        life: Seconds,
    ) -> Result<String, NoRandomness> {
        Ok(self.current().mint(audience, now, life, &fresh_nonce()?))
    }

    /// Looks whether another server has changed the key.
    ///
    /// # Errors
    /// When the store does not answer; the known key stays.
    pub async fn refresh(&self) -> Result<(), OwnKeyError> {
        let _changing = self.changing.lock().await;
        if let Some(ring) = self.keeper.reload().await? {
            self.set(ring);
        }
        Ok(())
    }

    /// Tells the registry our key and endpoint, where it does not know them.
    ///
    /// # Errors
    /// When it does not accept them, or does not answer.
    pub async fn announce(
        &self,
        registry: &dyn Registry,
        endpoint: &str,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        let key = self.current();
        let known = registry.resolve(&self.did).await?;
        let same = known.is_some_and(|record| {
            record.public_key == key.public_key() && record.endpoint.as_deref() == Some(endpoint)
        });
        if same {
            return Ok(());
        }
        registry.register_ourselves(&key.claim(Some(endpoint.to_owned()), serial(now), None)).await
    }
}

impl Signer for OwnKeys {
    fn did(&self) -> &Did {
        &self.did
    }

    fn sign(&self, message: &[u8]) -> Signed {
        let key = self.current();
        Signed { public_key: key.public_key(), signature: key.sign(message) }
    }
}

#[async_trait]
impl OurKeys for OwnKeys {
    fn published(&self, now: Timestamp) -> Vec<PublishedKey> {
        let ring = self.ring();
        let retired = ring.retired.iter().filter(|old| now < old.until);
        let retired =
            retired.map(|old| PublishedKey { public_key: old.public_key, until: Some(old.until) });
        let current = PublishedKey { public_key: ring.current.public_key(), until: None };
        std::iter::once(current).chain(retired).collect()
    }

    fn may_rotate(&self) -> Result<(), RotationError> {
        if self.keeper.is_fixed() { Err(RotationError::NotOurs) } else { Ok(()) }
    }

    /// Keeps the new key, has the registry take it (signed by the old one too), and only then
    /// signs with it. May be repeated after any failure.
    async fn rotate(
        &self,
        registry: &dyn Registry,
        endpoint: &str,
        now: Timestamp,
    ) -> Result<Rotation, RotationError> {
        let _changing = self.changing.lock().await;
        let ring = match self.keeper.reload().await.map_err(not_kept)? {
            Some(ring) => ring,
            None => self.ring(),
        };
        let old = ring.current.clone();
        let fresh = random_key().map_err(|error| not_kept(error.into()))?;
        let new = self.keeper.next(fresh).await.map_err(not_kept)?;
        let claim = new.claim(Some(endpoint.to_owned()), serial(now), Some(&old));
        registry.register_ourselves(&claim).await.map_err(RotationError::Registry)?;
        let until = now.plus(RETIRED_KEY_LIFE);
        let mut retired = vec![Retired { public_key: old.public_key(), until }];
        retired.extend(ring.retired.into_iter().filter(|key| now < key.until));
        let ring = Ring { current: new.clone(), since: now, retired };
        self.keeper.advance(&ring).await.map_err(not_kept)?;
        self.set(ring);
        Ok(Rotation { old: old.public_key(), new: new.public_key(), until })
    }
}

fn not_kept(error: OwnKeyError) -> RotationError {
    match error {
        OwnKeyError::NotOurs => RotationError::NotOurs,
        other => RotationError::NotKept(other.to_string()),
    }
}

fn serial(now: Timestamp) -> u64 {
    u64::try_from(now.micros()).unwrap_or(0)
}
