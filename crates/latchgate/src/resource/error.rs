//! Why a request's access token was refused, and the error code of
//! [RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1) for it.

use super::dpop::DpopProofError;
use crate::jose::JwsError;

/// Why the access token of a request was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// The request has several `Authorization` headers.
    #[error("the request has several `Authorization` headers; send one")]
    Several,
    /// The `Authorization` or `DPoP` header cannot be read.
    #[error(
        "the `Authorization` or `DPoP` header cannot be read; send `Authorization: Bearer` and one token of at most 16 KiB"
    )]
    Malformed,
    /// Structure or signature.
    #[error("the access token's signature cannot be verified")]
    Jws(#[source] JwsError),
    /// `typ` is not that of an access token.
    #[error(
        "the access token's `typ` is not `at+jwt` (RFC 9068 §2.1); if this authorization server sends `JWT`, set its preset or `api_token_types = jwt`"
    )]
    Type,
    /// Its claims are those of an ID token or another kind of token.
    #[error(
        "the token is not marked as an access token: it has claims of an ID token, or neither a scope nor a client"
    )]
    OtherKind,
    /// `iss` is not the configured issuer.
    #[error("the access token's `iss` is not the configured issuer")]
    Issuer,
    /// `aud` does not contain the audience of this API.
    #[error("the access token's `aud` does not contain the configured audience of this API")]
    Audience,
    /// `exp` is missing or in the past.
    #[error("the access token's `exp` is missing or in the past; check both clocks")]
    Expired,
    /// `iat` is missing or in the future.
    #[error("the access token's `iat` is missing or in the future; check both clocks")]
    IssuedAt,
    /// `nbf` is in the future.
    #[error("the access token's `nbf` is in the future")]
    NotBefore,
    /// A required claim is missing, empty, or of the wrong type.
    #[error("the access token has no usable `{name}`")]
    Claim {
        /// Its name.
        name: &'static str,
    },
    /// It is not a JWT, and introspection is not configured.
    #[error("the access token is not a JWT; to accept opaque tokens, configure introspection")]
    Opaque,
    /// The authorization server says that it is not active.
    #[error("the access token has expired, was revoked, or is unknown to its issuer")]
    Inactive,
    /// `cnf` binds it in a way that cannot be checked.
    #[error("the access token's `cnf` has no member that can be checked")]
    Confirmation,
    /// It is bound to a key and was presented without proof of possession, as a plain bearer token.
    #[error("the access token is bound to a key; present it with the scheme `DPoP` and a proof")]
    ProofMissing,
    /// It was presented with the scheme `DPoP` but is not bound to a key.
    #[error("the access token is not bound to a key; present it with the scheme `Bearer`")]
    NotBound,
    /// It is bound to nothing, and this API requires that.
    #[error(
        "the access token is bound neither to a key nor to a certificate, which this API requires"
    )]
    BindingRequired,
    /// It is bound to a certificate, and the connection has none or another one.
    #[error(
        "the access token is bound to a certificate that the client has not presented; behind a proxy, put its `CertificateThumbprint` into the request's extensions"
    )]
    Certificate,
    /// It is bound to a key, and this API does not know its own URL to check the proof against.
    #[error(
        "the access token is bound to a key, but the URL of this API is unknown; set `base_url` to check proofs"
    )]
    NoBaseUrl,
    /// The DPoP proof was refused.
    #[error("the DPoP proof was refused")]
    Proof(#[source] DpopProofError),
}

impl BearerError {
    /// Whether newer keys from the authorization server could change the result.
    pub(crate) fn lacks_a_key(&self) -> bool {
        matches!(self, Self::Jws(error) if error.is_unknown_key())
    }

    /// The `error` of the challenge.
    pub(crate) fn error(&self) -> &'static str {
        match self {
            Self::Several | Self::Malformed => "invalid_request",
            // RFC 9449 §9, §7.1.
            Self::Proof(error) if error.is_about_the_nonce() => "use_dpop_nonce",
            Self::Proof(_) => "invalid_dpop_proof",
            _ => "invalid_token",
        }
    }

    /// A code that stays the same from release to release.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Several | Self::Malformed => "authorization_header",
            Self::Jws(_) => "access_token_signature",
            Self::Type | Self::OtherKind => "access_token_typ",
            Self::Issuer => "access_token_iss",
            Self::Audience => "access_token_aud",
            Self::Expired => "access_token_exp",
            Self::IssuedAt => "access_token_iat",
            Self::NotBefore => "access_token_nbf",
            Self::Claim { .. } => "access_token_claim",
            Self::Opaque => "access_token_opaque",
            Self::Inactive => "access_token_inactive",
            Self::Confirmation
            | Self::ProofMissing
            | Self::NotBound
            | Self::BindingRequired
            | Self::Certificate
            | Self::NoBaseUrl => "access_token_binding",
            Self::Proof(error) if error.is_about_the_nonce() => "dpop_nonce",
            Self::Proof(DpopProofError::Replayed) => "dpop_proof_replayed",
            Self::Proof(_) => "dpop_proof",
        }
    }
}

debug_with_causes!(BearerError);
