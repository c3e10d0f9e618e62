//! Servers that run as children of a test, and end with it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::case::Failure;

/// A server is up within this time, or its test fails.
const START: Duration = Duration::from_secs(60);

/// Between two looks at a server that is starting.
const GLANCE: Duration = Duration::from_millis(50);

tokio::task_local! {
    /// The case that is running.
    static CASE: String;
}

/// Runs a case, whose files then have a folder of their own: see [`file_of_case`].
pub(crate) async fn of_case<T>(name: String, body: impl Future<Output = T>) -> T {
    drop(fs::remove_dir_all(servers_logs(&name)));
    CASE.scope(name, body).await
}

/// Where the files of a case are: what its servers say, and what they are given.
pub(crate) fn servers_logs(case: &str) -> PathBuf {
    target().join("real-logs").join(case.replace("::", "."))
}

/// A place for a file of the case that is running. Cases run at the same time, so a file of one must not be another's.
pub(crate) fn file_of_case(name: &str) -> Result<PathBuf, Failure> {
    let folder = CASE.try_with(|case| servers_logs(case))?;
    fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}

/// A running child, killed when dropped. What it says goes to a file of its case, which failures quote.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts the command with nothing of our environment but what programs cannot do without.
    pub(crate) fn spawn(name: &str, command: &mut Command) -> Result<Self, Failure> {
        let (log, file) = new_log(name)?;
        for (variable, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LATCHGATE_"))
        {
            if !command.get_envs().any(|(set, _)| set == variable) {
                command.env_remove(variable);
            }
        }
        let program = command.get_program().to_string_lossy().into_owned();
        // The pipe is never written to: it closes when we end, and a child that watches it ends too.
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Self { child, log })
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Looks again and again until `found` finds what it waits for. A server that ends or takes too long is a failure.
    pub(crate) async fn until<T, F, L>(&mut self, what: &str, look: L) -> Result<T, Failure>
    where
        L: Fn(String) -> F,
        F: Future<Output = Option<T>>,
    {
        let looking = async {
            loop {
                if let Some(found) = look(self.said()).await {
                    return Ok(found);
                }
                if let Some(status) = self.child.try_wait()? {
                    return Err(format!("ended ({status}) before {what}:\n{}", self.said()).into());
                }
                pause(GLANCE).await;
            }
        };
        match tokio::time::timeout(START, looking).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(format!("no {what} within {} s:\n{}", START.as_secs(), self.said()).into())
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port on loopback that nobody listened on a moment ago. It is below those that systems give to connections and to
/// listeners that name none, so that nobody gets it before the server that it is for.
pub(crate) fn free_port() -> Result<u16, Failure> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(PORTS))?;
    for _ in 0..PORTS {
        let port = FIRST_PORT + (start + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port from 20000 to 31999 is free".into())
}

const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// A folder for what tests leave behind, under cargo's `target`.
pub(crate) fn output(folder: &str) -> Result<PathBuf, Failure> {
    let folder = target().join(folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn target() -> &'static Path {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap_or(scratch)
}

/// A file that no server of this case has written to: several may have one name, at once or one after the other.
fn new_log(name: &str) -> Result<(PathBuf, File), Failure> {
    for number in 1.. {
        let log = file_of_case(&match number {
            1 => format!("{name}.txt"),
            _ => format!("{name}-{number}.txt"),
        })?;
        match File::create_new(&log) {
            Ok(file) => return Ok((log, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err("too many servers".into())
}

/// Waits between two looks at another process, which has no way to wake us.
#[expect(
    clippy::disallowed_methods,
    reason = "another process gives no event to wait for"
)]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
