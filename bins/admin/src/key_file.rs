//! Key files: an Ed25519 key as a JWK (RFC 8037) with the DID that it speaks for.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_registry::AgentKey;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct KeyFile {
    did: String,
    kty: String,
    crv: String,
    /// Public.
    x: String,
    /// Secret.
    d: String,
}

/// Writes a new file that only its owner can read. A file that is there stays as it is: a key that
/// is overwritten is lost, and the tokens of its agent with it.
pub(crate) fn write(path: &Path, key: &AgentKey) -> Result<()> {
    let file = KeyFile {
        did: key.did().to_string(),
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(key.public_key()),
        d: URL_SAFE_NO_PAD.encode(key.secret()),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let shown = path.display();
    let mut writer = options.open(path).with_context(|| format!("cannot make {shown}"))?;
    let text = format!("{}\n", serde_json::to_string_pretty(&file)?);
    writer.write_all(text.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    writer.sync_all().with_context(|| format!("cannot write {shown}"))
}

/// Reads a key file.
pub(crate) fn read(path: &Path) -> Result<AgentKey> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("cannot read {shown}; marketplace-admin agent new --out {shown} makes one")
    })?;
    warn_if_others_can_read(path);
    let what = || format!("{shown} is no key file of marketplace-admin");
    let file: KeyFile = serde_json::from_str(&text).with_context(what)?;
    ensure!(file.kty == "OKP" && file.crv == "Ed25519", "{shown} is no Ed25519 key");
    let secret = URL_SAFE_NO_PAD.decode(&file.d).with_context(what)?;
    let secret: [u8; 32] = secret.as_slice().try_into().with_context(what)?;
    let key = AgentKey::from_secret(&secret);
    if key.did().as_str() == file.did {
        return Ok(key);
    }
    let did = file.did.parse().with_context(|| format!("the DID in {shown}"))?;
    Ok(key.named(did))
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let others = std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0);
    if others {
        eprintln!("warning: others can read {0}: chmod 600 {0}", path.display());
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_path: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inner").join("key.json");
        let key = AgentKey::generate().unwrap();
        write(&path, &key).unwrap();
        let again = read(&path).unwrap();
        assert_eq!((again.did(), again.secret()), (key.did(), key.secret()));
        assert!(write(&path, &key).is_err(), "a key file is never overwritten");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_may_speak_for_another_did() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        let did: marketplace_money::Did = "did:agentvault:buyer".parse().unwrap();
        write(&path, &AgentKey::generate().unwrap().named(did.clone())).unwrap();
        assert_eq!(*read(&path).unwrap().did(), did);
    }

    #[test]
    fn what_is_no_key_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        for text in ["", "{}", r#"{"did":"did:a:b","kty":"OKP","crv":"Ed25519","x":"","d":"AA"}"#] {
            std::fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
        }
    }
}
