//! The signed-in person, as handlers see them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::session::Session;
use crate::provider::ClaimPath;

/// The signed-in person. Cheap to clone.
///
/// The identity is [`User::issuer`] together with [`User::subject`], never the e-mail address: an
/// address can be changed, reused and unverified
/// ([OpenID Connect Core 1.0 §5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)).
///
/// Serialises as the JSON object of all claims.
#[derive(Clone)]
pub struct User {
    session: Arc<Session>,
    claims: Arc<OnceLock<Map<String, Value>>>,
    paths: Arc<(ClaimPath, ClaimPath)>,
}

/// The claims do not fit the type that was asked for.
#[derive(Debug)]
pub struct ClaimsError(serde_json::Error);

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of this person do not fit the requested type")
    }
}

impl std::error::Error for ClaimsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl User {
    /// `paths` lead to roles and permissions.
    pub(crate) fn new(session: Arc<Session>, paths: Arc<(ClaimPath, ClaimPath)>) -> Self {
        Self {
            session,
            claims: Arc::default(),
            paths,
        }
    }

    /// The issuer that vouches for this person (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.session.issuer
    }

    /// The person's identifier at the issuer (`sub`), at most 255 characters.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.session.subject
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

    /// The name this person likes to be called by (`preferred_username`). Not unique.
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
        self.session.auth_time
    }

    /// The Authentication Context Class Reference (`acr`).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// The person's roles, from the claim the provider's preset or
    /// [`Provider::role_claim`](crate::Provider::role_claim) names.
    #[must_use]
    pub fn roles(&self) -> Vec<&str> {
        self.paths.0.strings(self.all())
    }

    /// The person's permissions, from the claim the preset or
    /// [`Provider::permission_claim`](crate::Provider::permission_claim) names.
    #[must_use]
    pub fn permissions(&self) -> Vec<&str> {
        self.paths.1.strings(self.all())
    }

    /// The scope values that were granted, which may be fewer than were asked for.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.session.tokens.scope.split_ascii_whitespace()
    }

    /// All claims as the application's own type, `https://foo.com/myclaim` and the like included.
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
        T::deserialize(self.all()).map_err(ClaimsError)
    }

    /// One claim as it came.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.all().get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }

    fn all(&self) -> &Map<String, Value> {
        self.claims.get_or_init(|| self.session.claims())
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
