//! The loopback server: one task that owns the socket and every connection, so that stopping it leaves nothing behind.

use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Server(Mutex<Option<JoinHandle<()>>>);

impl Server {
    pub(crate) fn spawn(listener: TcpListener, router: Router) -> Self {
        Self(Mutex::new(Some(tokio::spawn(accept(listener, router)))))
    }

    /// Stops, and returns once the port is free and every connection is closed.
    pub(crate) async fn stop(&self) {
        if let Some(task) = self.take() {
            task.abort();
            // An aborted task reports that it was; there is nothing else to learn from it.
            let _ = task.await;
        }
    }

    fn take(&self) -> Option<JoinHandle<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = self.take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone()));
                }
                Err(error) => tracing::warn!(%error, "the development provider could not accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the development provider ended early");
    }
}
