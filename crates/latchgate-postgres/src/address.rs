//! The URL of a PostgreSQL server, checked before anything connects.

use std::fmt;
use std::net::IpAddr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// The parameters after the `?`.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Why a URL cannot be used. The text does not quote the URL, because there is a password in it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not a URL.
    Syntax(url::ParseError),
    /// Its scheme is neither `postgres` nor `postgresql`.
    Scheme,
    /// It has an unknown parameter.
    Parameter {
        /// The name of the parameter.
        name: String,
    },
    /// A parameter has an invalid value.
    Value {
        /// The name of the parameter.
        name: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Another part is malformed, such as a percent-encoding that is not UTF-8.
    Malformed,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "{error}; {EXPECTED}"),
            Self::Scheme => write!(
                f,
                "its scheme must be `postgres` or `postgresql`; {EXPECTED}"
            ),
            Self::Parameter { name } => write!(
                f,
                "it has an unknown parameter `{name}`; the parameters are {} and options[…]",
                PARAMETERS.join(", ")
            ),
            Self::Value { name, expected } => {
                write!(f, "its parameter `{name}` must be {expected}")
            }
            Self::Malformed => write!(f, "it is malformed; {EXPECTED}"),
        }
    }
}

impl std::error::Error for AddressError {}

impl fmt::Debug for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}

const EXPECTED: &str = "write postgres://user:password@host:5432/database?sslmode=verify-full, with special characters of the password percent-encoded";

/// Whether the URL has a scheme of this crate.
pub(crate) fn is_ours(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        ["postgres", "postgresql"]
            .iter()
            .any(|ours| scheme.eq_ignore_ascii_case(ours))
    })
}

/// Parses the URL, without connecting.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, AddressError> {
    let url = Url::parse(url).map_err(AddressError::Syntax)?;
    if !is_ours(url.as_str()) {
        return Err(AddressError::Scheme);
    }
    for (name, value) in url.query_pairs() {
        check(&name, &value)?;
    }
    PgConnectOptions::from_url(&url).map_err(|_| AddressError::Malformed)
}

fn check(name: &str, value: &str) -> Result<(), AddressError> {
    let known = PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']'));
    if !known {
        return Err(AddressError::Parameter {
            name: name.to_owned(),
        });
    }
    let (fits, expected) = match name {
        "sslmode" => (
            value.parse::<PgSslMode>().is_ok(),
            "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`",
        ),
        "port" => (value.parse::<u16>().is_ok(), "a number up to 65535"),
        "hostaddr" => (value.parse::<IpAddr>().is_ok(), "an IP address"),
        _ => return Ok(()),
    };
    if fits {
        return Ok(());
    }
    Err(AddressError::Value {
        name: name.to_owned(),
        expected,
    })
}

/// The server's name in errors: host, port and database, without user and password.
pub(crate) fn describe(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    format!("{place}/{database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_and_the_password_is_not() {
        let named = [
            ("postgres://app:hunter2@db:54321234/app", "port"),
            ("mysql://app:hunter2@db/app", "scheme"),
            ("postgres://app:hunter2@db/app?sslmod=require", "`sslmod`"),
            ("postgres://app:hunter2@db/app?sslmode=yes", "`verify-full`"),
            ("postgres://app:hunter2@db/app?port=x", "65535"),
            ("postgres://app:hunter2@db/app?hostaddr=x", "IP address"),
            ("postgres://app:hunter2%ff@db/app", "percent-encoded"),
        ];
        for (url, part) in named {
            let error = parse(url).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(part), "{url}: {text}");
            assert!(!text.contains("hunter2"), "{url}: {text}");
        }
    }

    #[test]
    fn every_way_to_name_a_server_is_understood() {
        let described = |url: &str| describe(&parse(url).unwrap());
        assert_eq!(
            described("postgres://app:secret@db:6432/shop"),
            "db:6432/shop"
        );
        assert_eq!(
            described(
                "postgresql://app@db/shop?sslmode=verify-full&application_name=x&options[work_mem]=8MB"
            ),
            "db:5432/shop"
        );
        assert_eq!(
            described("postgres:///shop?host=/run/postgresql&user=app&password=secret"),
            "/run/postgresql/shop"
        );
        assert_eq!(
            described("postgres://app:secret@[::1]:5433"),
            "[::1]:5433/app"
        );
    }

    #[test]
    fn other_schemes_are_another_stores() {
        assert!(is_ours("postgres://x") && is_ours("PostgreSQL://x"));
        assert!(!is_ours("redis://x") && !is_ours("memory") && !is_ours("postgresx://x"));
    }
}
