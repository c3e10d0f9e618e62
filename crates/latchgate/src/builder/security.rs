//! What hardens the protocol: pushed requests, signed requests, bound tokens; each by itself or all by a profile
//! ([FAPI 2.0 Security Profile §5](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5)).

use super::provider::Provider;
use crate::client::{SecurityProfile, Usage};

impl Provider {
    /// Whether each authorization request is sent to the provider first, from here and with client
    /// authentication, so that the browser carries only a reference to it
    /// ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)). By default it is when the provider's metadata
    /// requires it.
    pub fn par(mut self, par: Usage) -> Self {
        self.security.par = par;
        self
    }

    /// Whether authorization requests are signed with the client's key
    /// ([RFC 9101](https://www.rfc-editor.org/rfc/rfc9101)), whether they are pushed or carried by the browser. By
    /// default they are when the provider's metadata requires it. Needs [`client_key`](Self::client_key).
    pub fn signed_requests(mut self, signed: Usage) -> Self {
        self.security.signed_requests = signed;
        self
    }

    /// Whether tokens are bound to a key of each session, so that a stolen access token is useless
    /// ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)). By default they are only when a security profile
    /// requires it: no provider can say in its metadata that it does.
    ///
    /// Every API that the tokens are for has to support it too; [`AccessToken::call`](crate::AccessToken::call)
    /// sends them in either way. A provider that answers with bearer tokens is refused. Sessions that began
    /// before keep the tokens that they have.
    pub fn dpop(mut self, dpop: Usage) -> Self {
        self.security.dpop = dpop;
        self
    }

    /// Has tokens bound to the certificate that the client presents
    /// ([RFC 8705 §3](https://www.rfc-editor.org/rfc/rfc8705#section-3)), so that a stolen access token is useless. Needs
    /// [`client_certificate`](Self::client_certificate), whichever method the client authenticates with, and a provider
    /// whose metadata has `tls_client_certificate_bound_access_tokens`. It has to be enabled for this client at the provider too: no
    /// answer of the provider says what a token is bound to.
    ///
    /// Calls to APIs then have to present the certificate: [`AccessToken::certificate`](crate::AccessToken::certificate).
    pub fn certificate_bound_tokens(mut self) -> Self {
        self.security.certificate_bound = true;
        self
    }

    /// Follows the
    /// [FAPI 2.0 Security Profile](https://openid.net/specs/fapi-security-profile-2_0-final.html): pushed
    /// authorization requests, PKCE, [`client_key`](Self::client_key) or a
    /// [`client_certificate`](Self::client_certificate) as proof, tokens that are bound to a key (DPoP) or to the
    /// certificate ([`certificate_bound_tokens`](Self::certificate_bound_tokens)), `iss` in responses, and signatures by
    /// PS256, ES256 or EdDSA only ([`id_token_alg`](Self::id_token_alg) is PS256 unless set).
    ///
    /// Settings that contradict it are mistakes when the gate is built, and so is metadata when it is fetched: by
    /// [`Gate::warm_up`](crate::Gate::warm_up) or at the first login.
    ///
    /// ```
    /// # use latchgate::{ClientKey, Provider};
    /// # fn provider(key: ClientKey) -> Provider {
    /// Provider::new("https://bank.example.com", "my-app").client_key(key).fapi2()
    /// # }
    /// ```
    pub fn fapi2(mut self) -> Self {
        self.security.profile = SecurityProfile::Fapi2;
        self
    }

    /// Follows [FAPI 2.0 Message Signing](https://openid.net/specs/fapi-message-signing-2_0.html): what
    /// [`fapi2`](Self::fapi2) does, and signed requests (JAR) and responses (JARM,
    /// [`ResponseMode::Jwt`](crate::ResponseMode::Jwt) unless another of that kind is set). Needs
    /// [`client_key`](Self::client_key), which signs the requests too.
    pub fn fapi2_message_signing(mut self) -> Self {
        self.security.profile = SecurityProfile::Fapi2MessageSigning;
        self
    }
}
