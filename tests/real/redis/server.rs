//! A Redis of a case's own: on loopback, with a folder for its data.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use redis::{Cmd, FromRedisValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::case::Failure;
use crate::child::{Server, free_port, output};
use crate::need::place;

/// A Redis, gone with its data when dropped.
pub(crate) struct Redis {
    pub(crate) port: u16,
    arguments: Vec<String>,
    folder: PathBuf,
    running: Option<Server>,
}

impl Redis {
    /// Starts one with further arguments.
    pub(crate) async fn start(arguments: &[&str]) -> Result<Self, Failure> {
        let port = free_port()?;
        let folder = output("real-redis")?.join(port.to_string());
        fs::create_dir_all(&folder)?;
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        let mut redis = Self {
            port,
            arguments: arguments.collect(),
            folder,
            running: None,
        };
        redis.run().await?;
        Ok(redis)
    }

    /// Its URL, for a store or a client.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A folder that goes when it goes.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Kills it as a power cut does.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Runs it, on what it wrote to its folder before, and waits until it answers.
    pub(crate) async fn run(&mut self) -> Result<(), Failure> {
        let mut command = Command::new(place("LATCHGATE_TEST_REDIS_SERVER")?);
        let port = self.port.to_string();
        command
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", ""])
            .args(["--appendonly", "yes", "--dir"])
            .arg(&self.folder)
            .args(&self.arguments);
        let server = self.running.insert(Server::spawn("redis", &mut command)?);
        let port = self.port;
        server.until("answer to PING", |_| ready(port)).await
    }

    /// What it answers to a command.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        Ok(command.query_async(&mut connection).await?)
    }

    /// What it answers to a command of plain words.
    pub(crate) async fn say<T: FromRedisValue>(&self, words: &str) -> Result<T, Failure> {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap_or_default());
        for word in words {
            command.arg(word);
        }
        self.ask(&command).await
    }

    /// How often each command was called since the last `CONFIG RESETSTAT`, but for those of [`Redis::ask`] itself.
    pub(crate) async fn calls(&self) -> Result<Vec<(String, u64)>, Failure> {
        let told: String = self.say("INFO commandstats").await?;
        let line = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse().ok()?;
            Some((name.to_owned(), calls))
        };
        let mut calls: Vec<_> = told.lines().filter_map(line).collect();
        calls
            .retain(|(name, _)| !["info", "config|resetstat", "client|setinfo"].contains(&&**name));
        calls.sort();
        Ok(calls)
    }

    /// Everything that it keeps: names and contents.
    pub(crate) async fn dump(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let keys: Vec<Vec<u8>> = self.say("KEYS *").await?;
        let mut all = Vec::new();
        for key in keys {
            let kind: String = self.ask(redis::cmd("TYPE").arg(&key)).await?;
            let contents: Vec<Vec<u8>> = match kind.as_str() {
                "hash" => self.ask(redis::cmd("HGETALL").arg(&key)).await?,
                "zset" => {
                    self.ask(redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1))
                        .await?
                }
                other => return Err(format!("nobody should keep a {other} here").into()),
            };
            all.push(key);
            all.extend(contents);
        }
        Ok(all)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Whether a server says that it is up; one that wants a password first says so.
async fn ready(port: u16) -> Option<()> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    connection.write_all(b"PING\r\n").await.ok()?;
    let mut answer = [0; 64];
    let length = connection.read(&mut answer).await.ok()?;
    let answer = &answer[..length];
    (answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH")).then_some(())
}
