//! The API that access tokens are for, as the application declares it.

use std::sync::Arc;

use url::Url;

use super::provider::Provider;
use crate::client::ClientAuth;
use crate::config::{Mistakes, Problem};
use crate::gate::{Base, BasePath};
use crate::io::{Clock, Random};
use crate::jose::Algorithm;
use crate::provider::{ClaimPath, ClaimPaths, Issuer, ProviderPreset, is_https_or_loopback};
use crate::relying_party::ProviderConnection;
use crate::resource::metadata::ResourceMetadata;
use crate::resource::{
    AccessTokenBinding, AccessTokenTypes, NonceIssuer, ProofNonces, ResourceRules,
};
use crate::resource_server::{ResourceServer, ResourceServerConfig};
use crate::seal::KeyRing;
use crate::store::SessionStore;

/// An API, as its authorization server knows it: a protected resource
/// ([RFC 6749 §1.1](https://www.rfc-editor.org/rfc/rfc6749#section-1.1)).
///
/// Only the audience is required, so a string is enough where one is expected:
///
/// ```
/// use latchgate::{Algorithm, Api, ProtectedResource};
///
/// let api = Api::builder("https://login.example.com/", "https://api.example.com").build()?;
///
/// let invoices = ProtectedResource::new("https://api.example.com")
///     .alg(Algorithm::Es256)
///     .scopes_supported(["invoices:read", "invoices:write"]);
/// let api = Api::builder("https://login.example.com/", invoices).build()?;
/// # Ok::<(), latchgate::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProtectedResource {
    audience: String,
    alg: Algorithm,
    types: Option<AccessTokenTypes>,
    binding: AccessTokenBinding,
    introspection: Option<(String, ClientAuth)>,
    scopes: Vec<String>,
    preset: Option<ProviderPreset>,
    roles: Option<ClaimPath>,
    permissions: Option<ClaimPath>,
    nonces: ProofNonces,
    proofs_in: Option<Arc<dyn SessionStore>>,
}

/// What a resource needs to know of the gate or API that it belongs to.
pub(super) struct Surroundings<'a> {
    pub(super) issuer: Issuer,
    /// The public URL, where it is known.
    pub(super) base: Option<&'a Base>,
    /// Where a gate's provider puts roles and permissions.
    pub(super) claim_paths: Option<&'a Arc<ClaimPaths>>,
    pub(super) connection: Arc<ProviderConnection>,
    pub(super) leeway: u64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    /// What nonces are made with.
    pub(super) keys: Option<Arc<KeyRing>>,
}

impl<T: Into<String>> From<T> for ProtectedResource {
    fn from(audience: T) -> Self {
        Self::new(audience)
    }
}

impl ProtectedResource {
    /// The API with this audience: what `aud` of its access tokens contains, spelled as the authorization server spells it.
    /// If it is the API's URL, that is where its [metadata](https://www.rfc-editor.org/rfc/rfc9728) is served.
    pub fn new(audience: impl Into<String>) -> Self {
        Self {
            audience: audience.into(),
            alg: Algorithm::Rs256,
            types: None,
            binding: AccessTokenBinding::Optional,
            introspection: None,
            scopes: Vec::new(),
            preset: None,
            roles: None,
            permissions: None,
            nonces: ProofNonces::Unused,
            proofs_in: None,
        }
    }

    /// The one signature algorithm accepted for access tokens; the default is RS256. One that uses a client secret is
    /// never accepted.
    pub fn alg(mut self, alg: Algorithm) -> Self {
        self.alg = alg;
        self
    }

    /// Which JWTs are accepted as access tokens. The default is [`AccessTokenTypes::AtJwt`], and with the
    /// [preset](Self::preset) of a provider that sends others [`AccessTokenTypes::AnyJwt`].
    pub fn token_types(mut self, types: AccessTokenTypes) -> Self {
        self.types = Some(types);
        self
    }

    /// Whether every token must be bound to a key or certificate; by default it need not.
    pub fn token_binding(mut self, binding: AccessTokenBinding) -> Self {
        self.binding = binding;
        self
    }

    /// Accepts tokens that are not JWTs, by asking the authorization server about them as this client
    /// ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)). Its answer must name the audience.
    pub fn introspection(mut self, client_id: impl Into<String>, auth: ClientAuth) -> Self {
        self.introspection = Some((client_id.into(), auth));
        self
    }

    /// The scope values that this API knows, for its metadata.
    pub fn scopes_supported<S: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Where this authorization server puts roles and permissions, and what its access tokens look like. In a gate, the
    /// default is the provider's preset.
    pub fn preset(mut self, preset: ProviderPreset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// The claim that contains roles, instead of the preset's.
    pub fn role_claim(mut self, path: ClaimPath) -> Self {
        self.roles = Some(path);
        self
    }

    /// The claim that contains permissions, instead of the preset's.
    pub fn permission_claim(mut self, path: ClaimPath) -> Self {
        self.permissions = Some(path);
        self
    }

    /// Whether the DPoP proofs of clients must contain a nonce that this API has handed out
    /// ([RFC 9449 §9](https://www.rfc-editor.org/rfc/rfc9449#section-9)). Nonces are made with the session keys, so all nodes
    /// accept each other's. Scripts of other origins read a nonce only if the application's CORS headers expose `DPoP-Nonce`.
    pub fn proof_nonces(mut self, nonces: ProofNonces) -> Self {
        self.nonces = nonces;
        self
    }

    /// Remembers in this store which DPoP proofs were used, so that a proof is accepted once across all nodes, not once on each
    /// ([RFC 9449 §11.1](https://www.rfc-editor.org/rfc/rfc9449#section-11.1)): one round trip for each request with a
    /// proof. While the store fails, such requests get a `503`.
    ///
    /// Without it, each process remembers the proofs that it has seen, up to 100,000, for as long as they are valid,
    /// which is two minutes at most by default. So a thief who sees a request, and replays it within that time, succeeds once
    /// on each other node.
    pub fn proofs_in(self, store: impl SessionStore + 'static) -> Self {
        self.proofs_opened(Arc::new(store))
    }

    pub(crate) fn proofs_opened(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.proofs_in = Some(store);
        self
    }

    /// Whether it makes nonces, which takes keys.
    pub(super) fn makes_nonces(&self) -> bool {
        self.nonces == ProofNonces::Required
    }

    /// Adds what is wrong with it.
    pub(super) fn check(&self, mistakes: &mut Mistakes) {
        if self.audience.trim().is_empty() {
            mistakes.add("api_audience", Problem::Missing);
        }
        if self.alg.is_symmetric() {
            mistakes.add("api_alg", Problem::SymmetricAccessTokens);
        }
        if let Some((client_id, auth)) = &self.introspection
            && (client_id.trim().is_empty() || *auth == ClientAuth::None)
        {
            mistakes.add("api_introspection", Problem::IntrospectionWithoutClient);
        }
    }

    /// The audience, if it is the URL of an API.
    pub(super) fn url(&self) -> Option<Url> {
        let url = Url::parse(&self.audience).ok()?;
        let plain = url.query().is_none() && url.fragment().is_none();
        (plain && is_https_or_loopback(&url)).then_some(url)
    }

    /// The resource server. Errors are added to `mistakes`.
    pub(super) fn build(self, around: Surroundings<'_>, mistakes: &mut Mistakes) -> ResourceServer {
        let issuer = around.issuer.as_str();
        let introspection = self.introspection.as_ref().and_then(|(client_id, auth)| {
            // It asks about tokens only, so it has no redirect URI of its own.
            let client = Provider::new(issuer, client_id).client_auth(auth.clone());
            client.register(issuer.to_owned(), mistakes)
        });
        let claim_paths = match (self.preset, around.claim_paths) {
            (None, Some(given)) => ClaimPaths::clone(given),
            (preset, _) => {
                let preset = preset.unwrap_or(ProviderPreset::Plain);
                ClaimPaths::of_preset(preset, &self.audience)
            }
        };
        let preset = claim_paths.preset;
        let url = self.resource_url(around.base);
        let claim_paths = claim_paths.or_these(self.roles, self.permissions);
        let rules = ResourceRules {
            issuer: around.issuer,
            audience: self.audience,
            alg: self.alg,
            types: self.types.unwrap_or(match preset {
                ProviderPreset::Plain => AccessTokenTypes::AtJwt,
                _ => AccessTokenTypes::AnyJwt,
            }),
            binding: self.binding,
            leeway: around.leeway,
        };
        let keys = around.keys.filter(|_| self.nonces == ProofNonces::Required);
        let nonces = keys.map(|keys| NonceIssuer::new(keys, &rules.audience));
        let scopes = self.scopes;
        ResourceServer::new(ResourceServerConfig {
            metadata: url.map(|url| ResourceMetadata::new(&url, &rules, &scopes)),
            rules,
            introspection,
            random: around.random,
            claim_paths: Arc::new(claim_paths),
            url_prefix: around.base.map(url_prefix),
            connection: around.connection,
            clock: around.clock,
            proofs_in: self.proofs_in,
            nonces,
        })
    }

    /// What identifies the resource: its audience, if that is a URL of this server, and otherwise the server's URL.
    fn resource_url(&self, base: Option<&Base>) -> Option<Url> {
        let base = base?;
        let own = self
            .url()
            .filter(|url| url.origin().ascii_serialization() == base.origin);
        own.or_else(|| Url::parse(&format!("{}{}", base.origin, base.path)).ok())
    }
}

/// What comes before the path of a request as it arrives.
fn url_prefix(base: &Base) -> String {
    match base.arrives {
        BasePath::Kept => base.origin.clone(),
        BasePath::Stripped => format!("{}{}", base.origin, base.path),
    }
}
