//! Runs a program that may never end.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::shell::built;

/// What a program that ended left behind.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    /// What it printed, errors included.
    pub(super) printed: String,
}

/// Its output, or nothing when it was stopped after `longest`.
pub(super) fn output(mut command: Command, longest: Duration) -> Result<Option<Output>> {
    // Into a file: a pipe that nobody reads would stop the program by itself.
    let path = built("planted").join("output.txt");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    // A group of its own: cargo's children must end with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let deadline = Instant::now() + longest;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            let printed = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            return Ok(Some(Output { status, printed }));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    end(&mut child)?;
    Ok(None)
}

fn end(child: &mut Child) -> Result<()> {
    #[cfg(unix)]
    {
        let group = format!("-{}", child.id());
        Command::new("kill").args(["-KILL", "--", &group]).status()?;
    }
    // Where there are no groups; elsewhere it is gone already.
    let _ = child.kill();
    child.wait()?;
    Ok(())
}
