//! What can be wrong with a setting, and what would be right.

use std::fmt;

use crate::authorization::ParameterError;
use crate::jose::AlgorithmError;
use crate::outside::{RandomError, ReqwestClientError};
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
    /// The issuer is not one.
    Issuer(IssuerError),
    /// Nobody said how the client authenticates.
    NoClientAuth,
    /// A client secret is given to a client that uses none.
    SecretWithoutUse,
    /// It is none of the accepted words.
    Word {
        /// The words that are accepted.
        accepted: &'static str,
    },
    /// It needs a part of this crate that this version does not have.
    NotInThisVersion,
    /// It names a store that is in another crate, which nobody has given to [`Settings::stores`](crate::Settings::stores).
    StoreElsewhere,
    /// The store's URL cannot be used.
    Store(StoreError),
    /// The scope lacks `openid`.
    NoOpenidScope,
    /// It is not an absolute URI without fragment.
    Resource,
    /// A parameter cannot be set by hand.
    Parameter(ParameterError),
    /// An HMAC algorithm needs a client secret.
    SymmetricWithoutSecret,
    /// It is no signature algorithm.
    Algorithm(AlgorithmError),
    /// A session key is unusable.
    Key {
        /// Which one, counted from 1.
        position: usize,
        /// Why.
        problem: KeyError,
    },
    /// An application that is reachable from elsewhere needs keys that outlive the process.
    NoSessionKeys,
    /// It is no duration.
    Duration,
    /// It is neither a number of seconds nor a duration.
    Seconds,
    /// The idle lifetime is zero or longer than the absolute one.
    Lifetimes,
    /// It is longer than 60 seconds.
    Leeway,
    /// It is no plain absolute path.
    Path,
    /// Two routes have the same path.
    Collision,
    /// It is no cookie name.
    CookieName,
    /// The base URL is too long to be in it.
    LongBaseUrl,
    /// It is no claim path.
    ClaimPath(ClaimPathError),
    /// The file cannot be read.
    File(std::io::Error),
    /// The value is not Unicode text.
    NotText,
    /// The HTTP client cannot be built.
    HttpClient(ReqwestClientError),
    /// The random generator failed.
    Random(RandomError),
    /// The value in the TOML table is of another kind.
    Kind {
        /// What it should be.
        expected: &'static str,
    },
    /// There is no such setting.
    Unknown {
        /// The one that may be meant, spelled as an environment variable or as in a TOML table.
        nearest: Option<String>,
    },
    /// No other node sees what is kept there.
    SharesNothing,
    /// The TOML text cannot be read.
    Toml {
        /// Why; shows nothing of the text but the names of settings.
        message: String,
    },
}

impl Problem {
    /// What is behind it, beyond what its own sentence says.
    pub(super) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(source) => Some(source),
            Self::HttpClient(source) => std::error::Error::source(source),
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
            Self::NotHttps => f.write_str("is not https; plain http is accepted on loopback only (127.0.0.1, [::1], localhost)"),
            Self::Decorated => f.write_str("has a query, a fragment or a user name; it is scheme, host, port and path only"),
            Self::Issuer(problem) => problem.fmt(f),
            Self::NoClientAuth => f.write_str("is missing; give the secret, or declare a public client by `client_auth = none`"),
            Self::SecretWithoutUse => f.write_str("is set although `client_auth` is `none`; remove one of them"),
            Self::Word { accepted } => write!(f, "is none of: {accepted}"),
            Self::NotInThisVersion => f.write_str("asks for something this version of latchgate does not do yet; leave it out"),
            Self::StoreElsewhere => f.write_str("names a store of another crate; give it to the settings: `Settings::from_env().stores(&[latchgate_redis::open, latchgate_postgres::open]).build()?`"),
            Self::Store(_) => f.write_str("cannot be used"),
            Self::NoOpenidScope => f.write_str("lacks `openid`, without which there is no login; the default is `openid profile email`"),
            Self::Resource => f.write_str("is not an absolute URI without fragment (RFC 8707 §2)"),
            Self::Parameter(problem) => problem.fmt(f),
            Self::SymmetricWithoutSecret => f.write_str("is an HMAC algorithm, which needs a client secret"),
            Self::Algorithm(problem) => problem.fmt(f),
            Self::Key { position, problem } => write!(f, "has an unusable key at position {position}: {problem}"),
            Self::NoSessionKeys => f.write_str("is required when the application is not on loopback; make one with `openssl rand -base64 32`"),
            Self::Duration => f.write_str("is not a duration; write a whole number and s, m, h or d, such as `30m` or `12h`"),
            Self::Seconds => f.write_str("is neither a number of seconds, such as `300`, nor a duration, such as `5m` or `12h`"),
            Self::Lifetimes => f.write_str("must be at least one second and at most `session_absolute`"),
            Self::Leeway => f.write_str("is longer than 60 seconds"),
            Self::Path => f.write_str("is not a plain absolute path such as `/login`"),
            Self::Collision => f.write_str("is the path of another route as well; every route needs its own"),
            Self::CookieName => f.write_str("is not 1 to 64 letters, digits, `-` or `_`; the `__Host-` prefix is added where it applies"),
            Self::LongBaseUrl => f.write_str("would be longer than 64 characters with the path of `base_url` in it; set it yourself"),
            Self::ClaimPath(problem) => problem.fmt(f),
            Self::File(_) => f.write_str("names a file that cannot be read"),
            Self::NotText => f.write_str("is not valid UTF-8"),
            Self::HttpClient(problem) => problem.fmt(f),
            Self::Random(problem) => problem.fmt(f),
            Self::Kind { expected } => write!(f, "has a value of another kind; it is {expected}"),
            Self::Unknown { nearest: Some(nearest) } => write!(f, "is no setting of latchgate; did you mean `{nearest}`?"),
            Self::Unknown { nearest: None } => f.write_str("is no setting of latchgate; remove it, or look it up in the README, which lists them all"),
            Self::SharesNothing => f.write_str("names no store that other nodes see; give the URL of one, such as `redis://…`, or leave it out: what this process ends, it remembers anyway"),
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
