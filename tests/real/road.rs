//! A road to a server, on which answers are lost, connections fall silent and clients are turned away when a case
//! wants it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::case::Failure;

/// A listener on loopback that carries every connection on to the server.
pub(crate) struct Road {
    pub(crate) port: u16,
    traffic: Arc<Traffic>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Traffic {
    /// The next answer is lost, and its connection with it.
    lossy: AtomicBool,
    /// How many connections there were.
    connections: AtomicUsize,
    /// Connections before this one say nothing more.
    silent: AtomicUsize,
    /// Who says the first at the beginning hears the second, and no more.
    barred: OnceLock<(&'static [u8], &'static [u8])>,
}

impl Road {
    /// Builds a road to this port.
    pub(crate) async fn to(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let traffic = Arc::new(Traffic::default());
        Ok(Self {
            port: listener.local_addr()?.port(),
            task: tokio::spawn(lead(listener, port, Arc::clone(&traffic))),
            traffic,
        })
    }

    /// Turns away everybody whose first words contain `these`, with an answer.
    pub(crate) fn bar(&self, these: &'static [u8], answer: &'static [u8]) {
        self.traffic.barred.get_or_init(|| (these, answer));
    }

    /// Loses the next answer: the server has done what it was asked, and nobody hears of it.
    pub(crate) fn lose_an_answer(&self) {
        self.traffic.lossy.store(true, Ordering::SeqCst);
    }

    /// Whether no answer is waiting to be lost.
    pub(crate) fn has_lost_it(&self) -> bool {
        !self.traffic.lossy.load(Ordering::SeqCst)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.traffic.connections.load(Ordering::SeqCst)
    }

    /// Lets the connections that there are say nothing more, and stay open: a cable is cut.
    pub(crate) fn cut(&self) {
        let all = self.traffic.connections.load(Ordering::SeqCst);
        self.traffic.silent.store(all, Ordering::SeqCst);
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(listener: TcpListener, port: u16, traffic: Arc<Traffic>) {
    while let Ok((mut connection, _)) = listener.accept().await {
        if traffic.turns_away(&mut connection).await {
            continue;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
            continue;
        };
        let number = traffic.connections.fetch_add(1, Ordering::SeqCst);
        let (from_server, mut to_server) = server.into_split();
        let (mut from_client, to_client) = connection.into_split();
        tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
        let traffic = Arc::clone(&traffic);
        tokio::spawn(async move { traffic.carry(number, from_server, to_client).await });
    }
}

impl Traffic {
    async fn turns_away(&self, connection: &mut TcpStream) -> bool {
        let Some((these, answer)) = self.barred.get() else {
            return false;
        };
        let mut words = [0; 1_024];
        let length = connection.peek(&mut words).await.unwrap_or_default();
        let barred = words[..length]
            .windows(these.len())
            .any(|said| said == *these);
        if barred {
            drop(connection.read(&mut words).await);
            drop(connection.write_all(answer).await);
        }
        barred
    }

    async fn carry(&self, number: usize, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            if self.lossy.swap(false, Ordering::SeqCst) {
                return;
            }
            let silent = number < self.silent.load(Ordering::SeqCst);
            if !silent && to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }
}
