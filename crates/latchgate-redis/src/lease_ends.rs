//! The channel on which scripts announce that a lease has ended.

use std::io;
use std::sync::Arc;

use futures_util::StreamExt;
use latchgate::store::{LeaseEndAnnouncer, StoreError};
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{Reason, RedisError};
use crate::link::CONNECT;
use crate::record::read;

/// The channel's name without the prefix. `prelude.lua` has the same.
const CHANNEL: &str = "lease-ends";

/// The channel of the stores with this prefix.
pub(crate) fn channel(prefix: &str) -> String {
    format!("{prefix}{CHANNEL}")
}

/// Subscribes on a separate connection, and passes announcements on until it is lost. Returns the reason.
pub(crate) async fn subscribe(
    address: Address,
    channel: String,
    announcer: LeaseEndAnnouncer,
) -> StoreError {
    let reason = receive(&address, &channel, &announcer).await;
    StoreError::Unavailable(Box::new(RedisError::new(address, reason)))
}

async fn receive(address: &Address, channel: &str, announcer: &LeaseEndAnnouncer) -> Reason {
    let client = address.client();
    let subscribed = async {
        let mut connection = client.get_async_pubsub().await?;
        connection.subscribe(channel).await?;
        Ok(connection)
    };
    let mut connection = match timeout(CONNECT, subscribed).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return redis::RedisError::into(error),
        Err(_) => return Reason::TooSlow,
    };
    announcer.subscribed();
    let mut messages = connection.on_message();
    while let Some(message) = messages.next().await {
        if let Some(key) = str::from_utf8(message.get_payload_bytes())
            .ok()
            .and_then(|id| read(id).ok())
        {
            announcer.ended(key);
        }
    }
    Reason::Unreachable(Arc::new(io::Error::from(io::ErrorKind::ConnectionAborted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_announce_where_we_subscribe() {
        let publish = format!("redis.pcall('PUBLISH', prefix .. '{CHANNEL}', id)\n");
        let prelude = include_str!("scripts/prelude.lua");
        assert!(prelude.contains(&publish), "{publish}");
    }
}
