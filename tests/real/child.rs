//! Servers that run as children of a test, and end with it.

use std::fs::{self, File};
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

/// A running child, killed when dropped. What it says goes to a file under `target/real-logs`, which
/// failures quote.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts the command with nothing of our environment but what programs cannot do without.
    pub(crate) fn spawn(name: &str, command: &mut Command) -> Result<Self, Failure> {
        let log = output("real-logs")?.join(format!("{name}.txt"));
        let file = File::create(&log)?;
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
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = scratch.parent().unwrap_or(scratch).join(folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Waits between two looks at another process, which has no way to wake us.
#[expect(
    clippy::disallowed_methods,
    reason = "another process gives no event to wait for"
)]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
