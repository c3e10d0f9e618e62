//! Requests that no client library would send: bytes on a connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::world::World;

impl World {
    /// Sends `start` (a request line and header lines) to the application as it is, with a `Host` and the end of the head
    /// behind it, and returns whatever comes back: status line, header and body. Empty where the server hung up.
    ///
    /// # Errors
    /// No connection could be made.
    pub async fn raw(&self, start: &[u8]) -> Result<String, Failure> {
        let authority = self.address.trim_start_matches("http://");
        let mut connection = TcpStream::connect(authority).await?;
        let end = format!("\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let head = [start, end.as_bytes()].concat();
        // A server may refuse before it has read everything, and reset the connection.
        if connection.write_all(&head).await.is_ok() {
            let _ = connection.read_to_end(&mut answer).await;
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
