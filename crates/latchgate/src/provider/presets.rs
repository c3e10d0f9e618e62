//! Where providers put roles and permissions. No standard says, so each does it differently
//! ([OpenID Connect Core 1.0 §5.1.2](https://openid.net/specs/openid-connect-core-1_0.html#AdditionalClaims) leaves
//! further claims to the provider).

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// The way to a claim: one member name, or several for nested objects.
///
/// As text, the names are joined by ` > `: `roles`, `https://example.com/roles`,
/// `realm_access > roles`. (A dot or a slash would not do: both occur in names.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// A claim path with an empty step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimPathError;

impl fmt::Display for ClaimPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a claim path; write a claim's name, or names joined by ` > ` such as `realm_access > roles`")
    }
}

impl std::error::Error for ClaimPathError {}

impl FromStr for ClaimPath {
    type Err = ClaimPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps: Vec<String> = text
            .split(" > ")
            .map(|step| step.trim().to_owned())
            .collect();
        // A step that is missing at either end leaves its `>` behind.
        let unfinished =
            |step: &String| step.is_empty() || step.starts_with('>') || step.ends_with('>');
        if steps.iter().any(unfinished) {
            return Err(ClaimPathError);
        }
        Ok(Self(steps))
    }
}

impl ClaimPath {
    /// A path of the given member names.
    pub fn new<S: Into<String>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }

    /// The strings at the end of the path: of an array, or one alone.
    pub(crate) fn strings<'a>(&self, claims: &'a Map<String, Value>) -> Vec<&'a str> {
        match self.value(claims) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => vec![text],
            _ => Vec::new(),
        }
    }

    /// The same, where one string holds several words (RFC 8693 §4.2, as a `scope`).
    pub(crate) fn words<'a>(&self, claims: &'a Map<String, Value>) -> Vec<&'a str> {
        let strings = self.strings(claims).into_iter();
        strings.flat_map(str::split_whitespace).collect()
    }

    fn value<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let mut steps = self.0.iter();
        let found = steps.next().and_then(|first| claims.get(first));
        steps.fold(found, |value, step| value.and_then(|value| value.get(step)))
    }
}

/// Known providers, as far as roles and permissions are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderPreset {
    /// `roles` and `permissions`, as a plain claim each. The default.
    Plain,
    /// Auth0: a namespaced claim set by an Action has no fixed name, so roles are looked for at
    /// `https://latchgate.dev/roles`, and permissions at `permissions`. Use
    /// [`Provider::role_claim`](crate::Provider::role_claim) for a name of your own.
    Auth0,
    /// Keycloak: `realm_access > roles`.
    Keycloak,
    /// Microsoft Entra ID: app roles at `roles`, permissions at `scp`.
    EntraId,
    /// Okta: `groups`.
    Okta,
}

impl ProviderPreset {
    /// Where this provider puts a person's roles.
    pub(crate) fn roles(self) -> ClaimPath {
        match self {
            Self::Plain | Self::EntraId => ClaimPath::new(["roles"]),
            Self::Auth0 => ClaimPath::new(["https://latchgate.dev/roles"]),
            Self::Keycloak => ClaimPath::new(["realm_access", "roles"]),
            Self::Okta => ClaimPath::new(["groups"]),
        }
    }

    /// Where this provider puts a person's permissions.
    pub(crate) fn permissions(self) -> ClaimPath {
        match self {
            Self::EntraId => ClaimPath::new(["scp"]),
            _ => ClaimPath::new(["permissions"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_through_nested_objects_and_names_with_dots_and_slashes() {
        let claims = json!({
            "roles": ["a", 1, "b"],
            "scp": "read write",
            "https://foo.com/roles": ["c"],
            "realm_access": { "roles": ["d"] },
            "odd": 7,
        });
        let claims = claims.as_object().unwrap();
        for (path, expected) in [
            ("roles", vec!["a", "b"]),
            ("scp", vec!["read write"]),
            ("https://foo.com/roles", vec!["c"]),
            ("realm_access > roles", vec!["d"]),
            ("realm_access > none", vec![]),
            ("roles > deeper", vec![]),
            ("odd", vec![]),
            ("absent", vec![]),
        ] {
            assert_eq!(
                path.parse::<ClaimPath>().unwrap().strings(claims),
                expected,
                "{path}"
            );
        }
        for unfinished in ["", " ", "a > ", "a >", "> a", " > a", "a >  > b", ">"] {
            assert_eq!(unfinished.parse::<ClaimPath>(), Err(ClaimPathError));
        }
    }

    #[test]
    fn every_preset_finds_roles_where_its_provider_puts_them() {
        for (preset, claims) in [
            (ProviderPreset::Plain, json!({ "roles": ["admin"] })),
            (
                ProviderPreset::Auth0,
                json!({ "https://latchgate.dev/roles": ["admin"] }),
            ),
            (
                ProviderPreset::Keycloak,
                json!({ "realm_access": { "roles": ["admin"] } }),
            ),
            (ProviderPreset::EntraId, json!({ "roles": ["admin"] })),
            (ProviderPreset::Okta, json!({ "groups": ["admin"] })),
        ] {
            assert_eq!(
                preset.roles().strings(claims.as_object().unwrap()),
                ["admin"]
            );
        }
    }
}
