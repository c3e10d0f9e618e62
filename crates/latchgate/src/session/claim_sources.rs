//! Claims that somebody else vouches for: [OpenID Connect Core 1.0
//! §5.6.2](https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims).

use std::fmt;

use serde_json::Value;
use url::Url;

use super::user::User;

/// Where claims are that the provider does not vouch for itself. They are never among those of [`User::claim`], and no
/// rule of a [`Guard`](crate::Guard) reads them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimSource<'a> {
    /// In a JWT among the claims (§5.6.2.1). The application has to know who may sign it, and with which key.
    Aggregated {
        /// The names of the claims.
        names: Vec<&'a str>,
        /// The JWT, of which **nothing** has been verified: neither its signature, nor its issuer, nor whom it is about.
        unverified_jwt: &'a str,
    },
    /// At an endpoint (§5.6.2.2), which is not called.
    Distributed {
        /// The names of the claims.
        names: Vec<&'a str>,
        /// The https URL. The provider chooses it, so calling it may lead anywhere, including into your own network.
        endpoint: &'a str,
    },
}

impl<'a> ClaimSource<'a> {
    /// The names of the claims.
    #[must_use]
    pub fn names(&self) -> &[&'a str] {
        match self {
            Self::Aggregated { names, .. } | Self::Distributed { names, .. } => names,
        }
    }

    fn read(names: Vec<&'a str>, source: &'a Value) -> Option<Self> {
        let text = |member| source.get(member).map(Value::as_str);
        match (text("JWT"), text("endpoint")) {
            (Some(Some(unverified_jwt)), None) if is_compact(unverified_jwt) => {
                Some(Self::Aggregated {
                    names,
                    unverified_jwt,
                })
            }
            (None, Some(Some(endpoint))) if is_https(endpoint) => {
                Some(Self::Distributed { names, endpoint })
            }
            _ => None,
        }
    }
}

impl fmt::Debug for ClaimSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregated { names, .. } => f
                .debug_struct("Aggregated")
                .field("names", names)
                .finish_non_exhaustive(),
            Self::Distributed { names, endpoint } => f
                .debug_struct("Distributed")
                .field("names", names)
                .field("endpoint", endpoint)
                .finish(),
        }
    }
}

impl User {
    /// The claims that the provider does not vouch for itself, by their source: aggregated ones in a JWT of somebody
    /// else, and distributed ones at an endpoint ([OpenID Connect Core 1.0
    /// §5.6.2](https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims)). A source is left out if it
    /// has no name, is of both kinds or neither, or has a malformed JWT or a URL that is not https.
    ///
    /// ```
    /// use latchgate::ClaimSource;
    ///
    /// # fn verify(_: &str) -> Option<u32> { None }
    /// # fn handler(user: latchgate::User) {
    /// let score = user.claim_sources().into_iter().find_map(|source| match source {
    ///     ClaimSource::Aggregated { names, unverified_jwt } if names.contains(&"credit_score") => verify(unverified_jwt),
    ///     _ => None,
    /// });
    /// # drop(score);
    /// # }
    /// ```
    #[must_use]
    pub fn claim_sources(&self) -> Vec<ClaimSource<'_>> {
        let object = |name| self.claim(name).and_then(Value::as_object);
        let (Some(names), Some(sources)) = (object("_claim_names"), object("_claim_sources"))
        else {
            return Vec::new();
        };
        let found = sources.iter().filter_map(|(id, source)| {
            let own = names.iter().filter(|(_, of)| of.as_str() == Some(id));
            let own: Vec<_> = own.map(|(name, _)| name.as_str()).collect();
            let named = (!own.is_empty()).then_some(own)?;
            ClaimSource::read(named, source)
        });
        found.collect()
    }
}

/// Whether it has the form of a JWS or of a JWE.
fn is_compact(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    matches!(text.split('.').count(), 3 | 5) && text.split('.').all(is_part)
}

fn is_https(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "https")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sources(names: &Value, sources: &Value) -> Vec<String> {
        let user = User::example(&json!({
            "sub": "1",
            "_claim_names": names,
            "_claim_sources": sources,
        }));
        let found = user.claim_sources();
        let shown = found.iter().map(|source| format!("{source:?}"));
        assert_eq!(user.claim("shoe_size"), None);
        shown.collect()
    }

    #[test]
    fn each_source_has_its_names() {
        let names = json!({ "address": "a", "phone_number": "a", "shoe_size": "b", "lost": "c" });
        let both = json!({
            "a": { "JWT": "e30.eyJhZGRyZXNzIjoieCJ9.c2ln" },
            "b": { "endpoint": "https://shoes.example/claims", "access_token": "a secret" },
            "nameless": { "JWT": "e30.e30.c2ln" },
        });
        let user =
            User::example(&json!({ "sub": "1", "_claim_names": names, "_claim_sources": both }));
        assert_eq!(
            user.claim_sources(),
            [
                ClaimSource::Aggregated {
                    names: vec!["address", "phone_number"],
                    unverified_jwt: "e30.eyJhZGRyZXNzIjoieCJ9.c2ln",
                },
                ClaimSource::Distributed {
                    names: vec!["shoe_size"],
                    endpoint: "https://shoes.example/claims",
                },
            ]
        );
        assert_eq!(user.claim("address"), None);
        let shown = sources(&names, &both).join(" ");
        assert!(
            shown.contains("shoes.example") && !shown.contains("e30") && !shown.contains("secret")
        );
    }

    #[test]
    fn what_is_no_source_is_left_out() {
        let names = json!({ "shoe_size": "a" });
        for source in [
            json!(null),
            json!("e30.e30.c2ln"),
            json!({}),
            json!({ "JWT": 7 }),
            json!({ "JWT": "not a jwt" }),
            json!({ "JWT": "e30.e30" }),
            json!({ "jwt": "e30.e30.c2ln" }),
            json!({ "endpoint": "/claims" }),
            json!({ "endpoint": "http://shoes.example/claims" }),
            json!({ "endpoint": "https://shoes.example/claims", "JWT": "e30.e30.c2ln" }),
            json!({ "endpoint": null, "JWT": "e30.e30.c2ln" }),
        ] {
            assert_eq!(
                sources(&names, &json!({ "a": source })),
                [""; 0],
                "{source}"
            );
        }
        let good = json!({ "a": { "JWT": "e30.e30.c2ln" } });
        assert_eq!(sources(&names, &good).len(), 1);
        for names in [
            json!(null),
            json!([]),
            json!({}),
            json!({ "shoe_size": ["a"] }),
        ] {
            assert_eq!(sources(&names, &good), [""; 0], "{names}");
        }
        for others in [json!(null), json!([{ "JWT": "e30.e30.c2ln" }])] {
            assert_eq!(sources(&names, &others), [""; 0], "{others}");
        }
    }
}
