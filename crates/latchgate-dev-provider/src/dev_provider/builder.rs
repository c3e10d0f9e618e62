//! Everything that can be configured before a provider starts.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::DevProvider;
use crate::causes::write_with_cause;
use crate::client::Client;
use crate::keys::SigningAlg;
use crate::person::{Person, default_people};
use crate::settings::{
    AccessTokenFormat, DpopNonces, ExpiresIn, IssuerEnd, Requests, ResponseIssuer, Settings,
};
use crate::world::{Clock, system_clock};

/// Prepares a [`DevProvider`].
#[must_use = "a provider runs only once it is started"]
pub struct DevProviderBuilder {
    pub(crate) listen: SocketAddr,
    pub(crate) people: Vec<Person>,
    pub(crate) clients: Vec<Client>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
}

impl DevProviderBuilder {
    pub(crate) fn new() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            people: default_people(),
            clients: vec![Client::development()],
            settings: Settings::default(),
            clock: system_clock(),
        }
    }

    /// Listens on this port instead of any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.listen.set_port(port);
        self
    }

    /// Listens on this address instead of `127.0.0.1`. Starting fails unless it is a loopback address.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Adds somebody who can sign in, or replaces whoever has the same `sub`.
    pub fn person(mut self, person: Person) -> Self {
        self.people.retain(|known| known.sub != person.sub);
        self.people.push(person);
        self
    }

    /// Lets these people sign in instead of Alice and Bob, such as those of a file ([`Person::read_toml`]). Of several with
    /// the same `sub`, the last one counts.
    pub fn people(mut self, people: impl IntoIterator<Item = Person>) -> Self {
        self.people.clear();
        people.into_iter().fold(self, Self::person)
    }

    /// Adds a client, or replaces the one with the same `client_id`. The default one is [`Client::development`].
    pub fn client(mut self, client: Client) -> Self {
        self.clients
            .retain(|known| known.client_id != client.client_id);
        self.clients.push(client);
        self
    }

    /// Ends the issuer identifier in a slash, as Auth0 and the OpenID Foundation's conformance suite do.
    pub fn issuer_with_slash(mut self) -> Self {
        self.settings.issuer_end = IssuerEnd::Slash;
        self
    }

    /// Signs ID tokens, access tokens and logout tokens with this algorithm instead of RS256.
    pub fn id_token_alg(mut self, alg: SigningAlg) -> Self {
        self.settings.id_token_alg = alg;
        self
    }

    /// Lets access tokens live this long instead of one hour. Counted in whole seconds.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.access_token_lifetime = lifetime;
        self
    }

    /// Issues opaque access tokens instead of JWTs, so that an API has to introspect them ([RFC
    /// 7662](https://www.rfc-editor.org/rfc/rfc7662)).
    pub fn opaque_access_tokens(mut self) -> Self {
        self.settings.access_token_format = AccessTokenFormat::Opaque;
        self
    }

    /// Leaves `expires_in` out of token responses, which [RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
    /// permits.
    pub fn omit_expires_in(mut self) -> Self {
        self.settings.expires_in = ExpiresIn::Omitted;
        self
    }

    /// Whether authorization responses carry `iss`; by default they do.
    pub fn response_issuer(mut self, response_issuer: ResponseIssuer) -> Self {
        self.settings.response_issuer = response_issuer;
        self
    }

    /// Accepts pushed authorization requests only ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)), and says so in the
    /// discovery document.
    pub fn require_pushed_requests(mut self) -> Self {
        self.settings.requests = Requests::Pushed;
        self
    }

    /// Accepts signed authorization requests only ([RFC 9101](https://www.rfc-editor.org/rfc/rfc9101)), and says so in the
    /// discovery document. The client's keys are in its JWK Set.
    pub fn require_signed_requests(mut self) -> Self {
        self.settings.requests = Requests::Signed;
        self
    }

    /// Whether proofs of possession ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)) need a nonce; by default they need
    /// none.
    pub fn dpop_nonces(mut self, nonces: DpopNonces) -> Self {
        self.settings.dpop_nonces = nonces;
        self
    }

    /// Announces the endpoints for clients with a TLS certificate below this URL, which has no trailing slash
    /// (`mtls_endpoint_aliases`, [RFC 8705 §5](https://www.rfc-editor.org/rfc/rfc8705#section-5)). There, a server has to end
    /// TLS and pass on the certificate in the field `Client-Cert` ([RFC 9440](https://www.rfc-editor.org/rfc/rfc9440)), in
    /// place of any that the client sends: the provider trusts it.
    pub fn mtls_base_url(mut self, url: impl Into<String>) -> Self {
        self.settings.mtls_base_url = Some(url.into());
        self
    }

    /// Begins every refresh token with this text. Refresh tokens may contain spaces and any visible ASCII character ([RFC 6749
    /// Appendix A.17](https://www.rfc-editor.org/rfc/rfc6749#appendix-A.17)), and those of some providers do.
    pub fn refresh_token_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.refresh_token_prefix = prefix.into();
        self
    }

    /// Uses this instead of the system clock, in seconds since the Unix epoch.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the provider on the current tokio runtime.
    ///
    /// # Errors
    /// The address is not on loopback, or the provider cannot listen on it.
    pub async fn start(self) -> Result<DevProvider, StartError> {
        DevProvider::start_from(self).await
    }
}

impl fmt::Debug for DevProviderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevProviderBuilder")
            .field("listen", &self.listen)
            .field("clients", &self.clients)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Why a provider did not start.
#[non_exhaustive]
pub enum StartError {
    /// The address can be reached from other machines. Anybody can sign in as anybody here, so the provider refuses.
    NotLoopback(SocketAddr),
    /// The provider cannot listen on the address.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "the development provider lets anybody sign in as anybody, so it listens on loopback only, \
                 and {address} is not loopback; use 127.0.0.1 or [::1]"
            ),
            Self::Listen { address, .. } => {
                write!(
                    f,
                    "the development provider cannot listen on {address}; is the port taken?"
                )
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotLoopback(_) => None,
            Self::Listen { source, .. } => Some(source),
        }
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_cause(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_a_file_take_the_place_of_alice_and_bob() {
        let people = ["carol", "dave", "carol"].map(Person::new);
        let builder = DevProviderBuilder::new().people(people);
        let subjects: Vec<&str> = builder.people.iter().map(|one| one.sub.as_str()).collect();
        assert_eq!(subjects, ["dave", "carol"]);
    }
}
