//! A road to a server that loses answers when a case wants it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::case::Failure;

/// A listener on loopback that carries every connection on to the server.
pub(crate) struct Road {
    port: u16,
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
}

impl Road {
    /// Builds a road to this port.
    pub(crate) async fn to(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let traffic = Arc::new(Traffic::default());
        let shared = Arc::clone(&traffic);
        Ok(Self {
            port: listener.local_addr()?.port(),
            traffic,
            task: tokio::spawn(async move {
                while let Ok((connection, _)) = listener.accept().await {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                        continue;
                    };
                    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                    let (from_server, mut to_server) = server.into_split();
                    let (mut from_client, to_client) = connection.into_split();
                    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
                    let traffic = Arc::clone(&shared);
                    tokio::spawn(async move {
                        traffic.carry(number, from_server, to_client).await;
                    });
                }
            }),
        })
    }

    /// The server's URL by this road.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
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
        self.traffic
            .silent
            .store(self.connections(), Ordering::SeqCst);
    }
}

impl Traffic {
    async fn carry(&self, number: usize, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            if self.lossy.swap(false, Ordering::SeqCst) {
                return;
            }
            if number < self.silent.load(Ordering::SeqCst) {
                continue;
            }
            if to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.task.abort();
    }
}
