//! Requests that no client library would send: bytes on a connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser::Browser;
use crate::failure::Failure;
use crate::world::World;

/// A request whose body is still to come.
#[derive(Debug)]
pub struct Trickle(TcpStream);

impl World {
    /// Sends `start` (a request line and header lines) to the application as it is, with a `Host` and the end of the head
    /// behind it, and returns whatever comes back: status line, header and body. Empty where the server hung up.
    ///
    /// # Errors
    /// No connection could be made.
    pub async fn raw(&self, start: &[u8]) -> Result<String, Failure> {
        let mut connection = TcpStream::connect(self.authority()).await?;
        let end = format!(
            "\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.authority()
        );
        let head = [start, end.as_bytes()].concat();
        // A server may refuse before it has read everything, and reset the connection.
        let sent = connection.write_all(&head).await.is_ok();
        Ok(answer(connection, sent).await)
    }

    /// Posts the first of two bytes of a body, with a browser's cookies.
    ///
    /// # Errors
    /// No connection could be made.
    pub async fn trickle(&self, browser: &Browser, path: &str) -> Result<Trickle, Failure> {
        let mut connection = TcpStream::connect(self.authority()).await?;
        let cookies = browser.cookies(path)?;
        let cookies: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n1",
            self.authority(),
            cookies.join("; ")
        );
        connection.write_all(head.as_bytes()).await?;
        Ok(Trickle(connection))
    }

    fn authority(&self) -> &str {
        self.address.trim_start_matches("http://")
    }
}

impl Trickle {
    /// Posts the second byte, and returns the answer: status line, header and body.
    ///
    /// # Errors
    /// The server has hung up.
    pub async fn finish(mut self) -> Result<String, Failure> {
        self.0.write_all(b"2").await?;
        Ok(answer(self.0, true).await)
    }
}

async fn answer(mut connection: TcpStream, sent: bool) -> String {
    let mut answer = Vec::new();
    if sent {
        let _ = connection.read_to_end(&mut answer).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}
