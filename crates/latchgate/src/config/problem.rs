//! What can be wrong with a setting, and what would be right.

use std::fmt;

use crate::authorization::{AuthorizationDetailsError, ClaimsRequestError, ParameterError};
use crate::io::{RandomError, ReqwestClientError};
use crate::jose::{
    Algorithm, AlgorithmError, EncryptionAlgorithmError, KeyManagement, PrivateKeyError,
};
use crate::provider::{ClaimPathError, IssuerError};
use crate::seal::KeyError;
use crate::store::StoreError;

/// What is wrong with a setting.
#[non_exhaustive]
pub enum Problem {
    /// It is required.
    Missing,
    /// It is not an absolute URL.
    NotAUrl,
    /// It is plain http to a host that is not loopback.
    NotHttps,
    /// It has a query, a fragment or a user name.
    Decorated,
    /// The base URL ends in the path of the redirect URI.
    CallbackUrl,
    /// It is not an issuer identifier.
    Issuer(IssuerError),
    /// The client has neither a secret nor another way to authenticate.
    NoClientAuth,
    /// It is set for a client that authenticates by a method that does not use it.
    WithoutUse {
        /// The method.
        method: &'static str,
    },
    /// It is not an origin.
    NotAnOrigin,
    /// It says something about what another setting switches on, which is not set.
    NoEffectWithout {
        /// The other setting.
        setting: &'static str,
    },
    /// A private key cannot be used.
    PrivateKey(PrivateKeyError),
    /// It is not an algorithm of encrypted tokens.
    EncryptionAlgorithm(EncryptionAlgorithmError),
    /// No key decrypts what is configured to be encrypted.
    NoDecryptionKey {
        /// The algorithm of the missing key.
        alg: KeyManagement,
    },
    /// A key decrypts, but nothing is configured to be encrypted.
    NothingEncrypted,
    /// The client authenticates by a certificate, or its tokens are bound to one, and there is none.
    NoClientCertificate,
    /// The client's certificate cannot be presented.
    ClientCertificate(ReqwestClientError),
    /// A certificate is set beside an HTTP client of the application's own.
    CertificateBesideHttpClient,
    /// Tokens are to be bound to a key and to a certificate.
    BoundTwice,
    /// `private_key_jwt` needs a key.
    NoClientKey,
    /// The client's key or secret cannot sign with it.
    UnfitAlgorithm {
        /// The algorithm.
        alg: Algorithm,
    },
    /// The client secret is too short for the algorithm it signs with.
    ShortSecret {
        /// The algorithm.
        alg: Algorithm,
        /// The least length, in bytes.
        bytes: usize,
    },
    /// It is not one of the accepted words.
    Word {
        /// The words that are accepted.
        accepted: &'static str,
    },
    /// It names a store from another crate, which was not passed to [`Settings::stores`](crate::Settings::stores).
    StoreElsewhere,
    /// The store's URL cannot be used.
    Store(StoreError),
    /// The scope lacks `openid`.
    NoOpenidScope,
    /// It is not an absolute URI without a fragment.
    Resource,
    /// A parameter cannot be set by hand.
    Parameter(ParameterError),
    /// An HMAC algorithm needs a client secret.
    SymmetricWithoutSecret,
    /// Access tokens are never signed with a shared secret.
    SymmetricAccessTokens,
    /// Introspection needs a client that authenticates.
    IntrospectionWithoutClient,
    /// It is not a signature algorithm.
    Algorithm(AlgorithmError),
    /// A session key cannot be used.
    Key {
        /// Which one, counted from 1.
        position: usize,
        /// Why.
        problem: KeyError,
    },
    /// An application that is reachable from elsewhere needs keys that outlive the process.
    NoSessionKeys,
    /// It is not a duration.
    Duration,
    /// It is neither a number of seconds nor a duration.
    Seconds,
    /// The idle lifetime is zero or longer than the absolute one.
    Lifetimes,
    /// It is shorter than a minute.
    Interval,
    /// It is shorter than a minute or longer than a year.
    VisitorLifetime,
    /// It is longer than 60 seconds.
    Leeway,
    /// It is not a plain absolute path.
    Path,
    /// Two routes have the same path.
    Collision,
    /// It is not a cookie name.
    CookieName,
    /// The base URL is too long to be part of it.
    LongBaseUrl,
    /// It contradicts the security profile.
    Profile {
        /// What would be right.
        cure: &'static str,
    },
    /// There is no key to sign with.
    NoSigningKey,
    /// It is not a `claims` parameter.
    Claims(ClaimsRequestError),
    /// They are not authorization details.
    AuthorizationDetails(AuthorizationDetailsError),
    /// It is not a claim path.
    ClaimPath(ClaimPathError),
    /// The file cannot be read.
    File(std::io::Error),
    /// The value is not Unicode text.
    NotText,
    /// The HTTP client cannot be built.
    HttpClient(ReqwestClientError),
    /// The random generator failed.
    Random(RandomError),
    /// The value in the TOML table has the wrong type.
    Kind {
        /// What it should be.
        expected: &'static str,
    },
    /// There is no such setting.
    Unknown {
        /// The setting that was probably meant, as an environment variable or a TOML key.
        nearest: Option<String>,
    },
    /// It is not an endpoint that may be called.
    Endpoint,
    /// It is set although it is found in the provider's metadata.
    Discovered,
    /// It is not a list of claims and where they come from.
    ClaimMapping,
    /// It is not a list of parameters and their values.
    Parameters,
    /// Not one tenant would be kept.
    TenantCapacity,
    /// It is less than a second, or more than a day.
    TenantAge,
    /// It is not a name for a provider.
    ProviderName,
    /// Two providers of a gate have the same.
    TwoProviders,
    /// It is empty or too long.
    Label,
    /// It is not a domain.
    EmailDomain,
    /// It is set beside providers that have settings of their own.
    BesideProviders,
    /// It is a setting of a provider that is not in `LATCHGATE_PROVIDERS`.
    UnlistedProvider,
    /// It is not shared with other nodes.
    SharesNothing,
    /// The TOML text cannot be read.
    Toml {
        /// Why; of the text it shows only names of settings.
        message: String,
    },
}

impl Problem {
    /// The cause, where its sentence does not already contain it.
    pub(super) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(source) => Some(source),
            Self::HttpClient(source) | Self::ClientCertificate(source) => {
                std::error::Error::source(source)
            }
            Self::Store(source) => std::error::Error::source(source).or(Some(source)),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required but missing or empty"),
            Self::NotAUrl => f.write_str("is not an absolute URL; write it like `https://app.example.com`"),
            Self::NotHttps => f.write_str("is not https; give the https URL that people see, even if a proxy terminates TLS (plain http is accepted on loopback only: 127.0.0.1, [::1], localhost)"),
            Self::CallbackUrl => f.write_str("ends in the path of the redirect URI, which is added to it; give only the URL of the application"),
            Self::Decorated => f.write_str("has a query, a fragment or a user name; give only scheme, host, port and path"),
            Self::Issuer(problem) => problem.fmt(f),
            Self::NoClientAuth => f.write_str("is missing; set the secret, or a key for `client_auth = private_key_jwt`, or declare a public client with `client_auth = none`"),
            Self::NotAnOrigin => f.write_str("is not a list of origins such as `https://admin.example.com`: a scheme and a host, and a port if it is not the usual one"),
            Self::NoEffectWithout { setting } => write!(f, "has no effect without `{setting}`; set that as well, or remove this"),
            Self::WithoutUse { method } => write!(f, "is set although `client_auth` is `{method}`, which does not use it; remove one of them"),
            Self::PrivateKey(problem) => problem.fmt(f),
            Self::EncryptionAlgorithm(problem) => problem.fmt(f),
            Self::NoDecryptionKey { alg } => write!(f, "has no key for {alg}, with which tokens are encrypted; give the path of one, as PEM or JSON Web Key: RSA for RSA-OAEP, P-256, P-384 or P-521 for ECDH-ES"),
            Self::NothingEncrypted => f.write_str("is set, but nothing is configured to be encrypted; set `id_token_encryption_alg` or `userinfo_encryption_alg`, or remove it"),
            Self::NoClientCertificate => f.write_str("is required because the client authenticates by its certificate, or its tokens are bound to it; give the path of a PEM file"),
            Self::ClientCertificate(_) => f.write_str("cannot be presented: it has to be PEM (`-----BEGIN CERTIFICATE-----`), with the private key that belongs to it in the same file or in `client_key_file`"),
            Self::CertificateBesideHttpClient => f.write_str("is set, but the application brings its own HTTP client, which has to present the certificate itself; remove one of them"),
            Self::BoundTwice => f.write_str("is set together with `dpop`, but tokens are bound either to a key or to the certificate; leave out one of them"),
            Self::NoClientKey => f.write_str("is required because `client_auth` is `private_key_jwt`; give the path of a private key, as PEM or JSON Web Key"),
            Self::UnfitAlgorithm { alg } if alg.is_symmetric() => write!(f, "is {alg}, which the client's key cannot sign with; leave it out to use the key's own algorithm"),
            Self::UnfitAlgorithm { alg } => write!(f, "is {alg}, which the client's key cannot sign with; leave it out to use the key's own, or with a client secret use HS256, HS384 or HS512"),
            Self::ShortSecret { alg, bytes } => write!(f, "is too short to sign with {alg}, which needs {bytes} bytes (RFC 7518 §3.2); have the provider make a longer one"),
            Self::Word { accepted } => write!(f, "is not one of: {accepted}"),
            Self::StoreElsewhere => f.write_str("names a store from another crate; pass that crate's opener to the settings: `Settings::from_env().stores(&[latchgate_redis::open, latchgate_postgres::open]).build()?`"),
            Self::Store(_) => f.write_str("cannot be used"),
            Self::NoOpenidScope => f.write_str("lacks `openid`, which every login needs; separate the values by spaces, as in the default `openid profile email`"),
            Self::Resource => f.write_str("is not an absolute URI without a fragment (RFC 8707 §2); write it like `https://api.example.com`"),
            Self::Parameter(problem) => problem.fmt(f),
            Self::SymmetricWithoutSecret => f.write_str("is an HMAC algorithm, which needs a client secret; set `client_secret`, or use an algorithm such as `RS256` or `ES256`"),
            Self::SymmetricAccessTokens => f.write_str("is an HMAC algorithm, but access tokens are never signed with a shared secret; use one such as `RS256` or `ES256`"),
            Self::IntrospectionWithoutClient => f.write_str("needs a client that authenticates; set `client_id` and `client_secret`"),
            Self::Algorithm(problem) => problem.fmt(f),
            Self::Key { position, problem } => write!(f, "has an unusable key at position {position}: {problem}"),
            Self::NoSessionKeys => f.write_str("is required unless the application is on loopback; make a key with `openssl rand -base64 32`"),
            Self::Duration => f.write_str("is not a duration; write a whole number followed by s, m, h or d, such as `30m` or `12h`"),
            Self::Seconds => f.write_str("is neither a number of seconds, such as `300`, nor a duration, such as `5m` or `12h`"),
            Self::Interval => f.write_str("must be at least one minute, such as `1h`: it is how often a visitor is sent to the provider and back"),
            Self::Lifetimes => f.write_str("must be at least one second and at most `session_absolute`"),
            Self::VisitorLifetime => f.write_str("must be at least one minute and at most 365 days, such as `30d`"),
            Self::Leeway => f.write_str("must be at most 60 seconds; if a clock is further off, correct the clock"),
            Self::Path => f.write_str("is not a plain absolute path such as `/login`"),
            Self::Collision => f.write_str("is also the path of another route; every route needs its own"),
            Self::CookieName => f.write_str("is not 1 to 64 letters, digits, `-` or `_`; the `__Host-` prefix is added where it applies"),
            Self::LongBaseUrl => f.write_str("would be longer than 64 characters because it contains the path of `base_url`; set it yourself"),
            Self::Profile { cure } => write!(f, "contradicts the security profile (setting `profile`); {cure}"),
            Self::NoSigningKey => f.write_str("needs the client's key; authenticate with `private_key_jwt`, or leave it at `auto`"),
            Self::Claims(problem) => problem.fmt(f),
            Self::AuthorizationDetails(problem) => problem.fmt(f),
            Self::ClaimPath(problem) => problem.fmt(f),
            Self::File(_) => f.write_str("names a file that cannot be read"),
            Self::NotText => f.write_str("is not valid UTF-8"),
            Self::HttpClient(problem) => problem.fmt(f),
            Self::Random(problem) => problem.fmt(f),
            Self::Kind { expected } => write!(f, "has a value of the wrong type; write {expected}"),
            Self::Unknown { nearest: Some(nearest) } => write!(f, "is not a setting of latchgate; did you mean `{nearest}`?"),
            Self::Unknown { nearest: None } => f.write_str("is not a setting of latchgate; remove it, or look it up in the documentation of `latchgate::Settings`, which lists them all"),
            Self::Endpoint => f.write_str("is not an https URL, or has a user name; plain http is accepted for an issuer on loopback only"),
            Self::Discovered => f.write_str("is set together with `discovery = oauth2`, which finds it in the provider's metadata; remove one of them"),
            Self::Parameters => f.write_str("is not a list of parameters and their values, such as `access_type=offline, hd=example.com`"),
            Self::ClaimMapping => f.write_str("is not a list of claims and where they come from, such as `sub=id, name=profile > name`"),
            Self::TenantCapacity => f.write_str("keeps no tenant in memory; give `capacity` at least 1"),
            Self::TenantAge => f.write_str("has a `max_age` of less than a second or more than a day"),
            Self::ProviderName => f.write_str("is not a name for one of several providers; give each its own, of 1 to 32 lower-case letters, digits or `-`, beginning with a letter, and not `initiate`"),
            Self::TwoProviders => f.write_str("is also that of another provider; give each its own"),
            Self::Label => f.write_str("is empty or longer than 100 bytes; write what people know the provider by, or leave it out"),
            Self::EmailDomain => f.write_str("is not a domain such as `corp.example`, without `@`"),
            Self::BesideProviders => f.write_str("is set beside `providers`, so it is not clear which provider it is for; set it for each of them, such as `client_id` in the table `[providers.github]`, or the variable LATCHGATE_PROVIDER_GITHUB_CLIENT_ID"),
            Self::UnlistedProvider => f.write_str("belongs to no provider in LATCHGATE_PROVIDERS; add its name there, as `google,github`, or remove the variable"),
            Self::SharesNothing => f.write_str("does not name a store that other nodes share; give the URL of one, such as `redis://…`, or remove it, because each process remembers its own logouts anyway"),
            Self::Toml { message } => write!(f, "cannot be read: {message}"),
        }
    }
}

/// Reads like its `Display`.
impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
