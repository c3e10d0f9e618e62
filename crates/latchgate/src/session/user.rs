//! The signed-in person, as handlers see them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::data::DataError;
use super::session::Session;
use crate::authorization::{AuthorizationDetails, CookiePersistence};
use crate::provider::ClaimPaths;
use crate::resource::VerifiedAccessToken;

/// The person who makes a request: signed in with a session, or named by the access token that the request presents to
/// this API. Cheap to clone.
///
/// The identity is [`User::issuer`] together with [`User::subject`], never the e-mail address: an
/// address can change, be reused by somebody else, or be unverified
/// ([OpenID Connect Core 1.0 §5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)).
///
/// Serialises as the JSON object of all claims.
#[derive(Clone)]
pub struct User {
    voucher: Voucher,
    paths: Arc<ClaimPaths>,
    /// The key of the session, if it is in a store.
    stored_under: Option<[u8; 32]>,
}

/// What proves who makes a request.
#[derive(Clone)]
enum Voucher {
    Session(Arc<Session>),
    AccessToken(Arc<VerifiedAccessToken>),
}

/// The claims do not match the requested type.
#[derive(thiserror::Error)]
#[error("the claims of this person do not match the requested type")]
pub struct ClaimsError(#[source] serde_json::Error);

debug_with_causes!(ClaimsError);

impl User {
    /// `paths` say which claims have roles and permissions.
    pub(crate) fn new(session: Arc<Session>, paths: Arc<ClaimPaths>) -> Self {
        Self {
            voucher: Voucher::Session(session),
            paths,
            stored_under: None,
        }
    }

    /// The person, or the client, that an access token names.
    pub(crate) fn of_token(token: Arc<VerifiedAccessToken>, paths: Arc<ClaimPaths>) -> Self {
        Self {
            voucher: Voucher::AccessToken(token),
            paths,
            stored_under: None,
        }
    }

    /// The same person, whose session is in a store under this key.
    pub(crate) fn stored_under(mut self, key: Option<[u8; 32]>) -> Self {
        self.stored_under = key;
        self
    }

    /// The session, if this request has one, and its key if it is in a store.
    pub(crate) fn session(&self) -> Option<(&Session, Option<[u8; 32]>)> {
        match &self.voucher {
            Voucher::Session(session) => Some((session, self.stored_under)),
            Voucher::AccessToken(_) => None,
        }
    }

    /// The issuer that identified this person (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        match &self.voucher {
            Voucher::Session(session) => &session.issuer,
            Voucher::AccessToken(token) => &token.issuer,
        }
    }

    /// The tenant whose provider signed this person in ([`Tenants`](crate::Tenants)); `None` for a person of a provider
    /// that belongs to the gate.
    ///
    /// A tenant chooses its provider, so do not trust that provider outside the tenant: tenant, issuer and subject together
    /// identify a person.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        let (session, _) = self.session()?;
        session.tenant()
    }

    /// Whether the session outlives the browser.
    pub(crate) fn remembered(&self) -> Option<CookiePersistence> {
        let (session, _) = self.session()?;
        Some(session.extras.remembered)
    }

    /// The person's identifier at the issuer (`sub`), at most 255 characters.
    #[must_use]
    pub fn subject(&self) -> &str {
        match &self.voucher {
            Voucher::Session(session) => &session.subject,
            Voucher::AccessToken(token) => &token.subject,
        }
    }

    /// The client that the request's access token was issued to (`client_id`; some providers call it `azp` or `cid`).
    /// `None` for a person with a session, and if the token does not say.
    ///
    /// A token that a client obtained for itself (RFC 6749 §4.4) belongs to no person: its subject is the client.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match &self.voucher {
            Voucher::Session(_) => None,
            Voucher::AccessToken(token) => token.client_id.as_deref(),
        }
    }

    /// The subject of the person who acts as this one (`act`, [RFC 8693
    /// §4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)): in a session that
    /// [`Person::impersonated_by`](crate::Person::impersonated_by) has marked, or if the provider says so. For a banner
    /// on every page, and for rules about what may be done on somebody else's behalf.
    #[must_use]
    pub fn impersonator(&self) -> Option<&str> {
        self.claim("act")?.get("sub")?.as_str()
    }

    /// Whether the request presents an access token instead of a session cookie. A browser never sends one by itself, so
    /// another site cannot forge such a request.
    #[must_use]
    pub fn is_by_access_token(&self) -> bool {
        matches!(self.voucher, Voucher::AccessToken(_))
    }

    /// The full name (`name`).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// The given name (`given_name`).
    #[must_use]
    pub fn given_name(&self) -> Option<&str> {
        self.text("given_name")
    }

    /// The family name (`family_name`).
    #[must_use]
    pub fn family_name(&self) -> Option<&str> {
        self.text("family_name")
    }

    /// The name by which the person wants to be called (`preferred_username`). Not unique.
    #[must_use]
    pub fn preferred_username(&self) -> Option<&str> {
        self.text("preferred_username")
    }

    /// The picture's URL (`picture`).
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.text("picture")
    }

    /// The e-mail address (`email`), if the provider has verified that it belongs to this person
    /// (`email_verified`). See [`User::unverified_email`] for any other.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        // Some providers send the flag as a string.
        let verified = match self.claim("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        if verified { self.text("email") } else { None }
    }

    /// The e-mail address, verified or not. Good for display, not for decisions.
    #[must_use]
    pub fn unverified_email(&self) -> Option<&str> {
        self.text("email")
    }

    /// When the person authenticated at the provider (`auth_time`), in seconds since the epoch.
    #[must_use]
    pub fn auth_time(&self) -> Option<u64> {
        match &self.voucher {
            Voucher::Session(session) => session.auth_time,
            Voucher::AccessToken(token) => token.auth_time,
        }
    }

    /// The Authentication Context Class Reference (`acr`).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// The Authentication Methods References (`amr`, RFC 8176); empty if the provider does not say.
    #[must_use]
    pub fn amr(&self) -> Vec<&str> {
        let methods = self.claim("amr").and_then(Value::as_array);
        let methods = methods.into_iter().flatten();
        methods.filter_map(Value::as_str).collect()
    }

    /// The person's roles, from the claim that the provider's [preset](crate::ProviderPreset) or
    /// [`Provider::role_claim`](crate::Provider::role_claim) names.
    #[must_use]
    pub fn roles(&self) -> Vec<&str> {
        self.paths.roles_in(self.sources()).unwrap_or_default()
    }

    /// The person's permissions, from the claim that the preset or
    /// [`Provider::permission_claim`](crate::Provider::permission_claim) names.
    #[must_use]
    pub fn permissions(&self) -> Vec<&str> {
        let found = self.paths.permissions_in(self.sources());
        found.unwrap_or_default()
    }

    /// Logs a warning if the provider sent no claim with roles at all: then the configuration is wrong, not the person's
    /// roles.
    pub(crate) fn warn_without_roles_claim(&self) {
        if self.paths.roles_in(self.sources()).is_some() {
            return;
        }
        let looked_at: Vec<String> = self.paths.roles.iter().map(ToString::to_string).collect();
        tracing::warn!(
            event = "no_roles_claim",
            issuer = self.issuer(),
            subject = self.subject(),
            looked_at = looked_at.join(", "),
            cure = self.paths.preset.cure(),
            "a role is required, and nothing the provider sent has a roles claim"
        );
    }

    /// The granted scopes, which may be fewer than those requested.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = match &self.voucher {
            Voucher::Session(session) => &*session.tokens.scope,
            Voucher::AccessToken(token) => &token.scope,
        };
        scope.split_ascii_whitespace()
    }

    /// What was granted beyond the scope: the `authorization_details` of the newest token response that had them, or of the
    /// request's access token ([RFC 9396 §7 and §9](https://www.rfc-editor.org/rfc/rfc9396#section-7)). It may be less
    /// than what was requested. `None` if nothing was, or if the provider does not say.
    ///
    /// ```
    /// # fn handler(user: latchgate::User) {
    /// let granted = user.authorization_details();
    /// let may_pay = granted.is_some_and(|granted| granted.list().iter().any(|one| one["type"] == "payment"));
    /// # drop(may_pay);
    /// # }
    /// ```
    #[must_use]
    pub fn authorization_details(&self) -> Option<AuthorizationDetails> {
        match &self.voucher {
            Voucher::Session(session) => session.authorization_details.parse().ok(),
            Voucher::AccessToken(token) => {
                let claim = token.claims.get("authorization_details")?;
                AuthorizationDetails::granted(claim).ok().flatten()
            }
        }
    }

    /// All claims as a type of the application, including those with names such as `https://foo.com/myclaim`.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     #[serde(rename = "https://foo.com/myclaim")]
    ///     my_claim: Option<String>,
    /// }
    /// # fn handler(user: latchgate::User) -> Result<(), latchgate::ClaimsError> {
    /// let claims: Claims = user.claims()?;
    /// # drop(claims.my_claim);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ClaimsError`] when a claim is missing or has another type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        let claims = match self.claims_text() {
            Some(json) => serde_json::from_slice(json),
            None => T::deserialize(self.all()),
        };
        claims.map_err(ClaimsError)
    }

    /// All claims as the text of a JSON object, for responses that pass them on. It is borrowed from the session, and so almost
    /// free, unless claims of the userinfo endpoint have to be merged in.
    #[must_use]
    pub fn claims_json(&self) -> Cow<'_, str> {
        let text = self.claims_text().map(std::str::from_utf8);
        match text {
            Some(Ok(text)) => Cow::Borrowed(text),
            _ => Cow::Owned(Value::Object(self.all().clone()).to_string()),
        }
    }

    /// The application's own value, which its [`on_login`](crate::GateBuilder::on_login) hook put into the session.
    /// `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`DataError::Mismatch`] when it is of another type: the session began with an older version of the application.
    pub fn data<T: DeserializeOwned>(&self) -> Result<Option<T>, DataError> {
        match &self.voucher {
            Voucher::Session(session) => session.data(),
            Voucher::AccessToken(_) => Ok(None),
        }
    }

    /// One claim, as the provider sent it.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.all().get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }

    /// All claims as text, if they need not be merged for that.
    fn claims_text(&self) -> Option<&[u8]> {
        let (session, _) = self.session()?;
        session.claims_text()
    }

    fn all(&self) -> &Map<String, Value> {
        match &self.voucher {
            Voucher::Session(session) => {
                let parsed = &session.parsed.claims;
                parsed.get_or_init(|| session.claims())
            }
            Voucher::AccessToken(token) => &token.claims,
        }
    }

    /// The claims that may have roles and permissions, the newest first: every response of the token endpoint has an
    /// access token, but not necessarily an ID token.
    fn sources(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let access_token = self.session().map(|(session, _)| {
            let parsed = &session.parsed.access_token;
            parsed.get_or_init(|| session.access_token_claims())
        });
        access_token.into_iter().chain([self.all()])
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}

impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all().serialize(serializer)
    }
}

#[cfg(test)]
impl User {
    /// Somebody with these claims and the plain preset's paths.
    pub(crate) fn example(claims: &Value) -> Self {
        let paths = ClaimPaths::of(crate::provider::ProviderPreset::Plain);
        Self::new(Arc::new(Session::example_of(claims)), Arc::new(paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ProviderPreset;
    use serde_json::json;

    fn of_preset(preset: ProviderPreset, claims: &Value) -> User {
        let paths = Arc::new(ClaimPaths::of(preset));
        User::new(Arc::new(Session::example_of(claims)), paths)
    }

    #[test]
    fn an_email_counts_only_when_it_is_verified() {
        for (verified, counts) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("True"), false),
            (json!("yes"), false),
            (json!(1), false),
            (json!(null), false),
            (json!([true]), false),
        ] {
            let claims =
                json!({ "sub": "1", "email": "jane@example.com", "email_verified": verified });
            let user = User::example(&claims);
            assert_eq!(user.email().is_some(), counts, "{verified}");
            assert_eq!(user.unverified_email(), Some("jane@example.com"));
        }
        let unsaid = User::example(&json!({ "sub": "1", "email": "jane@example.com" }));
        assert_eq!(unsaid.email(), None);
        let odd = json!({ "sub": "1", "email": ["jane@example.com"], "email_verified": true });
        assert_eq!(User::example(&odd).email(), None);
    }

    #[test]
    fn the_standard_claims_have_names() {
        let user = User::example(&json!({
            "iss": "https://op.example",
            "sub": "1",
            "name": "Jane Doe",
            "given_name": "Jane",
            "family_name": "Doe",
            "preferred_username": "jane",
            "picture": "https://example.com/jane.png",
            "acr": "mfa",
            "auth_time": 990,
        }));
        assert_eq!((user.issuer(), user.subject()), ("https://op.example", "1"));
        assert_eq!(user.name(), Some("Jane Doe"));
        assert_eq!(user.given_name(), Some("Jane"));
        assert_eq!(user.family_name(), Some("Doe"));
        assert_eq!(user.preferred_username(), Some("jane"));
        assert_eq!(user.picture(), Some("https://example.com/jane.png"));
        assert_eq!((user.acr(), user.auth_time()), (Some("mfa"), Some(990)));
        assert_eq!(user.scopes().collect::<Vec<_>>(), ["openid", "email"]);
        assert_eq!(user.claim("unsaid"), None);
        let odd = User::example(&json!({ "sub": "1", "name": 7, "acr": ["mfa"] }));
        assert_eq!((odd.name(), odd.acr()), (None, None));
    }

    #[test]
    fn claims_as_text_are_those_of_the_id_token_with_userinfo_put_in() {
        let claims = json!({ "sub": "1", "name": "Ada" });
        let user = User::example(&claims);
        assert!(matches!(user.claims_json(), Cow::Borrowed(_)));
        assert_eq!(
            serde_json::from_str::<Value>(&user.claims_json()).unwrap(),
            claims
        );

        let mut session = user.session().unwrap().0.clone();
        session.userinfo = json!({ "sub": "1", "name": "Grace" }).to_string().into();
        let user = User::new(Arc::new(session), Arc::clone(&user.paths));
        let both: Value = serde_json::from_str(&user.claims_json()).unwrap();
        assert_eq!(both["name"], "Grace");
    }

    #[test]
    fn claims_have_the_applications_own_type() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        struct Claims {
            #[serde(rename = "https://foo.com/myclaim")]
            mine: Vec<String>,
            missing: Option<u8>,
        }
        let user = User::example(&json!({ "sub": "1", "https://foo.com/myclaim": ["a", "b"] }));
        let expected = Claims {
            mine: vec!["a".to_owned(), "b".to_owned()],
            missing: None,
        };
        assert_eq!(user.claims::<Claims>().unwrap(), expected);
        let refused = User::example(&json!({ "sub": "1" }))
            .claims::<Claims>()
            .unwrap_err();
        assert!(
            std::error::Error::source(&refused)
                .unwrap()
                .to_string()
                .contains("myclaim")
        );
    }

    #[test]
    fn data_has_the_applications_own_type() {
        let user = User::example(&json!({ "sub": "1" }));
        assert_eq!(user.data::<u32>().unwrap(), None);
        let session = user.session().unwrap().0.with_data("7".to_owned());
        let user = User::new(Arc::new(session), Arc::clone(&user.paths));
        assert_eq!(user.data::<u32>().unwrap(), Some(7));
        let refused = user.data::<String>().unwrap_err();
        assert!(matches!(refused, DataError::Mismatch { column: 1, .. }));
    }

    #[test]
    fn roles_and_permissions_are_where_the_preset_says() {
        let claims = json!({
            "sub": "1",
            "roles": ["app-admin"],
            "permissions": ["read:all", 7],
            "https://latchgate.dev/roles": ["auth0-admin"],
            "realm_access": { "roles": ["realm-admin"] },
            "scp": "Files.Read Files.Write",
            "groups": ["Everyone"],
        });
        for (preset, roles, permissions) in [
            (ProviderPreset::Plain, vec!["app-admin"], vec!["read:all"]),
            (ProviderPreset::Auth0, vec!["auth0-admin"], vec!["read:all"]),
            (
                ProviderPreset::Keycloak,
                vec!["realm-admin"],
                vec!["read:all"],
            ),
            (
                ProviderPreset::EntraId,
                vec!["app-admin"],
                vec!["Files.Read", "Files.Write"],
            ),
            (ProviderPreset::Okta, vec!["Everyone"], vec!["read:all"]),
        ] {
            let user = of_preset(preset, &claims);
            assert_eq!(
                (user.roles(), user.permissions()),
                (roles, permissions),
                "{preset:?}"
            );
        }
        let nobody = User::example(&json!({ "sub": "1" }));
        assert!(nobody.roles().is_empty() && nobody.permissions().is_empty());
    }

    #[test]
    fn userinfo_adds_to_the_id_token() {
        let mut session = Session::example_of(&json!({ "sub": "1", "name": "old", "acr": "mfa" }));
        session.userinfo = json!({ "sub": "1", "name": "new", "roles": ["a"] })
            .to_string()
            .into();
        let paths = ClaimPaths::of(ProviderPreset::Plain);
        let user = User::new(Arc::new(session), Arc::new(paths));
        assert_eq!(
            (user.name(), user.acr(), user.roles()),
            (Some("new"), Some("mfa"), vec!["a"])
        );
        let json = serde_json::to_value(&user).unwrap();
        assert_eq!(json["name"], "new");
    }

    #[test]
    fn the_access_token_s_roles_come_first_and_its_other_claims_not_at_all() {
        let mut session =
            Session::example_of(&json!({ "sub": "1", "roles": ["old"], "permissions": ["read"] }));
        let access_token = json!({ "sub": "2", "email": "x@example.com", "roles": ["new"] });
        session.extras.access_token_claims = access_token.to_string();
        let user = User::new(
            Arc::new(session),
            Arc::new(ClaimPaths::of(ProviderPreset::Plain)),
        );
        assert_eq!(
            (user.roles(), user.permissions()),
            (vec!["new"], vec!["read"])
        );
        assert_eq!((user.subject(), user.claim("email")), ("1", None));
        assert!(matches!(user.claims_json(), Cow::Borrowed(_)));
    }

    #[test]
    fn debug_shows_who_and_nothing_else() {
        let user = User::example(&json!({ "sub": "1", "email": "jane@example.com" }));
        let expected = r#"User { issuer: "https://op.example", subject: "1", .. }"#;
        assert_eq!(format!("{user:?}"), expected);
    }
}
