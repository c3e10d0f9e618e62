//! A run: steps one after the other, each with its elapsed time and a deadline.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The whole of a run takes no longer than this; a step's own deadline is cut to what is left of it.
const WHOLE: Duration = Duration::from_secs(38 * 60);

/// How often a running step is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Steps that were taken, and how each ended.
pub(crate) struct Run {
    began: Instant,
    taken: Vec<Taken>,
}

struct Taken {
    title: String,
    elapsed: Duration,
    failure: Option<String>,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            taken: Vec::new(),
        }
    }

    /// Runs a command to its end, or kills it at its deadline. Says whether it succeeded; `finish` sums up.
    pub(crate) fn step(&mut self, title: &str, minutes: u64, command: &mut Command) -> bool {
        println!("\n==> {title}");
        let began = Instant::now();
        let left = WHOLE.saturating_sub(self.began.elapsed());
        let failure = complete(command, left.min(Duration::from_secs(minutes * 60))).err();
        let elapsed = began.elapsed();
        let verdict = failure.as_deref().unwrap_or("ok");
        println!(
            "<== {title}: {verdict} ({:.1} s, {:.1} s in all)",
            elapsed.as_secs_f64(),
            self.began.elapsed().as_secs_f64()
        );
        let succeeded = failure.is_none();
        self.taken.push(Taken {
            title: title.to_owned(),
            elapsed,
            failure,
        });
        succeeded
    }

    /// Notes a failure that is not a command's.
    pub(crate) fn fail(&mut self, title: &str, reason: String) {
        println!("\n<== {title}: {reason}");
        self.taken.push(Taken {
            title: title.to_owned(),
            elapsed: Duration::ZERO,
            failure: Some(reason),
        });
    }

    /// Prints every step with its time. An error names those that failed.
    pub(crate) fn finish(self) -> Result<(), String> {
        println!();
        for Taken {
            title,
            elapsed,
            failure,
        } in &self.taken
        {
            println!(
                "{:>8.1} s  {title}: {}",
                elapsed.as_secs_f64(),
                failure.as_deref().unwrap_or("ok")
            );
        }
        println!("{:>8.1} s  in all", self.began.elapsed().as_secs_f64());
        let failed: Vec<&str> = self
            .taken
            .iter()
            .filter(|step| step.failure.is_some())
            .map(|step| step.title.as_str())
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("failed: {}", failed.join(", ")))
        }
    }
}

/// `cargo`, the one that runs us, at the workspace's root.
pub(crate) fn cargo<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

fn complete(command: &mut Command, deadline: Duration) -> Result<(), String> {
    // At a terminal, Ctrl-C must reach the child, so it stays in our process group. Elsewhere it gets a group of its
    // own, so that a deadline ends its children too.
    let own_group = cfg!(unix) && !std::io::stdin().is_terminal();
    #[cfg(unix)]
    if own_group {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    match wait(&mut child, deadline).map_err(|error| format!("`{program}` was lost: {error}"))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("FAILED, {status}")),
        None => {
            if own_group {
                drop(
                    Command::new("kill")
                        .args(["-KILL", "--", &format!("-{}", child.id())])
                        .status(),
                );
            }
            drop(child.kill());
            drop(child.wait());
            Err(format!("FAILED, not done within {} s", deadline.as_secs()))
        }
    }
}

fn wait(child: &mut Child, deadline: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if began.elapsed() >= deadline => return Ok(None),
            None => sleep(GLANCE),
        }
    }
}
