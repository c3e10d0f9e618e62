//! The application as a protected resource of one authorization server: it judges the access tokens that clients present
//! ([RFC 6749 §7](https://www.rfc-editor.org/rfc/rfc6749#section-7)). Knows no session and no cookie.

mod binding;
mod check;
mod judge;
mod request_token;
mod used_proofs;

use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;

use crate::client::Registration;
use crate::expiring_map::ExpiringMap;
use crate::io::{Clock, Random};
use crate::jose::KeySet;
use crate::provider::ClaimPaths;
use crate::relying_party::ProviderConnection;
use crate::resource::metadata::ResourceMetadata;
use crate::resource::{BearerError, NonceIssuer, ResourceRules, VerifiedAccessToken};
use crate::store::SessionStore;

pub use request_token::RequestToken;
use used_proofs::UsedProofs;

/// The protected resource, towards one authorization server.
pub(crate) struct ResourceServer {
    rules: ResourceRules,
    /// The client that introspects tokens, where they are.
    introspection: Option<Registration>,
    claim_paths: Arc<ClaimPaths>,
    /// What comes before the path of a request in its URL, where that is known. Never from `Host`.
    url_prefix: Option<String>,
    metadata: Option<ResourceMetadata>,
    connection: Arc<ProviderConnection>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// By the hash of the token, until it expires.
    verified: ExpiringMap<[u8; 32], Verified>,
    /// By the hash of the token, for [`KEPT`] at most.
    introspected: ExpiringMap<[u8; 32], Arc<VerifiedAccessToken>>,
    /// Refusals of introspected tokens, by the hash of the token, for [`REFUSED`].
    refused: ExpiringMap<[u8; 32], BearerError>,
    introspections: Semaphore,
    proofs: UsedProofs,
    /// Where proofs must have a nonce.
    nonces: Option<NonceIssuer>,
}

/// A token whose signature was verified with one of these keys. Once the authorization server's keys were fetched again,
/// it is verified again: a key that was withdrawn vouches for nothing.
#[derive(Clone)]
struct Verified {
    token: Arc<VerifiedAccessToken>,
    keys: Arc<KeySet>,
}

/// How many verified tokens are kept, how many introspected ones, and how many refusals.
const TOKENS: usize = 10_000;

/// How many introspections may be under way.
const INTROSPECTIONS: usize = 64;

/// How long an introspected token is good before its issuer is asked again, in seconds.
const KEPT: u64 = 30;

/// How long the refusal of an introspected token is kept, in seconds.
const REFUSED: u64 = 10;

/// What a resource server is made of.
pub(crate) struct ResourceServerConfig {
    pub(crate) rules: ResourceRules,
    pub(crate) introspection: Option<Registration>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) claim_paths: Arc<ClaimPaths>,
    pub(crate) url_prefix: Option<String>,
    pub(crate) metadata: Option<ResourceMetadata>,
    pub(crate) connection: Arc<ProviderConnection>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where nodes remember together which proofs were used.
    pub(crate) proofs_in: Option<Arc<dyn SessionStore>>,
    pub(crate) nonces: Option<NonceIssuer>,
}

impl ResourceServer {
    pub(crate) fn new(config: ResourceServerConfig) -> Self {
        // If the generator fails, clients can tell which proofs lie together, and nothing else is lost.
        let salt = config.random.array().unwrap_or_default();
        Self {
            rules: config.rules,
            introspection: config.introspection,
            claim_paths: config.claim_paths,
            url_prefix: config.url_prefix,
            metadata: config.metadata,
            connection: config.connection,
            clock: config.clock,
            random: config.random,
            verified: ExpiringMap::bounded(TOKENS),
            introspected: ExpiringMap::bounded(TOKENS),
            refused: ExpiringMap::bounded(TOKENS),
            introspections: Semaphore::new(INTROSPECTIONS),
            proofs: UsedProofs::new(config.proofs_in, salt),
            nonces: config.nonces,
        }
    }

    pub(crate) fn rules(&self) -> &ResourceRules {
        &self.rules
    }

    pub(crate) fn metadata(&self) -> Option<&ResourceMetadata> {
        self.metadata.as_ref()
    }

    /// Whether DPoP proofs can be checked: that takes the URL of the request.
    pub(crate) fn checks_proofs(&self) -> bool {
        self.url_prefix.is_some()
    }

    /// The nonce that a client's next proof should have, where they must have one.
    pub(crate) fn newest_nonce(&self) -> Option<HeaderValue> {
        let nonce = self.nonces.as_ref()?.newest(self.now());
        HeaderValue::try_from(nonce).ok()
    }

    /// The time, in seconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }
}

debug_fields!(ResourceServer { rules });
