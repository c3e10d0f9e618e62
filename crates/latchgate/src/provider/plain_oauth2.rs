//! Providers that speak OAuth 2.0 without OpenID Connect, such as GitHub and Discord: no ID token, no discovery. Who
//! somebody is, the provider's account endpoint says in members of its own
//! ([RFC 6749 §7](https://www.rfc-editor.org/rfc/rfc6749#section-7) leaves such resources to the provider), so they are
//! mapped to the claims of [OpenID Connect Core 1.0
//! §5.1](https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims).

use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::issuer::Issuer;
use super::metadata::{DiscoveryError, Endpoints, Metadata};
use super::presets::ClaimPath;

/// A provider that speaks OAuth 2.0 without OpenID Connect: its endpoints, and where its account endpoint says who
/// somebody is.
///
/// ```
/// use latchgate::{PlainOAuth2, Provider};
///
/// let endpoints = PlainOAuth2::new(
///     "https://forge.example/oauth/authorize",
///     "https://forge.example/oauth/token",
///     "https://forge.example/api/user",
/// )
/// .claim("sub", "id")
/// .claim("name", "display_name")
/// .claim("picture", "https://cdn.forge.example/{id}.png");
///
/// // The issuer is ours to choose: together with the `sub` it is the identity of a person.
/// let forge = Provider::plain_oauth2("https://forge.example", "my-client-id", endpoints)
///     .client_secret("s3cret")
///     .scopes(["profile"]);
/// ```
///
/// `state` and PKCE protect the login as ever. A `nonce` there is not, nor anything signed: that a token is for this
/// client rests on the token endpoint, which was asked with this client's credentials and the code verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct PlainOAuth2 {
    /// For authorization and for tokens; `None` for those of the metadata.
    endpoints: Option<(String, String)>,
    userinfo_endpoint: String,
    emails_endpoint: Option<String>,
    claims: Vec<(String, String)>,
}

impl PlainOAuth2 {
    /// A provider with these endpoints. The last one is the resource that describes the account of a bearer token, as
    /// JSON. Unless [`claim`](Self::claim) says otherwise, `sub` is its `id`, and `name`, `email` and `picture` are the
    /// members of these names.
    pub fn new(
        authorization_endpoint: impl Into<String>,
        token_endpoint: impl Into<String>,
        userinfo_endpoint: impl Into<String>,
    ) -> Self {
        let claims = [
            ("sub", "id"),
            ("name", "name"),
            ("email", "email"),
            ("picture", "picture"),
        ];
        let endpoints = (authorization_endpoint.into(), token_endpoint.into());
        Self {
            endpoints: Some(endpoints),
            userinfo_endpoint: userinfo_endpoint.into(),
            emails_endpoint: None,
            claims: claims
                .map(|(claim, source)| (claim.to_owned(), source.to_owned()))
                .to_vec(),
        }
    }

    /// A provider that publishes its endpoints as an authorization server
    /// ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)), all but the resource that describes the account of a bearer
    /// token. The issuer is not ours to choose then: it is the server's, spelled as its metadata spells it.
    ///
    /// ```
    /// # use latchgate::{PlainOAuth2, Provider};
    /// let endpoints = PlainOAuth2::discovered("https://api.forge.example/user");
    /// let forge = Provider::plain_oauth2("https://forge.example", "my-client-id", endpoints);
    /// ```
    pub fn discovered(userinfo_endpoint: impl Into<String>) -> Self {
        let mut provider = Self::new("", "", userinfo_endpoint);
        provider.endpoints = None;
        provider
    }

    /// Where a claim comes from: a member of the account, or a member of an object in it (`profile > name`), or a text
    /// with members in braces (`https://cdn.example/{id}/{avatar}.png`), whose values must consist of letters, digits, `-`
    /// and `_`. What is not mapped is not kept.
    ///
    /// `sub` must be what never changes and is never given to anybody else: a number or a key, not a login name.
    /// `email_verified` must be there for [`User::email`](crate::User::email) to trust `email`.
    pub fn claim(mut self, claim: impl Into<String>, source: impl Into<String>) -> Self {
        let claim = claim.into();
        self.claims.retain(|(known, _)| *known != claim);
        self.claims.push((claim, source.into()));
        self
    }

    /// A resource that lists the addresses of the account as GitHub's does, an array of objects with `email`, `primary`
    /// and `verified`: the primary address becomes `email`, and whether it is verified `email_verified`.
    pub fn emails_endpoint(mut self, url: impl Into<String>) -> Self {
        self.emails_endpoint = Some(url.into());
        self
    }

    /// GitHub (github.com). The scopes `read:user user:email` tell name and address.
    pub(crate) fn github() -> Self {
        Self::new(
            "https://github.com/login/oauth/authorize",
            "https://github.com/login/oauth/access_token",
            "https://api.github.com/user",
        )
        .emails_endpoint("https://api.github.com/user/emails")
        .claim("preferred_username", "login")
        .claim("picture", "avatar_url")
    }

    /// Discord. The scopes `identify email` tell name and address.
    pub(crate) fn discord() -> Self {
        Self::new(
            "https://discord.com/oauth2/authorize",
            "https://discord.com/api/oauth2/token",
            "https://discord.com/api/users/@me",
        )
        .claim("name", "global_name")
        .claim("preferred_username", "username")
        .claim("email_verified", "verified")
        .claim(
            "picture",
            "https://cdn.discordapp.com/avatars/{id}/{avatar}.png",
        )
    }

    /// Whether an endpoint is mentioned in all the right places: the name of the first that is not a URL that may be
    /// called.
    pub(crate) fn check(self, issuer: &Issuer) -> Result<CheckedOAuth2, DiscoveryError> {
        let checked = |member: &str, url: &str| {
            let endpoint = issuer.endpoint(url);
            endpoint.ok_or_else(|| DiscoveryError::Endpoint {
                member: member.to_owned(),
            })
        };
        let metadata = match &self.endpoints {
            None => None,
            Some((authorization, token)) => {
                let document = json!({
                    "issuer": issuer.as_str(),
                    "authorization_endpoint": authorization,
                    "token_endpoint": token,
                });
                let Value::Object(document) = document else {
                    return Err(DiscoveryError::Missing("issuer"));
                };
                Some(Metadata::check_oauth2(document, issuer, Endpoints::Usual)?)
            }
        };
        let emails_endpoint = self.emails_endpoint.as_deref();
        Ok(CheckedOAuth2 {
            metadata,
            userinfo_endpoint: checked("userinfo_endpoint", &self.userinfo_endpoint)?,
            emails_endpoint: emails_endpoint
                .map(|url| checked("emails_endpoint", url))
                .transpose()?,
            claims: self.claims,
        })
    }
}

/// The same with endpoints that may be called.
#[derive(Clone, Debug)]
pub(crate) struct CheckedOAuth2 {
    /// Of endpoints that are configured; otherwise it is fetched.
    pub(crate) metadata: Option<Metadata>,
    pub(crate) userinfo_endpoint: url::Url,
    pub(crate) emails_endpoint: Option<url::Url>,
    claims: Vec<(String, String)>,
}

impl CheckedOAuth2 {
    /// The claims in the description of an account.
    pub(crate) fn claims(&self, account: &Map<String, Value>) -> Map<String, Value> {
        let mut claims = Map::new();
        for (claim, source) in &self.claims {
            let value = match source.contains('{') {
                true => filled(source, account).map(Value::String),
                false => ClaimPath::from_str(source)
                    .ok()
                    .and_then(|path| path.value(account).cloned()),
            };
            match value {
                // An identifier is compared as text, whatever its type: 7 and "7" are the same person.
                Some(Value::Number(number)) if claim == "sub" => {
                    claims.insert(claim.clone(), number.to_string().into());
                }
                None | Some(Value::Null) => {}
                Some(value) => drop(claims.insert(claim.clone(), value)),
            }
        }
        claims
    }
}

/// A text with the account's members in place of their names in braces; `None` if one is missing.
fn filled(template: &str, account: &Map<String, Value>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let value = match account.get(name)? {
            Value::String(value) => value.clone(),
            Value::Number(value) => value.to_string(),
            _ => return None,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if value.is_empty() || !value.bytes().all(plain) {
            return None;
        }
        text.push_str(before);
        text.push_str(&value);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(of: PlainOAuth2, account: Value) -> Value {
        let issuer = Issuer::parse("https://forge.example").unwrap();
        let checked = of.check(&issuer).unwrap();
        Value::Object(checked.claims(account.as_object().unwrap()))
    }

    fn forge() -> PlainOAuth2 {
        let at = |path: &str| format!("https://forge.example{path}");
        PlainOAuth2::new(at("/authorize"), at("/token"), at("/user"))
    }

    #[test]
    fn an_account_of_github_is_mapped() {
        // As in GitHub's documentation of `GET /user`, shortened.
        let account = json!({
            "login": "octocat", "id": 583231, "node_id": "MDQ6VXNlcjE=", "type": "User", "site_admin": false,
            "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4", "name": "The Octocat", "email": null,
        });
        let expected = json!({
            "sub": "583231", "name": "The Octocat", "preferred_username": "octocat",
            "picture": "https://avatars.githubusercontent.com/u/583231?v=4",
        });
        assert_eq!(claims(PlainOAuth2::github(), account), expected);
    }

    #[test]
    fn an_account_of_discord_is_mapped() {
        // As in Discord's documentation of `GET /users/@me`, shortened.
        let account = json!({
            "id": "80351110224678912", "username": "nelly", "global_name": "Nelly", "discriminator": "0",
            "avatar": "8342729096ea3675442027381ff50dfe", "verified": true, "email": "nelly@discord.com", "flags": 64,
        });
        let expected = json!({
            "sub": "80351110224678912", "name": "Nelly", "preferred_username": "nelly",
            "email": "nelly@discord.com", "email_verified": true,
            "picture": "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png",
        });
        assert_eq!(claims(PlainOAuth2::discord(), account), expected);
        let nobody = json!({ "id": "1", "username": "n", "avatar": null, "verified": false });
        let expected = json!({ "sub": "1", "preferred_username": "n", "email_verified": false });
        assert_eq!(claims(PlainOAuth2::discord(), nobody), expected);
    }

    #[test]
    fn members_are_found_and_texts_filled() {
        let of = forge()
            .claim("sub", "account > key")
            .claim("picture", "https://x.example/{id}?{n}");
        let account = json!({ "account": { "key": "k" }, "id": "a-1_", "n": 2, "name": "N" });
        let expected = json!({ "sub": "k", "name": "N", "picture": "https://x.example/a-1_?2" });
        assert_eq!(claims(of, account), expected);
        for id in [
            json!("../x"),
            json!("a b"),
            json!(""),
            json!(["a"]),
            json!(null),
        ] {
            let of = forge().claim("picture", "https://x.example/{id}");
            let found = claims(of, json!({ "id": id, "name": "N" }));
            assert_eq!(found.get("picture"), None, "{found}");
        }
    }

    #[test]
    fn endpoints_that_may_not_be_called_are_refused() {
        let issuer = Issuer::parse("https://forge.example").unwrap();
        let plain = "http://forge.example/user";
        for (of, named) in [
            (
                PlainOAuth2::new(plain, "https://a.example", "https://a.example"),
                "authorization_endpoint",
            ),
            (
                PlainOAuth2::new("https://a.example", plain, "https://a.example"),
                "token_endpoint",
            ),
            (
                PlainOAuth2::new("https://a.example", "https://a.example", ""),
                "userinfo_endpoint",
            ),
            (forge().emails_endpoint(plain), "emails_endpoint"),
        ] {
            let refused = of.check(&issuer).unwrap_err();
            let DiscoveryError::Endpoint { member } = refused else {
                panic!("{refused}")
            };
            assert_eq!(member, named);
        }
    }
}
