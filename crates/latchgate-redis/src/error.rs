//! Why Redis did not do what it was asked, told without keys, contents or passwords.

use std::fmt;
use std::sync::Arc;

use redis::ErrorKind;

use crate::address::Address;

/// Redis did not do what it was asked. It is the source of a
/// [`StoreError::Unavailable`](latchgate::store::StoreError::Unavailable).
///
/// Servers quote what they refuse, keys included, so of a server's text this keeps the code only.
#[derive(Clone)]
pub struct RedisError {
    place: Address,
    reason: Reason,
}

/// What was in the way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// There is no connection: none could be made, or it was lost twice.
    Unreachable(Arc<dyn std::error::Error + Send + Sync>),
    /// There was no answer in time.
    TooSlow,
    /// The server does not accept the user or the password, or wants some.
    Credentials,
    /// The server refuses, with this code.
    Refused {
        /// The first word of its answer, such as `OOM` or `READONLY`.
        code: String,
    },
    /// The answer is none that Redis gives: another kind of server, or somebody else's data under
    /// our keys.
    Unexpected,
}

impl RedisError {
    pub(crate) fn new(place: Address, reason: Reason) -> Self {
        Self { place, reason }
    }

    /// What was in the way.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl Reason {
    /// Whether another connection may fare better.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooSlow | Self::Unexpected => true,
            // A master that has become a replica: its name may lead to the new master by now.
            Self::Refused { code } => code == "READONLY",
            Self::Credentials => false,
        }
    }

    /// What to look at, for codes that have one cause.
    fn advice(code: &str) -> Option<&'static str> {
        match code {
            "OOM" => Some("its memory is full (`maxmemory`)"),
            "MISCONF" => Some("it cannot write to its disk"),
            "LOADING" => Some("it has just started and is reading its data"),
            "BUSY" => Some("a script of somebody runs for too long"),
            "READONLY" => Some("it is a replica; the URL has to lead to the master"),
            "NOPERM" => Some(
                "the user lacks a permission (ACL); the crate's documentation lists what it needs",
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
            // Made on this side, from what the system says.
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

/// A server's code, if it is one: what stands between us and the server may say anything.
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
                write!(
                    f,
                    "{place} does not accept the user and password of its URL"
                )
            }
            Reason::Refused { code } => match Reason::advice(code) {
                Some(advice) => write!(f, "{place} refuses ({code}): {advice}"),
                None => write!(f, "{place} refuses ({code})"),
            },
            Reason::Unexpected => write!(f, "{place} gave an answer that is none of this store's"),
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
