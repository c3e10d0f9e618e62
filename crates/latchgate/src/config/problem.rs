//! What can be wrong with a setting, and what would be right.

use super::names::SETTINGS;
use crate::authorization::{AuthorizationDetailsError, ClaimsRequestError, ParameterError};
use crate::io::{RandomError, ReqwestClientError};
use crate::jose::{
    Algorithm, AlgorithmError, EncryptionAlgorithmError, KeyManagement, PrivateKeyError,
};
use crate::provider::{ClaimPathError, IssuerError};
use crate::seal::KeyError;
use crate::store::StoreError;

/// What is wrong with a setting.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is required.
    #[error("is required but missing or empty")]
    Missing,
    /// It is not an absolute URL.
    #[error("is not an absolute URL; write it like `https://app.example.com`")]
    NotAUrl,
    /// It is plain http to a host that is not loopback.
    #[error(
        "is not https; give the https URL that people see, even if a proxy terminates TLS (plain http is accepted on loopback only: 127.0.0.1, [::1], localhost)"
    )]
    NotHttps,
    /// It has a query, a fragment or a user name.
    #[error("has a query, a fragment or a user name; give only scheme, host, port and path")]
    Decorated,
    /// The base URL ends in the path of the redirect URI.
    #[error(
        "ends in the path of the redirect URI, which is added to it; give only the URL of the application"
    )]
    CallbackUrl,
    /// It is not an issuer identifier.
    #[error("{0}")]
    Issuer(IssuerError),
    /// The client has neither a secret nor another way to authenticate.
    #[error(
        "is missing; set the secret, or a key for `client_auth = private_key_jwt`, or declare a public client with `client_auth = none`"
    )]
    NoClientAuth,
    /// It is set for a client that authenticates by a method that does not use it.
    #[error(
        "is set although `client_auth` is `{method}`, which does not use it; remove one of them"
    )]
    WithoutUse {
        /// The method.
        method: &'static str,
    },
    /// It is not an origin.
    #[error(
        "is not a list of origins such as `https://admin.example.com`: a scheme and a host, and a port if it is not the usual one"
    )]
    NotAnOrigin,
    /// It says something about what another setting switches on, which is not set.
    #[error("has no effect without `{setting}`; set that as well, or remove this")]
    NoEffectWithout {
        /// The other setting.
        setting: &'static str,
    },
    /// A private key cannot be used.
    #[error("{0}")]
    PrivateKey(PrivateKeyError),
    /// It is not an algorithm of encrypted tokens.
    #[error("{0}")]
    EncryptionAlgorithm(EncryptionAlgorithmError),
    /// No key decrypts what is configured to be encrypted.
    #[error(
        "has no key for {alg}, with which tokens are encrypted; give the path of one, as PEM or JSON Web Key: RSA for RSA-OAEP, P-256, P-384 or P-521 for ECDH-ES"
    )]
    NoDecryptionKey {
        /// The algorithm of the missing key.
        alg: KeyManagement,
    },
    /// A key decrypts, but nothing is configured to be encrypted.
    #[error(
        "is set, but nothing is configured to be encrypted; set `id_token_encryption_alg` or `userinfo_encryption_alg`, or remove it"
    )]
    NothingEncrypted,
    /// The client authenticates by a certificate, or its tokens are bound to one, and there is none.
    #[error(
        "is required because the client authenticates by its certificate, or its tokens are bound to it; give the path of a PEM file"
    )]
    NoClientCertificate,
    /// The client's certificate cannot be presented.
    #[error(
        "cannot be presented: it has to be PEM (`-----BEGIN CERTIFICATE-----`), with the private key that belongs to it in the same file or in `client_key_file`"
    )]
    ClientCertificate(ReqwestClientError),
    /// A certificate is set beside an HTTP client of the application's own.
    #[error(
        "is set, but the application brings its own HTTP client, which has to present the certificate itself; remove one of them"
    )]
    CertificateBesideHttpClient,
    /// Tokens are to be bound to a key and to a certificate.
    #[error(
        "is set together with `dpop`, but tokens are bound either to a key or to the certificate; leave out one of them"
    )]
    BoundTwice,
    /// `private_key_jwt` needs a key.
    #[error(
        "is required because `client_auth` is `private_key_jwt`; give the path of a private key, as PEM or JSON Web Key"
    )]
    NoClientKey,
    /// The client's key or secret cannot sign with it.
    #[error("is {alg}, which the client's key cannot sign with; leave it out to use the key's own{}", signing_otherwise(*.alg))]
    UnfitAlgorithm {
        /// The algorithm.
        alg: Algorithm,
    },
    /// The client secret is too short for the algorithm it signs with.
    #[error(
        "is too short to sign with {alg}, which needs {bytes} bytes (RFC 7518 §3.2); have the provider make a longer one"
    )]
    ShortSecret {
        /// The algorithm.
        alg: Algorithm,
        /// The least length, in bytes.
        bytes: usize,
    },
    /// It is not one of the accepted words.
    #[error("is not one of: {accepted}")]
    Word {
        /// The words that are accepted.
        accepted: String,
    },
    /// It names a store from another crate, which was not passed to [`Settings::stores`](crate::Settings::stores).
    #[error(
        "names a store from another crate; pass that crate's opener to the settings: `Settings::from_env().stores(&[latchgate_redis::open, latchgate_postgres::open]).build()?`"
    )]
    StoreElsewhere,
    /// The store's URL cannot be used.
    #[error("cannot be used")]
    Store(StoreError),
    /// The scope lacks `openid`.
    #[error(
        "lacks `openid`, which every login needs; separate the values by spaces, as in the default `openid profile email`"
    )]
    NoOpenidScope,
    /// It is not an absolute URI without a fragment.
    #[error(
        "is not an absolute URI without a fragment (RFC 8707 §2); write it like `https://api.example.com`"
    )]
    Resource,
    /// A parameter cannot be set by hand.
    #[error("{0}")]
    Parameter(ParameterError),
    /// An HMAC algorithm needs a client secret.
    #[error(
        "is an HMAC algorithm, which needs a client secret; set `client_secret`, or use an algorithm such as `RS256` or `ES256`"
    )]
    SymmetricWithoutSecret,
    /// Access tokens are never signed with a shared secret.
    #[error(
        "is an HMAC algorithm, but access tokens are never signed with a shared secret; use one such as `RS256` or `ES256`"
    )]
    SymmetricAccessTokens,
    /// Introspection needs a client that authenticates.
    #[error("needs a client that authenticates; set `client_id` and `client_secret`")]
    IntrospectionWithoutClient,
    /// It is not a signature algorithm.
    #[error("{0}")]
    Algorithm(AlgorithmError),
    /// A session key cannot be used.
    #[error("has an unusable key at position {position}: {problem}")]
    Key {
        /// Which one, counted from 1.
        position: usize,
        /// Why.
        problem: KeyError,
    },
    /// An application that is reachable from elsewhere needs keys that outlive the process.
    #[error(
        "is required unless the application is on loopback; make a key with `openssl rand -base64 32`"
    )]
    NoSessionKeys,
    /// It is not a duration.
    #[error(
        "is not a duration; write a whole number followed by s, m, h or d, such as `30m` or `12h`"
    )]
    Duration,
    /// It is neither a number of seconds nor a duration.
    #[error("is neither a number of seconds, such as `300`, nor a duration, such as `5m` or `12h`")]
    Seconds,
    /// The idle lifetime is zero or longer than the absolute one.
    #[error("must be at least one second and at most `session_absolute`")]
    Lifetimes,
    /// It is shorter than a minute.
    #[error(
        "must be at least one minute, such as `1h`: it is how often a visitor is sent to the provider and back"
    )]
    Interval,
    /// It is shorter than a minute or longer than a year.
    #[error("must be at least one minute and at most 365 days, such as `30d`")]
    VisitorLifetime,
    /// It is longer than 60 seconds.
    #[error("must be at most 60 seconds; if a clock is further off, correct the clock")]
    Leeway,
    /// It is not a plain absolute path.
    #[error("is not a plain absolute path such as `/login`")]
    Path,
    /// Two routes have the same path.
    #[error("is also the path of another route; every route needs its own")]
    Collision,
    /// It is not a cookie name.
    #[error(
        "is not 1 to 64 letters, digits, `-` or `_`; the `__Host-` prefix is added where it applies"
    )]
    CookieName,
    /// The base URL is too long to be part of it.
    #[error(
        "would be longer than 64 characters because it contains the path of `base_url`; set it yourself"
    )]
    LongBaseUrl,
    /// It contradicts the security profile.
    #[error("contradicts the security profile (setting `profile`); {cure}")]
    Profile {
        /// What would be right.
        cure: &'static str,
    },
    /// There is no key to sign with.
    #[error("needs the client's key; authenticate with `private_key_jwt`, or leave it at `auto`")]
    NoSigningKey,
    /// It is not a `claims` parameter.
    #[error("{0}")]
    Claims(ClaimsRequestError),
    /// They are not authorization details.
    #[error("{0}")]
    AuthorizationDetails(AuthorizationDetailsError),
    /// It is not a claim path.
    #[error("{0}")]
    ClaimPath(ClaimPathError),
    /// The file cannot be read.
    #[error("names a file that cannot be read")]
    File(std::io::Error),
    /// The value is not Unicode text.
    #[error("is not valid UTF-8")]
    NotText,
    /// The HTTP client cannot be built.
    #[error("{0}")]
    HttpClient(ReqwestClientError),
    /// The random generator failed.
    #[error("{0}")]
    Random(RandomError),
    /// The value in the TOML table has the wrong type.
    #[error("has a value of the wrong type; write {expected}")]
    Kind {
        /// What it should be.
        expected: &'static str,
    },
    /// There is no such setting.
    #[error("is not a setting of latchgate; {}", instead(.nearest.as_deref()))]
    Unknown {
        /// The setting that was probably meant, as an environment variable or a TOML key.
        nearest: Option<String>,
    },
    /// It is not an endpoint that may be called.
    #[error(
        "is not an https URL, or has a user name; plain http is accepted for an issuer on loopback only"
    )]
    Endpoint,
    /// It is set although it is found in the provider's metadata.
    #[error(
        "is set together with `discovery = oauth2`, which finds it in the provider's metadata; remove one of them"
    )]
    Discovered,
    /// It is not a list of claims and where they come from.
    #[error(
        "is not a list of claims and where they come from, such as `sub=id, name=profile > name`"
    )]
    ClaimMapping,
    /// It is not a list of parameters and their values.
    #[error(
        "is not a list of parameters and their values, such as `access_type=offline, hd=example.com`"
    )]
    Parameters,
    /// Not one tenant would be kept.
    #[error("keeps no tenant in memory; give `capacity` at least 1")]
    TenantCapacity,
    /// It is less than a second, or more than a day.
    #[error("has a `max_age` of less than a second or more than a day")]
    TenantAge,
    /// It is not a name for a provider.
    #[error(
        "is not a name for one of several providers; give each its own, of 1 to 32 lower-case letters, digits or `-`, beginning with a letter, and not `initiate`"
    )]
    ProviderName,
    /// Two providers of a gate have the same.
    #[error("is also that of another provider; give each its own")]
    TwoProviders,
    /// It is empty or too long.
    #[error(
        "is empty or longer than 100 bytes; write what people know the provider by, or leave it out"
    )]
    Label,
    /// It is not a domain.
    #[error("is not a domain such as `corp.example`, without `@`")]
    EmailDomain,
    /// It is set beside providers that have settings of their own.
    #[error(
        "is set beside `providers`, so it is not clear which provider it is for; set it for each of them, such as `client_id` in the table `[providers.github]`, or the variable LATCHGATE_PROVIDER_GITHUB_CLIENT_ID"
    )]
    BesideProviders,
    /// It is a setting of a provider that is not in `LATCHGATE_PROVIDERS`.
    #[error(
        "belongs to no provider in LATCHGATE_PROVIDERS; add its name there, as `google,github`, or remove the variable"
    )]
    UnlistedProvider,
    /// It is not shared with other nodes.
    #[error(
        "does not name a store that other nodes share; give the URL of one, such as `redis://…`, or remove it, because each process remembers its own logouts anyway"
    )]
    SharesNothing,
    /// The TOML text cannot be read.
    #[error("cannot be read: {message}")]
    Toml {
        /// Why; of the text it shows only names of settings.
        message: String,
    },
}

impl Problem {
    /// The problem with an unknown name; `spell` turns a setting's name into the spelling of its source.
    pub(crate) fn unknown(name: &str, spell: impl Fn(&str) -> String) -> Self {
        let name = name.to_lowercase().replace('-', "_");
        let close = |known: &str| {
            let distance = strsim::damerau_levenshtein(&name, known);
            let is_part = name.len() > 2 && known.contains(&name);
            (is_part || distance <= 1 + name.len() / 4).then_some(distance)
        };
        let known = SETTINGS.iter().map(|setting| setting.name);
        let near = known.filter_map(|known| Some((close(known)?, known)));
        let nearest = near.min().map(|(_, known)| known);
        Self::Unknown {
            nearest: nearest.or(elsewhere(&name)).map(spell),
        }
    }

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

debug_with_causes!(Problem);

fn signing_otherwise(alg: Algorithm) -> &'static str {
    match alg.is_symmetric() {
        true => " algorithm",
        false => ", or with a client secret use HS256, HS384 or HS512",
    }
}

fn instead(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "remove it, or look it up in the documentation of `latchgate::Settings`, which lists them all".to_owned(),
    }
}

/// The setting that goes by this name in other libraries.
fn elsewhere(name: &str) -> Option<&'static str> {
    Some(match name {
        "app_url" | "public_url" | "redirect_uri" | "redirect_url" | "callback_url" => "base_url",
        "authority" | "domain" | "discovery_url" | "provider_url" => "issuer",
        "cookie_key" | "cookie_secret" | "encryption_key" | "secret_key" | "session_secret" => {
            "session_keys"
        }
        "database_url" | "redis_url" | "session_store" => "store",
        _ => return None,
    })
}
