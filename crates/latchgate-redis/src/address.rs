//! The URL of a Redis server, parsed and checked before anything connects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use url::Url;

/// The form of a URL.
const SHAPE: &str = "redis://[user:password@]host[:port][/database]";

/// An idle connection is probed after this time, before a firewall or a load balancer forgets it.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How a server is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    Tcp,
    Tls,
    Socket,
}

/// The address of a Redis server. Its `Display` and `Debug` contain neither user nor password.
#[derive(Clone)]
pub(crate) struct Address {
    client: Client,
    road: Road,
    place: Arc<str>,
}

/// Why a URL cannot be used. The text quotes nothing of the URL, because a mistyped password may be in
/// any part of it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not a URL.
    Syntax(url::ParseError),
    /// Its scheme is not one for Redis or Valkey.
    Scheme,
    /// It has no host, or no path to a socket.
    Host,
    /// Its path is not the number of a database.
    Database,
    /// It has a fragment, with which some clients turn off the check of certificates.
    Fragment,
    /// It has an unknown parameter.
    Parameter,
    /// A root certificate was given for a URL without TLS.
    RootCertificateWithoutTls,
    /// The root certificate is not in PEM.
    RootCertificate,
    /// The client library cannot use it.
    Refused,
}

impl Address {
    /// Whether the URL has a scheme of this crate.
    pub(crate) fn is_ours(url: &str) -> bool {
        let scheme = url.trim().split(':').next().unwrap_or_default();
        Road::of(&scheme.to_ascii_lowercase()).is_some()
    }

    /// Parses the URL, without connecting.
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let url = Url::parse(url.trim()).map_err(UrlError::Syntax)?;
        let road = Road::of(url.scheme()).ok_or(UrlError::Scheme)?;
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        let known: &[&str] = match road {
            Road::Socket => &["db", "user", "pass"],
            Road::Tcp | Road::Tls => &[],
        };
        if url.query_pairs().any(|(name, _)| !known.contains(&&*name)) {
            return Err(UrlError::Parameter);
        }
        let host = url.host_str().unwrap_or_default();
        let place = if road == Road::Socket {
            if !host.is_empty() || url.path().len() < 2 {
                return Err(UrlError::Host);
            }
            format!("{}://{}", url.scheme(), url.path())
        } else {
            if host.is_empty() {
                return Err(UrlError::Host);
            }
            let database = match url.path().trim_matches('/') {
                "" => 0,
                number => number.parse::<u16>().map_err(|_| UrlError::Database)?,
            };
            let port = url.port().unwrap_or(DEFAULT_PORT);
            format!("{}://{host}:{port}/{database}", url.scheme())
        };
        let info = url.into_connection_info().map_err(|_| UrlError::Refused)?;
        // Many tasks share one connection, and none should wait for the answer to another.
        let settings = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(TcpKeepalive::new().with_time(KEEP_ALIVE));
        let info = info.set_tcp_settings(settings);
        let client = Client::open(info).map_err(|_| UrlError::Refused)?;
        Ok(Self {
            client,
            road,
            place: place.into(),
        })
    }

    /// The same server, with these root certificates.
    pub(crate) fn trusting(&self, root_pem: &[u8]) -> Result<Self, UrlError> {
        if self.road != Road::Tls {
            return Err(UrlError::RootCertificateWithoutTls);
        }
        if !root_pem
            .windows(PEM_LABEL.len())
            .any(|window| window == PEM_LABEL)
        {
            return Err(UrlError::RootCertificate);
        }
        let info: ConnectionInfo = self.client.get_connection_info().clone();
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: Some(root_pem.to_vec()),
        };
        let client =
            Client::build_with_tls(info, certificates).map_err(|_| UrlError::RootCertificate)?;
        Ok(Self {
            client,
            road: self.road,
            place: Arc::clone(&self.place),
        })
    }

    /// The client that connects.
    pub(crate) fn client(&self) -> Client {
        if self.road == Road::Tls && CryptoProvider::get_default().is_none() {
            // The client library uses the process's provider, and panics when there are several and none is installed.
            // One that the application has installed stays. Losing a race to another thread does no harm.
            drop(aws_lc_rs::default_provider().install_default());
        }
        self.client.clone()
    }
}

const DEFAULT_PORT: u16 = 6379;

const PEM_LABEL: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl Road {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "redis" | "valkey" => Some(Self::Tcp),
            "rediss" | "valkeys" => Some(Self::Tls),
            "redis+unix" | "valkey+unix" if cfg!(unix) => Some(Self::Socket),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(_) => write!(
                f,
                "it is not a URL; write {SHAPE}, with `/`, `?`, `#` and `@` in a password percent-encoded"
            ),
            Self::Scheme => f.write_str(
                "its scheme must be redis, rediss (TLS), redis+unix, valkey, valkeys (TLS) or valkey+unix",
            ),
            Self::Host => write!(
                f,
                "it has no host; write {SHAPE} or redis+unix:///path/to/socket[?db=0]"
            ),
            Self::Database => write!(
                f,
                "its path must be the number of a database; write {SHAPE}, with `/`, `?`, `#` and `@` in a password percent-encoded"
            ),
            Self::Fragment => f.write_str(
                "it has a fragment (`#…`), which is not supported: certificates are always checked; write a `#` in a password as %23",
            ),
            Self::Parameter => f.write_str(
                "it has an unknown parameter: only redis+unix has parameters, which are db, user and pass; write a `?` in a password as %3F",
            ),
            Self::RootCertificateWithoutTls => {
                f.write_str("a root certificate needs a URL with TLS: rediss:// or valkeys://")
            }
            Self::RootCertificate => f.write_str("the root certificate must be a certificate in PEM"),
            Self::Refused => write!(f, "it cannot be used; write {SHAPE}"),
        }
    }
}

impl std::error::Error for UrlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Syntax(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Debug for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> UrlError {
        Address::parse(url).unwrap_err()
    }

    #[test]
    fn urls_of_redis_and_valkey_are_read() {
        for (url, place) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://h:7000/3", "redis://h:7000/3"),
            ("rediss://me:hunter2@h/", "rediss://h:6379/0"),
            ("valkey://:hunter2@[::1]:1/", "valkey://[::1]:1/0"),
            ("VALKEYS://h", "valkeys://h:6379/0"),
            ("redis://:p%2Fw%23d@h/1", "redis://h:6379/1"),
            (
                "redis+unix:///run/redis.sock?db=2&pass=hunter2",
                "redis+unix:///run/redis.sock",
            ),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), place, "{url}");
            assert_eq!(format!("{address:?}"), place, "{url}");
            assert!(Address::is_ours(url), "{url}");
        }
        let address = Address::parse("redis://me:p%2Fw%23d@h/1").unwrap();
        let settings = address
            .client()
            .get_connection_info()
            .redis_settings()
            .clone();
        assert_eq!(settings.password(), Some("p/w#d"));
        assert_eq!((settings.username(), settings.db()), (Some("me"), 1));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_quoting_it() {
        for (url, wanted) in [
            ("postgres://h/db", UrlError::Scheme),
            ("redis:", UrlError::Host),
            ("redis:///1", UrlError::Host),
            ("redis://h/hunter2", UrlError::Database),
            ("redis://h/65536", UrlError::Database),
            ("redis://me:12/hunter2@h", UrlError::Database),
            ("rediss://h#insecure", UrlError::Fragment),
            ("redis://me:1#hunter2@h", UrlError::Fragment),
            ("redis://me:1?hunter2@h", UrlError::Parameter),
            ("redis://h?protocol=resp3", UrlError::Parameter),
            ("redis+unix://h/run/redis.sock", UrlError::Host),
            ("redis+unix://", UrlError::Host),
        ] {
            let refusal = refusal(url);
            assert_eq!(refusal, wanted, "{url}");
            let told = format!("{refusal} {refusal:?}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        for url in ["redis://:hunter2/more@h", "redis://:1#hunter2@h", "hunter2"] {
            let syntax = refusal(url);
            assert!(matches!(syntax, UrlError::Syntax(_)), "{syntax:?}");
            assert!(!format!("{syntax} {syntax:?}").contains("hunter2"));
        }
        assert!(!Address::is_ours("postgres://h") && !Address::is_ours("memory"));
    }

    #[test]
    fn a_root_certificate_needs_tls_and_pem() {
        let trusting = |url: &str, pem: &[u8]| Address::parse(url).unwrap().trusting(pem);
        assert_eq!(
            trusting("redis://h", PEM_LABEL).unwrap_err(),
            UrlError::RootCertificateWithoutTls
        );
        assert_eq!(
            trusting("rediss://h", b"nothing").unwrap_err(),
            UrlError::RootCertificate
        );
    }
}
