//! Why a call to Redis failed, without keys, contents or passwords.

use std::fmt;
use std::sync::Arc;

use redis::ErrorKind;

use crate::address::Address;

/// A call to Redis failed: the source of a
/// [`StoreError::Unavailable`](latchgate::store::StoreError::Unavailable).
///
/// Servers quote the commands that they refuse, with their keys. So of a server's message this keeps
/// only the code.
#[derive(Clone)]
pub struct RedisError {
    place: Address,
    reason: Reason,
}

/// Why a call failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The connection failed, or was lost twice.
    Unreachable(Arc<dyn std::error::Error + Send + Sync>),
    /// The server did not answer in time.
    TooSlow,
    /// The server does not accept the user and password, or requires them.
    Credentials,
    /// The server refused the command.
    Refused {
        /// The first word of its answer, such as `OOM` or `READONLY`.
        code: String,
    },
    /// The answer was not understood: another kind of server, or another application's data under our
    /// keys.
    Unexpected,
}

impl RedisError {
    pub(crate) fn new(place: Address, reason: Reason) -> Self {
        Self { place, reason }
    }

    /// Why the call failed.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl Reason {
    /// Whether a new connection may help.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooSlow | Self::Unexpected => true,
            // A master that has become a replica: its name may lead to the new master now.
            Self::Refused { code } => code == "READONLY",
            Self::Credentials => false,
        }
    }

    /// The cause, for codes that have only one.
    fn advice(code: &str) -> Option<&'static str> {
        match code {
            "OOM" => Some("its memory is full (`maxmemory`)"),
            "MISCONF" => Some("it cannot write to its disk"),
            "LOADING" => Some("it has just started and is reading its data"),
            "BUSY" => Some("it is running a long script"),
            "READONLY" => Some("it is a replica; the URL must lead to the master"),
            "NOPERM" => Some(
                "the user lacks a permission (ACL); the documentation of latchgate-redis lists what it needs",
            ),
            "NOREPLICAS" => Some("it has lost the replicas that `min-replicas-to-write` asks for"),
            "MOVED" | "CROSSSLOT" | "CLUSTERDOWN" => {
                Some("it is a Redis Cluster, which this store cannot use")
            }
            _ => None,
        }
    }
}

impl From<redis::RedisError> for Reason {
    fn from(error: redis::RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => Self::TooSlow,
            // Errors of the client, from the system.
            ErrorKind::Io | ErrorKind::Client | ErrorKind::InvalidClientConfig => {
                Self::Unreachable(Arc::new(error))
            }
            ErrorKind::AuthenticationFailed => Self::Credentials,
            _ => match error.code() {
                Some("WRONGPASS" | "NOAUTH") => Self::Credentials,
                Some(code) => Self::Refused {
                    code: code_only(code),
                },
                None => Self::Unexpected,
            },
        }
    }
}

/// A server's code, if it is one. A proxy may answer anything.
fn code_only(word: &str) -> String {
    let is_code = word.bytes().all(|c| c.is_ascii_uppercase()) && word.len() <= 16;
    String::from(if is_code { word } else { "ERR" })
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.reason {
            Reason::Unreachable(_) => write!(f, "{place} cannot be reached"),
            Reason::TooSlow => write!(f, "{place} did not answer in time"),
            Reason::Credentials => {
                write!(f, "{place} rejects the user and password in the URL")
            }
            Reason::Refused { code } => match Reason::advice(code) {
                Some(advice) => write!(f, "{place} refused the command ({code}): {advice}"),
                None => write!(f, "{place} refused the command ({code})"),
            },
            Reason::Unexpected => write!(
                f,
                "{place} gave an unexpected answer: it is another kind of server, or another application uses the same prefix"
            ),
        }
    }
}

impl std::error::Error for RedisError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            // The client library's error says the same as what caused it.
            Reason::Unreachable(error) => Some(error.source().unwrap_or(error.as_ref())),
            _ => None,
        }
    }
}

impl fmt::Debug for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &[u8]) -> String {
        let error = redis::parse_redis_value(answer)
            .and_then(redis::Value::extract_error)
            .unwrap_err();
        let place = Address::parse("redis://me:hunter2@h").unwrap();
        let error = RedisError::new(place, error.into());
        format!("{error} {error:?}")
    }

    #[test]
    fn what_servers_quote_is_left_out() {
        for answer in [
            "-ERR unknown command 'HMGET', with args beginning with: 'latchgate:s:secret-key'\r\n",
            "-secret-key is not yours\r\n",
            "-NOPERM no permissions to access the 'secret-key' key\r\n",
            "-WRONGPASS invalid username-password pair secret-key\r\n",
        ] {
            let told = told(answer.as_bytes());
            assert!(told.contains("redis://h:6379/0"), "{told}");
            for secret in ["secret-key", "hunter2", "me:"] {
                assert!(!told.contains(secret), "{told}");
            }
        }
        assert!(told(b"-OOM command not allowed\r\n").contains("maxmemory"));
        assert!(told(b"-READONLY You can't write\r\n").contains("master"));
    }

    #[test]
    fn a_demoted_master_is_worth_another_connection() {
        let reason = |code: &str| Reason::Refused {
            code: code.to_owned(),
        };
        assert!(reason("READONLY").is_of_the_connection());
        assert!(!reason("OOM").is_of_the_connection());
        assert!(!Reason::Credentials.is_of_the_connection());
    }
}
