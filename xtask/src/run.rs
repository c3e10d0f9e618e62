//! A run: steps one after the other, each with its elapsed time and a deadline, and a lane of steps beside them.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

/// The whole of a run takes no longer than this; a step's own deadline is cut to what is left of it.
const WHOLE: Duration = Duration::from_secs(38 * 60);

/// How often a running step is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Steps that were taken, and how each ended.
pub(crate) struct Run {
    began: Instant,
    taken: Vec<Taken>,
    /// What the steps of a lane have said, for later: two that speak at once cannot be told apart.
    kept: Option<String>,
}

/// Steps that are taken beside others, and what they bring.
pub(crate) struct Lane<T>(JoinHandle<(Run, T)>);

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
            kept: None,
        }
    }

    /// Takes steps that mostly wait, for a network or for one processor of several, beside those that follow. `join` says
    /// what they have said.
    pub(crate) fn beside<T: Send + 'static>(
        &self,
        titles: &str,
        steps: impl FnOnce(&mut Self) -> T + Send + 'static,
    ) -> Lane<T> {
        println!("\n==> beside what follows: {titles}");
        let mut run = Self {
            began: self.began,
            taken: Vec::new(),
            kept: Some(String::new()),
        };
        Lane(thread::spawn(move || {
            let brought = steps(&mut run);
            (run, brought)
        }))
    }

    /// Waits for a lane, and says what its steps have said. What it was to bring is missing where it broke down.
    pub(crate) fn join<T>(&mut self, lane: Lane<T>) -> Option<T> {
        let Ok((run, brought)) = lane.0.join() else {
            self.fail("the steps beside", "they broke down".to_owned());
            return None;
        };
        print!("{}", run.kept.unwrap_or_default());
        self.taken.extend(run.taken);
        Some(brought)
    }

    /// Says a line, now or when its lane is joined.
    pub(crate) fn say(&mut self, line: &str) {
        match &mut self.kept {
            Some(kept) => {
                let _ = writeln!(kept, "{line}");
            }
            None => println!("{line}"),
        }
    }

    /// Runs a command to its end, or kills it at its deadline. Says whether it succeeded; `finish` sums up.
    pub(crate) fn step(&mut self, title: &str, minutes: u64, command: &mut Command) -> bool {
        self.say(&format!("\n==> {title}"));
        let began = Instant::now();
        let left = WHOLE.saturating_sub(self.began.elapsed());
        let deadline = left.min(Duration::from_secs(minutes * 60));
        let failure = match &mut self.kept {
            Some(kept) => complete_apart(title, command, deadline, kept),
            None => complete(command, deadline),
        };
        let failure = failure.err();
        let elapsed = began.elapsed();
        let verdict = failure.as_deref().unwrap_or("ok");
        self.say(&format!(
            "<== {title}: {verdict} ({:.1} s, {:.1} s in all)",
            elapsed.as_secs_f64(),
            self.began.elapsed().as_secs_f64()
        ));
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
        self.say(&format!("\n<== {title}: {reason}"));
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

/// Runs a command of a lane: what it says goes to a file, and from there to what is kept. It builds with one processor.
fn complete_apart(
    title: &str,
    command: &mut Command,
    deadline: Duration,
    kept: &mut String,
) -> Result<(), String> {
    let folder = target().join("steps");
    let log = folder.join(format!("{}.txt", title.replace('/', "-")));
    let opened = fs::create_dir_all(&folder).and_then(|()| {
        let file = File::create(&log)?;
        Ok((file.try_clone()?, file))
    });
    let (out, errors) =
        opened.map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    command.env("CARGO_BUILD_JOBS", "1");
    let outcome = complete(command.stdout(out).stderr(errors), deadline);
    kept.push_str(&String::from_utf8_lossy(
        &fs::read(&log).unwrap_or_default(),
    ));
    outcome
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    #[cfg(unix)]
    fn what_a_lane_says_comes_in_one_piece_and_its_failures_count() {
        let mut run = Run::new();
        let lane = run.beside("two", |run| {
            run.say("about to speak");
            let spoke = run.step("xtask-test: speaks", 1, &mut sh("echo out; echo err >&2"));
            let failed = run.step("xtask-test: fails", 1, &mut sh("exit 3"));
            run.fail("third", "is not there".to_owned());
            (spoke, failed, run.kept.clone())
        });
        let (spoke, failed, kept) = run.join(lane).unwrap();
        let kept = kept.unwrap();
        assert!(spoke && !failed);
        let said = "about to speak\n\n==> xtask-test: speaks\nout\nerr\n<== xtask-test: speaks: ok";
        assert!(kept.starts_with(said), "{kept}");
        let failed = run.finish().unwrap_err();
        assert_eq!(failed, "failed: xtask-test: fails, third");
    }

    #[test]
    fn a_lane_that_breaks_down_is_a_failure() {
        let mut run = Run::new();
        let lane = run.beside("none", |_| assert_eq!(1, 2, "on purpose"));
        assert_eq!(run.join(lane), None);
        assert!(run.finish().is_err());
    }
}
