//! A PostgreSQL server of a case's own: on loopback, with a password, with its data in a folder that goes with it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

use crate::case::Failure;
use crate::child::{Server, free_port};
use crate::need::place;

/// Everybody's password here.
pub(crate) const PASSWORD: &str = "hunter2 of the store";

/// A server, stopped and gone with its data when dropped.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    folder: PathBuf,
    programs: PathBuf,
    /// Whom the server runs as: it refuses to be root.
    user: Option<&'static str>,
    running: Option<Server>,
}

/// A cluster that every case gets a copy of: to make one takes longer than most cases.
static TEMPLATE: OnceCell<Postgres> = OnceCell::const_new();

/// Clears away what cases have in common.
pub(crate) fn clear_away() {
    if let Some(template) = TEMPLATE.get() {
        drop(fs::remove_dir_all(&template.folder));
    }
}

impl Postgres {
    /// Starts a server that has the role and the database of an application: `app`.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let template = TEMPLATE.get_or_try_init(Self::template).await?;
        let mut postgres = Self::new()?;
        // With its owner.
        let mut copy = Command::new("cp");
        done(copy.arg("-a").args([template.data(), postgres.data()]))?;
        postgres.run().await?;
        Ok(postgres)
    }

    /// Makes a cluster, and in it the role and the database.
    async fn template() -> Result<Self, Failure> {
        let mut postgres = Self::new()?;
        postgres.make_cluster()?;
        postgres.run().await?;
        let mut admin = postgres.connect("postgres", "postgres").await?;
        for statement in [
            format!("CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'"),
            "CREATE DATABASE app OWNER app".to_owned(),
        ] {
            admin.execute(statement.as_str()).await?;
        }
        drop(admin);
        postgres.stop()?;
        Ok(postgres)
    }

    /// An empty folder, of whom the server runs as.
    fn new() -> Result<Self, Failure> {
        let port = free_port()?;
        let name = format!("latchgate-postgres-{}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        let user = unprivileged()?;
        if let Some(user) = user {
            done(Command::new("chown").arg(user).arg(&folder))?;
        }
        Ok(Self {
            port,
            folder,
            programs: place("LATCHGATE_TEST_POSTGRES_BIN")?,
            user,
            running: None,
        })
    }

    fn make_cluster(&self) -> Result<(), Failure> {
        let password = self.folder.join("password");
        fs::write(&password, PASSWORD)?;
        let mut initdb = self.program("initdb")?;
        initdb
            .args(["--username=postgres", "--auth=scram-sha-256", "--no-sync"])
            .args(["--encoding=UTF8", "--no-locale", "--pwfile"])
            .arg(password)
            .arg("--pgdata")
            .arg(self.data());
        done(&mut initdb)
    }

    /// Runs it, on the data it has, and waits until it is ready. It logs every statement.
    pub(crate) async fn run(&mut self) -> Result<(), Failure> {
        let mut command = self.program("postgres")?;
        command.arg("-D").arg(self.data());
        for setting in [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=on".to_owned(),
            "log_statement=all".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        let server = self
            .running
            .insert(Server::spawn("postgres", &mut command)?);
        server
            .until("server that is ready", |said| async move {
                said.contains("ready to accept connections").then_some(())
            })
            .await
    }

    /// Shuts it down as an update does: connections are closed, nothing is lost.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        if let Some(_stopping) = self.running.take() {
            let mut stop = self.program("pg_ctl")?;
            stop.args(["stop", "--mode=fast", "--wait", "--silent", "--pgdata"])
                .arg(self.data());
            done(&mut stop)?;
        }
        Ok(())
    }

    /// Stops it and runs it again.
    pub(crate) async fn restart(&mut self) -> Result<(), Failure> {
        self.stop()?;
        self.run().await
    }

    /// What it has logged since it was started.
    pub(crate) fn said(&self) -> String {
        self.running.as_ref().map(Server::said).unwrap_or_default()
    }

    /// The application's URL, by a port of this machine.
    pub(crate) fn url_by(&self, port: u16) -> String {
        let password: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
        let password = password.replace('+', "%20");
        format!("postgres://app:{password}@127.0.0.1:{port}/app?sslmode=disable")
    }

    /// The application's URL.
    pub(crate) fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// How to connect as somebody.
    pub(crate) fn options(&self, user: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username(user)
            .password(PASSWORD)
            .database(database)
    }

    /// A connection as somebody.
    pub(crate) async fn connect(
        &self,
        user: &str,
        database: &str,
    ) -> Result<PgConnection, Failure> {
        Ok(PgConnection::connect_with(&self.options(user, database)).await?)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// One of its programs, run as whoever may run it.
    fn program(&self, name: &str) -> Result<Command, Failure> {
        let path = self.programs.join(name);
        let mut command = match self.user {
            None => Command::new(path),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", user, "--regid", &identity(&["-g", user])?])
                    .arg("--clear-groups")
                    .arg(path);
                command
            }
        };
        command.current_dir(&self.folder);
        Ok(command)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.stop());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Somebody who is not root, where we are.
fn unprivileged() -> Result<Option<&'static str>, Failure> {
    if identity(&["-u"])? != "0" {
        return Ok(None);
    }
    let there = |user: &&str| identity(&["-u", user]).is_ok();
    Ok(Some(
        ["postgres", "nobody"]
            .into_iter()
            .find(there)
            .ok_or("nobody is here whom a server can run as")?,
    ))
}

fn identity(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new("id").args(arguments).output()?;
    if !output.status.success() {
        return Err(format!("id {}: {}", arguments.join(" "), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn done(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{command:?}: {}\n{said}", output.status).into())
}
