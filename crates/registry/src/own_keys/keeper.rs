//! Where our keys are kept between starts: a file, the store, or nowhere.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::{Did, Timestamp};
use marketplace_ports::Store;
use serde::{Deserialize, Serialize};

use super::{KeySource, OwnKeyError, Retired, Ring};
use crate::{AgentKey, random_key};

/// Of the note and the secrets in a store.
const NAME: &str = "agent-key";

/// What is written down beside the secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
struct RingText {
    /// Which secret of the store signs; 0 in a file.
    #[serde(default)]
    generation: u64,
    /// In microseconds.
    since: i64,
    #[serde(default)]
    retired: Vec<RetiredText>,
}

#[derive(Clone, Serialize, Deserialize)]
struct RetiredText {
    x: String,
    until: i64,
}

/// The file: as `marketplace-admin agent new` writes one, and what we remember.
#[derive(Serialize, Deserialize)]
struct KeyFile {
    did: String,
    kty: String,
    crv: String,
    /// Public.
    x: String,
    /// Secret.
    d: String,
    /// The secret that will sign when the registry has taken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(flatten)]
    ring: RingText,
}

/// Where keys are kept.
pub(super) struct Keeper {
    did: Did,
    source: KeySource,
}

impl Keeper {
    pub(super) fn new(did: Did, source: KeySource) -> Self {
        Self { did, source }
    }

    /// Whether whoever deployed us gave it.
    pub(super) const fn is_fixed(&self) -> bool {
        matches!(self.source, KeySource::Fixed(_))
    }

    pub(super) async fn load_or_make(&self, now: Timestamp) -> Result<Ring, OwnKeyError> {
        match &self.source {
            KeySource::Fixed(secret) => Ok(self.ring(secret, &RingText::default())),
            KeySource::File(path) => {
                let (path, did) = (path.clone(), self.did.clone());
                let file = blocking(move || load_or_make_file(&path, &did, now)).await?;
                self.of_file(&file)
            }
            KeySource::Shared(store) => self.of_store(store, Some(now)).await,
        }
    }

    /// What is kept now, where somebody else may have changed it.
    pub(super) async fn reload(&self) -> Result<Option<Ring>, OwnKeyError> {
        match &self.source {
            KeySource::Fixed(_) | KeySource::File(_) => Ok(None),
            KeySource::Shared(store) => self.of_store(store, None).await.map(Some),
        }
    }

    /// The key that comes next: `fresh`, unless one was kept by an attempt before.
    pub(super) async fn next(&self, fresh: [u8; 32]) -> Result<AgentKey, OwnKeyError> {
        let secret = match &self.source {
            KeySource::Fixed(_) => return Err(OwnKeyError::NotOurs),
            KeySource::File(path) => {
                let path = path.clone();
                blocking(move || keep_next(&path, fresh)).await?
            }
            KeySource::Shared(store) => {
                let text = note(store).await?.ok_or(OwnKeyError::Damaged)?;
                store.secret(&secret_name(text.generation + 1), fresh).await?
            }
        };
        Ok(AgentKey::from_secret(&secret).named(self.did.clone()))
    }

    /// The next key is the present one from now on.
    pub(super) async fn advance(&self, ring: &Ring) -> Result<(), OwnKeyError> {
        let retired = |old: &Retired| RetiredText {
            x: URL_SAFE_NO_PAD.encode(old.public_key),
            until: old.until.micros(),
        };
        let mut text = RingText {
            generation: 0,
            since: ring.since.micros(),
            retired: ring.retired.iter().map(retired).collect(),
        };
        match &self.source {
            KeySource::Fixed(_) => Err(OwnKeyError::NotOurs),
            KeySource::File(path) => {
                let (path, key) = (path.clone(), ring.current.clone());
                blocking(move || replace(&path, &key_file(&key, None, text))).await
            }
            KeySource::Shared(store) => {
                let before = note(store).await?.ok_or(OwnKeyError::Damaged)?;
                text.generation = before.generation + 1;
                Ok(store.set_note(NAME, &serde_json::to_string(&text).unwrap_or_default()).await?)
            }
        }
    }

    async fn of_store(
        &self,
        store: &Arc<dyn Store>,
        first_made: Option<Timestamp>,
    ) -> Result<Ring, OwnKeyError> {
        let text = match (note(store).await?, first_made) {
            (Some(text), _) => text,
            (None, Some(now)) => {
                let text = RingText { generation: 1, since: now.micros(), retired: Vec::new() };
                // Servers that start together write the same generation.
                store.set_note(NAME, &serde_json::to_string(&text).unwrap_or_default()).await?;
                text
            }
            (None, None) => return Err(OwnKeyError::Damaged),
        };
        let secret = store.secret(&secret_name(text.generation), random_key()?).await?;
        Ok(self.ring(&secret, &text))
    }

    fn of_file(&self, file: &KeyFile) -> Result<Ring, OwnKeyError> {
        let secret = bytes(&file.d).ok_or(OwnKeyError::Damaged)?;
        Ok(self.ring(&secret, &file.ring))
    }

    fn ring(&self, secret: &[u8; 32], text: &RingText) -> Ring {
        let retired = text.retired.iter().filter_map(|old| {
            let public_key = bytes(&old.x)?;
            Some(Retired { public_key, until: Timestamp::from_micros(old.until) })
        });
        Ring {
            current: AgentKey::from_secret(secret).named(self.did.clone()),
            since: Timestamp::from_micros(text.since),
            retired: retired.collect(),
        }
    }
}

/// What a key file holds, as the store that servers share keeps it.
#[derive(Debug)]
pub struct SharedKey {
    /// The key and, while it is being changed, the next one, by their names.
    pub secrets: Vec<(String, [u8; 32])>,
    /// Name and text of the note beside them.
    pub note: (&'static str, String),
}

/// Reads a key file for a store that several servers will share.
///
/// # Errors
/// When it cannot be read, or others can read it too.
pub fn share_key_file(path: &Path) -> Result<SharedKey, OwnKeyError> {
    let text = std::fs::read_to_string(path).map_err(|error| broken(path, error.to_string()))?;
    private(path)?;
    let file: KeyFile = serde_json::from_str(&text).map_err(|_| broken(path, "is no key file"))?;
    let text = RingText { generation: 1, ..file.ring };
    let mut secrets = Vec::new();
    for (generation, secret) in (1..).zip(std::iter::once(file.d).chain(file.next)) {
        let secret = bytes(&secret).ok_or(OwnKeyError::Damaged)?;
        secrets.push((secret_name(generation), secret));
    }
    Ok(SharedKey { secrets, note: (NAME, serde_json::to_string(&text).unwrap_or_default()) })
}

fn secret_name(generation: u64) -> String {
    format!("{NAME}-{generation}")
}

async fn note(store: &Arc<dyn Store>) -> Result<Option<RingText>, OwnKeyError> {
    let Some(text) = store.note(NAME).await? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|_| OwnKeyError::Damaged)
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OwnKeyError> + Send + 'static,
) -> Result<T, OwnKeyError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn broken(path: &Path, problem: impl Into<String>) -> OwnKeyError {
    OwnKeyError::File { path: path.display().to_string(), problem: problem.into() }
}

fn key_file(key: &AgentKey, next: Option<[u8; 32]>, ring: RingText) -> KeyFile {
    KeyFile {
        did: key.did().to_string(),
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(key.public_key()),
        d: URL_SAFE_NO_PAD.encode(key.secret()),
        next: next.map(|secret| URL_SAFE_NO_PAD.encode(secret)),
        ring,
    }
}

fn load_or_make_file(path: &Path, did: &Did, now: Timestamp) -> Result<KeyFile, OwnKeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            private(path)?;
            let file: KeyFile = serde_json::from_str(&text)
                .map_err(|_| broken(path, "is no key file; move it away to have a new one made"))?;
            if file.did == did.as_str() {
                return Ok(file);
            }
            Err(broken(path, format!("is the key of {}, and we are {did}", file.did)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = AgentKey::from_secret(&random_key()?).named(did.clone());
            let ring = RingText { generation: 0, since: now.micros(), retired: Vec::new() };
            let file = key_file(&key, None, ring);
            replace(path, &file)?;
            Ok(file)
        }
        Err(error) => Err(broken(path, error.to_string())),
    }
}

/// A key that others can read is theirs too.
#[cfg(unix)]
fn private(path: &Path) -> Result<(), OwnKeyError> {
    use std::os::unix::fs::PermissionsExt;
    let data = std::fs::metadata(path).map_err(|error| broken(path, error.to_string()))?;
    if data.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(broken(path, "others can read it: chmod 600, and change the key if they may have"))
}

#[cfg(not(unix))]
fn private(_path: &Path) -> Result<(), OwnKeyError> {
    Ok(())
}

fn keep_next(path: &Path, fresh: [u8; 32]) -> Result<[u8; 32], OwnKeyError> {
    let text = std::fs::read_to_string(path).map_err(|error| broken(path, error.to_string()))?;
    let mut file: KeyFile = serde_json::from_str(&text).map_err(|_| OwnKeyError::Damaged)?;
    if let Some(kept) = &file.next {
        return bytes(kept).ok_or(OwnKeyError::Damaged);
    }
    file.next = Some(URL_SAFE_NO_PAD.encode(fresh));
    replace(path, &file)?;
    Ok(fresh)
}

/// Written beside, flushed, then put in its place: whenever the power fails, one of the two is
/// whole.
fn replace(path: &Path, file: &KeyFile) -> Result<(), OwnKeyError> {
    let io = |error: std::io::Error| broken(path, error.to_string());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let _ = std::fs::remove_file(&beside);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writer = options.open(&beside).map_err(io)?;
    let text = serde_json::to_string_pretty(file).unwrap_or_default();
    writer
        .write_all(format!("{text}\n").as_bytes())
        .and_then(|()| writer.sync_all())
        .map_err(io)?;
    std::fs::rename(&beside, path).map_err(io)?;
    if let Some(folder) = folder {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    Ok(())
}
