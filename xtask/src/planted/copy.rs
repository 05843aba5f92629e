//! A copy of the repository in which bugs may be planted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Bug;
use crate::shell::{output, root};

/// The copy; what did not change since the last run keeps its time, so that it is not built again.
pub(super) struct Copy {
    folder: PathBuf,
}

impl Copy {
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let mut git = std::process::Command::new("git");
        git.current_dir(root());
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = output(&mut git)?;
        let copy = Self { folder: folder.to_owned() };
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let Ok(bytes) = fs::read(root().join(path)) else { continue };
            copy.write(path, &bytes)?;
        }
        copy.remove_what_is_gone(&listed)?;
        Ok(copy)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Plants a bug, and gives back what was there. Only the copy is read: the repository may move
    /// on meanwhile.
    pub(super) fn plant(&self, bug: &Bug) -> Result<String> {
        let sound = fs::read_to_string(self.folder.join(&bug.file)).context(bug.file.clone())?;
        self.write(&bug.file, bug.apply(&sound)?.as_bytes())?;
        Ok(sound)
    }

    pub(super) fn restore(&self, bug: &Bug, sound: &str) -> Result<()> {
        self.write(&bug.file, sound.as_bytes())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let target = self.folder.join(path);
        if fs::read(&target).is_ok_and(|before| before == bytes) {
            return Ok(());
        }
        let parent = target.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent)?;
        fs::write(&target, bytes).with_context(|| path.to_owned())
    }

    /// Cargo finds tests and programs by their files: a file that was removed must be gone here.
    fn remove_what_is_gone(&self, listed: &str) -> Result<()> {
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&self.folder)?.to_string_lossy().into_owned();
                let known = listed.split('\0').any(|known| known == name);
                if !known || !root().join(&name).exists() {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }
}
