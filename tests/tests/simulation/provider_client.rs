//! How a node reaches the provider.

use std::fmt;
use std::sync::Arc;

use http::Request;
use latchgate::{HttpClient, HttpError, HttpFuture};
use serde_json::Value;

use crate::line::Lost;
use crate::provider::Spender;
use crate::world::World;

/// One node's HTTP client.
pub(crate) struct ProviderClient {
    pub(crate) world: Arc<World>,
    pub(crate) node: Spender,
}

impl HttpClient for ProviderClient {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        let (world, node) = (Arc::clone(&self.world), self.node.clone());
        let waiting = Waiting {
            client: self,
            refresh_token: url::form_urlencoded::parse(request.body())
                .find(|(name, _)| name == "refresh_token")
                .map(|(_, token)| token.into_owned()),
        };
        let act = move || world.provider.answer(&world, &request, &node);
        Box::pin(async move {
            let _waiting = waiting;
            let line = &self.world.provider_line;
            let answer = line.carry(&self.node.life, act).await;
            let answer = answer.map_err(|Lost| HttpError::Transport("no answer".into()))?;
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            if let Some(access_token) = body["access_token"].as_str() {
                self.world.provider.answered(&self.world, access_token);
            }
            Ok(answer)
        })
    }
}

/// Somebody waits for an answer, until this is dropped.
struct Waiting<'a> {
    client: &'a ProviderClient,
    refresh_token: Option<String>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (world, life) = (&self.client.world, &self.client.node.life);
        if let Some(refresh_token) = &self.refresh_token
            && !life.is_over()
        {
            world.provider.given_up(world, refresh_token, life);
        }
    }
}

impl fmt::Debug for ProviderClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderClient")
    }
}
