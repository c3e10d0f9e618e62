//! Where providers put roles and permissions. No standard says, so each does it differently
//! ([OpenID Connect Core 1.0 §5.1.2](https://openid.net/specs/openid-connect-core-1_0.html#AdditionalClaims) leaves
//! further claims to the provider).

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// The path of a claim: one member name, or several for nested objects.
///
/// As text, the names are joined by ` > `: `roles`, `https://example.com/roles`,
/// `realm_access > roles`. (Dots and slashes occur in names, so they cannot separate them.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// A claim path with an empty name in it.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a claim path; write the name of a claim, or names joined by ` > `, such as `realm_access > roles`"
)]
pub struct ClaimPathError;

debug_with_causes!(ClaimPathError);

impl FromStr for ClaimPath {
    type Err = ClaimPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps: Vec<String> = text
            .split(" > ")
            .map(|step| step.trim().to_owned())
            .collect();
        // A name that is missing at either end leaves its `>` behind.
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

    /// The strings at the end of the path: an array of them, or one. `None` without such a claim.
    fn strings<'a>(&self, claims: &'a Map<String, Value>) -> Option<Vec<&'a str>> {
        match self.value(claims)? {
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect()),
            Value::String(text) => Some(vec![text]),
            _ => None,
        }
    }

    /// The same where an object may stand at the end of the path: its member names.
    fn strings_or_names<'a>(&self, claims: &'a Map<String, Value>) -> Option<Vec<&'a str>> {
        match self.value(claims)? {
            Value::Object(members) => Some(members.keys().map(String::as_str).collect()),
            _ => self.strings(claims),
        }
    }

    pub(super) fn value<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let mut steps = self.0.iter();
        let found = steps.next().and_then(|first| claims.get(first));
        steps.fold(found, |value, step| value.and_then(|value| value.get(step)))
    }

    /// Copies the claim, and the objects that contain it.
    fn copy(&self, from: &Map<String, Value>, to: &mut Map<String, Value>) {
        if let Some(strings) = self.strings(from) {
            self.put(&strings, to);
        }
    }

    /// Sets the claim, within the objects that contain it.
    fn put(&self, strings: &[&str], to: &mut Map<String, Value>) {
        let Some((name, parents)) = self.0.split_last() else {
            return;
        };
        let mut at = to;
        for parent in parents {
            let entry = at
                .entry(parent.as_str())
                .or_insert_with(|| Map::new().into());
            let Value::Object(inner) = entry else {
                return;
            };
            at = inner;
        }
        at.insert(name.clone(), strings.to_vec().into());
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" > "))
    }
}

/// The claims that contain roles and permissions.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPaths {
    pub(crate) preset: ProviderPreset,
    pub(crate) roles: Vec<ClaimPath>,
    pub(crate) permissions: Vec<ClaimPath>,
}

impl ClaimPaths {
    /// Those of a preset, for a client or an API.
    pub(crate) fn of_preset(preset: ProviderPreset, id: &str) -> Self {
        Self {
            preset,
            roles: preset.roles(id),
            permissions: preset.permissions(),
        }
    }

    /// The same, with these in place of the preset's.
    pub(crate) fn or_these(self, roles: Option<ClaimPath>, permissions: Option<ClaimPath>) -> Self {
        Self {
            roles: roles.map_or(self.roles, |path| vec![path]),
            permissions: permissions.map_or(self.permissions, |path| vec![path]),
            ..self
        }
    }

    /// The roles, from the first of these sets of claims that has any.
    pub(crate) fn roles_in<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a Map<String, Value>>,
    ) -> Option<Vec<&'a str>> {
        match self.preset {
            ProviderPreset::Zitadel => first(&self.roles, sources, ClaimPath::strings_or_names),
            _ => first(&self.roles, sources, ClaimPath::strings),
        }
    }

    /// The permissions, from the first of these sets of claims that has any. One string may contain
    /// several (RFC 8693 §4.2, like a `scope`).
    pub(crate) fn permissions_in<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a Map<String, Value>>,
    ) -> Option<Vec<&'a str>> {
        let strings = first(&self.permissions, sources, ClaimPath::strings)?.into_iter();
        Some(strings.flat_map(str::split_whitespace).collect())
    }

    /// Adds roles where they are looked for first.
    #[cfg(feature = "testing")]
    pub(crate) fn add_roles(&self, claims: &mut Map<String, Value>, roles: &[String]) {
        add(&self.roles, claims, roles);
    }

    /// Adds permissions where they are looked for first.
    #[cfg(feature = "testing")]
    pub(crate) fn add_permissions(&self, claims: &mut Map<String, Value>, permissions: &[String]) {
        add(&self.permissions, claims, permissions);
    }

    /// These claims, reduced to those about roles and permissions.
    pub(crate) fn only_these(&self, claims: &Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for path in self.roles.iter().chain(&self.permissions) {
            path.copy(claims, &mut kept);
        }
        kept
    }
}

/// Adds strings to the first of these claims.
#[cfg(feature = "testing")]
fn add(paths: &[ClaimPath], claims: &mut Map<String, Value>, added: &[String]) {
    let Some(path) = paths.first().filter(|_| !added.is_empty()) else {
        return;
    };
    let before = claims.clone();
    let mut strings = path.strings(&before).unwrap_or_default();
    strings.extend(added.iter().map(String::as_str));
    path.put(&strings, claims);
}

fn first<'a>(
    paths: &[ClaimPath],
    sources: impl IntoIterator<Item = &'a Map<String, Value>>,
    strings: impl Fn(&ClaimPath, &'a Map<String, Value>) -> Option<Vec<&'a str>>,
) -> Option<Vec<&'a str>> {
    sources.into_iter().find_map(|claims| {
        let mut found = paths
            .iter()
            .filter_map(|path| strings(path, claims))
            .peekable();
        found.peek().is_some().then(|| found.flatten().collect())
    })
}

/// Known providers, for the purpose of roles and permissions.
///
/// A preset takes a claim from the newest source that has it: the access token, if the provider puts
/// roles there and the token can be verified, and otherwise the ID token with what userinfo adds. An
/// access token is verified once, when it is issued, with the provider's keys and the ID token's
/// algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderPreset {
    /// The claims `roles` and `permissions`. The default.
    Plain,
    /// Auth0: a namespaced claim set by an Action has no fixed name, so roles are read from
    /// `https://latchgate.dev/roles`. Use [`Provider::role_claim`](crate::Provider::role_claim) for another
    /// name. Permissions are in `permissions` of the access token, for an API
    /// ([`Provider::audience`](crate::Provider::audience)) with RBAC and "Add Permissions in the Access
    /// Token".
    Auth0,
    /// Keycloak: `realm_access > roles`, and `resource_access > {client id} > roles` for the roles of
    /// this client, which the access token contains unless the client's scopes were changed.
    Keycloak,
    /// Microsoft Entra ID: app roles in `roles`, permissions in `scp`. An access token counts only if it
    /// is for this application's own API: roles at another API mean nothing here.
    EntraId,
    /// Okta: `groups`, which a custom authorization server can put into either token, and the org
    /// authorization server only into the ID token.
    Okta,
    /// Google: `roles`, which an application has to add itself; Google sends none.
    Google,
    /// GitLab: the paths of groups, in `groups_direct` of the ID token and `groups` of userinfo.
    GitLab,
    /// Apple, which sends no roles.
    Apple,
    /// GitHub, which sends no roles.
    GitHub,
    /// Discord, which sends no roles.
    Discord,
    /// Amazon Cognito: `cognito:groups`. Its logout page is another than the standard's, and is called as Cognito wants it.
    Cognito,
    /// Zitadel: the member names of `urn:zitadel:iam:org:project:roles`, whose values say which organization granted each.
    Zitadel,
    /// authentik: `groups`, which its scope `profile` contains.
    Authentik,
    /// Authelia: `groups`, which its scope `groups` contains, in userinfo.
    Authelia,
    /// Dex: `groups`, which its scope `groups` contains, if the connector knows them.
    Dex,
}

impl ProviderPreset {
    /// The claims with the roles of a person, and with those they have at this client.
    pub(crate) fn roles(self, client_id: &str) -> Vec<ClaimPath> {
        match self {
            Self::Plain
            | Self::EntraId
            | Self::Google
            | Self::Apple
            | Self::GitHub
            | Self::Discord => vec![ClaimPath::new(["roles"])],
            Self::GitLab => vec![
                ClaimPath::new(["groups"]),
                ClaimPath::new(["groups_direct"]),
            ],
            Self::Auth0 => vec![ClaimPath::new(["https://latchgate.dev/roles"])],
            Self::Keycloak => vec![
                ClaimPath::new(["realm_access", "roles"]),
                ClaimPath::new(["resource_access", client_id, "roles"]),
            ],
            Self::Okta | Self::Authentik | Self::Authelia | Self::Dex => {
                vec![ClaimPath::new(["groups"])]
            }
            Self::Cognito => vec![ClaimPath::new(["cognito:groups"])],
            Self::Zitadel => vec![ClaimPath::new(["urn:zitadel:iam:org:project:roles"])],
        }
    }

    /// Whether the logout page takes the parameters of Cognito instead of those of the standard.
    pub(crate) fn has_cognitos_logout(self) -> bool {
        self == Self::Cognito
    }

    /// The claims with a person's permissions.
    pub(crate) fn permissions(self) -> Vec<ClaimPath> {
        match self {
            Self::EntraId => vec![ClaimPath::new(["scp"])],
            _ => vec![ClaimPath::new(["permissions"])],
        }
    }

    /// What this provider's access tokens look like, if roles or permissions are read from them.
    pub(crate) fn access_tokens(self) -> Option<AccessTokens> {
        let azp = AccessTokens {
            client: "azp",
            kind: None,
            same_subject: true,
            for_our_api: false,
        };
        match self {
            Self::Plain
            | Self::Google
            | Self::GitLab
            | Self::Apple
            | Self::GitHub
            | Self::Discord
            | Self::Cognito
            | Self::Zitadel
            | Self::Authentik
            | Self::Authelia
            | Self::Dex => None,
            Self::Auth0 => Some(azp),
            Self::Keycloak => Some(AccessTokens {
                kind: Some("Bearer"),
                ..azp
            }),
            // Its `sub` differs from API to API.
            Self::EntraId => Some(AccessTokens {
                same_subject: false,
                for_our_api: true,
                ..azp
            }),
            // Its `sub` is the login name.
            Self::Okta => Some(AccessTokens {
                client: "cid",
                same_subject: false,
                ..azp
            }),
        }
    }

    /// What to do if a role is required and nothing from the provider has a claim of roles.
    pub(crate) fn cure(self) -> &'static str {
        match self {
            Self::Plain => {
                "have the provider put roles into the ID token; set `preset` to the provider's name, or `role_claim` to the claim that contains them"
            }
            Self::Auth0 => {
                "have an Action put the roles into the ID token as `https://latchgate.dev/roles`, or set `role_claim` to the claim that has them"
            }
            Self::Keycloak => {
                "add the client scope `roles` to the client's default scopes; if the log says `access_token_not_used`, sign access tokens with the ID token's algorithm, or let the mappers of that scope add the roles to the ID token"
            }
            Self::EntraId => {
                "define app roles in the app registration and assign people to them in the enterprise application"
            }
            Self::GitLab => {
                "request the scope `openid`, and call the userinfo endpoint (setting `userinfo`) for the claim `groups`"
            }
            Self::Google | Self::Apple | Self::GitHub | Self::Discord => {
                "this provider sends no roles: keep them in the application, in the value that the on_login hook returns"
            }
            Self::Okta => {
                "add a claim `groups` to the ID token, in the authorization server's claims or in the application's sign-on settings"
            }
            Self::Cognito => "add the person to a group of the user pool",
            Self::Zitadel => {
                "let the project assert roles on authentication, and the application put them into the ID token, or call the userinfo endpoint (setting `userinfo`)"
            }
            Self::Authentik => {
                "request the scope `profile`, and let the provider include claims in the ID token"
            }
            Self::Authelia => {
                "request the scope `groups`, and call the userinfo endpoint (setting `userinfo`)"
            }
            Self::Dex => {
                "request the scope `groups`, and use a connector that knows the groups of people"
            }
        }
    }
}

/// What distinguishes the access tokens of a provider, besides its signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessTokens {
    /// The claim that names the client a token was issued to.
    pub(crate) client: &'static str,
    /// The claim `typ` of access tokens, if it distinguishes them from other tokens.
    pub(crate) kind: Option<&'static str>,
    /// Whether `sub` is the same as in the ID token.
    pub(crate) same_subject: bool,
    /// Whether a token is meaningful only at its own API, which must then be ours.
    pub(crate) for_our_api: bool,
}

#[cfg(test)]
impl ClaimPaths {
    /// The paths of a preset for the client `my-app`.
    pub(crate) fn of(preset: ProviderPreset) -> Self {
        Self::of_preset(preset, "my-app")
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
            ("roles", Some(vec!["a", "b"])),
            ("scp", Some(vec!["read write"])),
            ("https://foo.com/roles", Some(vec!["c"])),
            ("realm_access > roles", Some(vec!["d"])),
            ("realm_access > none", None),
            ("roles > deeper", None),
            ("odd", None),
            ("absent", None),
        ] {
            let parsed: ClaimPath = path.parse().unwrap();
            assert_eq!(parsed.strings(claims), expected, "{path}");
            assert_eq!(parsed.to_string(), path);
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
            (
                ProviderPreset::Cognito,
                json!({ "cognito:groups": ["admin"] }),
            ),
            (
                ProviderPreset::Zitadel,
                json!({ "urn:zitadel:iam:org:project:roles": { "admin": { "2618": "acme.example" } } }),
            ),
            (ProviderPreset::Authentik, json!({ "groups": ["admin"] })),
            (ProviderPreset::Authelia, json!({ "groups": ["admin"] })),
            (ProviderPreset::Dex, json!({ "groups": ["admin"] })),
        ] {
            let paths = ClaimPaths::of(preset);
            let found = paths.roles_in([claims.as_object().unwrap()]);
            assert_eq!(found, Some(vec!["admin"]), "{preset:?}");
            assert!(preset.cure().contains(' '));
        }
    }

    #[test]
    fn all_roles_come_from_the_first_source_that_has_any() {
        let keycloak = ClaimPaths::of(ProviderPreset::Keycloak);
        let both = json!({
            "realm_access": { "roles": ["realm"] },
            "resource_access": { "my-app": { "roles": ["ours"] }, "other": { "roles": ["theirs"] } },
        });
        let none = json!({ "resource_access": { "other": { "roles": ["theirs"] } } });
        let empty = json!({ "realm_access": { "roles": [] } });
        let roles = |sources: &[&Value]| {
            let sources = sources.iter().filter_map(|claims| claims.as_object());
            let found = keycloak.roles_in(sources);
            found.map(|roles| roles.join(" "))
        };
        assert_eq!(roles(&[&both, &empty]).as_deref(), Some("realm ours"));
        assert_eq!(roles(&[&none, &both]).as_deref(), Some("realm ours"));
        assert_eq!(
            roles(&[&empty, &both]).as_deref(),
            Some(""),
            "the newest has none"
        );
        assert_eq!(roles(&[&none, &json!({})]), None);
    }

    #[test]
    fn member_names_are_roles_at_zitadel_only() {
        let members =
            json!({ "roles": { "admin": {}, "user": {} }, "permissions": { "read": {} } });
        let members = members.as_object().unwrap();
        for (preset, expected) in [
            (ProviderPreset::Zitadel, Some(vec!["admin", "user"])),
            (ProviderPreset::Plain, None),
        ] {
            let paths = ClaimPaths {
                preset,
                ..ClaimPaths::of(ProviderPreset::Plain)
            };
            assert_eq!(paths.roles_in([members]), expected, "{preset:?}");
            assert_eq!(paths.permissions_in([members]), None, "{preset:?}");
        }
        let zitadel = ClaimPaths::of(ProviderPreset::Zitadel);
        let none = json!({ "urn:zitadel:iam:org:project:roles": {} });
        let array = json!({ "urn:zitadel:iam:org:project:roles": ["admin"] });
        assert_eq!(zitadel.roles_in([none.as_object().unwrap()]), Some(vec![]));
        assert_eq!(
            zitadel.roles_in([array.as_object().unwrap()]),
            Some(vec!["admin"])
        );
    }

    #[test]
    fn only_roles_and_permissions_are_kept_of_an_access_token() {
        let claims = json!({
            "sub": "jane",
            "realm_access": { "roles": ["a", 7], "more": true },
            "resource_access": { "my-app": { "roles": ["b"] }, "other": { "roles": ["c"] } },
            "permissions": "read write",
        });
        let kept = ClaimPaths::of(ProviderPreset::Keycloak).only_these(claims.as_object().unwrap());
        let expected = json!({
            "realm_access": { "roles": ["a"] },
            "resource_access": { "my-app": { "roles": ["b"] } },
            "permissions": ["read write"],
        });
        assert_eq!(Value::Object(kept), expected);
        let awkward = json!({ "a": ["x"], "b": "y" });
        let paths = ClaimPaths {
            roles: vec![ClaimPath::new(["a"]), ClaimPath::new(["a", "b"])],
            ..ClaimPaths::of(ProviderPreset::Plain)
        };
        let kept = paths.only_these(awkward.as_object().unwrap());
        assert_eq!(Value::Object(kept), json!({ "a": ["x"] }));
    }
}
