//! The URL that says where Redis is, read once and checked before anything is sent there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use url::Url;

/// How a usable URL looks.
const SHAPE: &str = "redis://[user:password@]host[:port][/database]";

/// A connection that has nothing to say is tried after this time: what stands between forgets silent
/// ones.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The ways to reach a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    Tcp,
    Tls,
    Socket,
}

/// Where Redis is. Its `Display` and `Debug` name neither the user nor the password.
#[derive(Clone)]
pub(crate) struct Address {
    client: Client,
    road: Road,
    place: Arc<str>,
}

/// Why a URL cannot be used. The text quotes nothing of the URL: what was meant as a password may
/// stand anywhere in it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no URL.
    Syntax(url::ParseError),
    /// Its scheme is none of Redis or Valkey.
    Scheme,
    /// It names no host, or no file where it is a socket's.
    Host,
    /// Its path is no number of a database.
    Database,
    /// It has a fragment, which would be where certificates are no longer checked.
    Fragment,
    /// It has a parameter that means nothing here.
    Parameter,
    /// TLS goes with `rediss://` or `valkeys://` only.
    RootCertificateWithoutTls,
    /// The root certificate is no PEM.
    RootCertificate,
    /// The client library refuses it.
    Refused,
}

impl Address {
    /// Whether the URL is for this crate.
    pub(crate) fn is_ours(url: &str) -> bool {
        let scheme = url.trim().split(':').next().unwrap_or_default();
        Road::of(&scheme.to_ascii_lowercase()).is_some()
    }

    /// Reads the URL; nothing is connected.
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
        // Requests of many tasks share one connection: none may wait for the answer to another.
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

    /// The same server, whose certificate this one has signed.
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

    /// What connects.
    pub(crate) fn client(&self) -> Client {
        if self.road == Road::Tls && CryptoProvider::get_default().is_none() {
            // The client library takes the process's provider and panics where there are several to
            // choose from. Whoever has installed one keeps it; losing a race to another is as good.
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
                "it is no URL; write {SHAPE}, with `/`, `?`, `#` and `@` in a password percent-encoded"
            ),
            Self::Scheme => f.write_str(
                "its scheme is none of redis, rediss (TLS), redis+unix, valkey, valkeys, valkey+unix",
            ),
            Self::Host => write!(
                f,
                "it names no server; write {SHAPE} or redis+unix:///path/to/socket[?db=0]"
            ),
            Self::Database => write!(
                f,
                "its path is no number of a database; write {SHAPE}, with `/`, `?`, `#` and `@` in a password percent-encoded"
            ),
            Self::Fragment => f.write_str(
                "it has a fragment (`#…`), and none has a meaning: certificates are always checked; a `#` in a password is written %23",
            ),
            Self::Parameter => f.write_str(
                "it has a parameter that means nothing: only redis+unix takes any, which are db, user and pass; a `?` in a password is written %3F",
            ),
            Self::RootCertificateWithoutTls => {
                f.write_str("a root certificate is of use with rediss:// or valkeys:// only")
            }
            Self::RootCertificate => f.write_str("the root certificate is no certificate in PEM"),
            Self::Refused => write!(f, "it cannot be understood; write {SHAPE}"),
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
