//! Verifying what the provider has signed, with newer keys if it has rotated them.

use super::RelyingParty;
use crate::error::Error;
use crate::jose::KeySet;
use crate::logout::{LogoutTokenError, VerifiedLogoutToken, verify_logout_token};
use crate::token::{IdTokenError, JwtError, Rules};

impl RelyingParty {
    /// Verifies a logout token.
    pub(crate) async fn verify_logout_token(
        &self,
        raw: &str,
    ) -> Result<VerifiedLogoutToken, Error> {
        if self.is_plain_oauth2() {
            // It has no keys, and signs nothing.
            return Err(LogoutTokenError::Token(JwtError::Issuer).into());
        }
        self.verify_with_newer_keys(
            |rules| verify_logout_token(rules, raw),
            |error| matches!(error, LogoutTokenError::Token(error) if error.lacks_a_key()),
        )
        .await
    }

    /// Runs a verification of an ID token, once more with newer keys if the first attempt met an unknown one.
    pub(super) async fn verify<T>(
        &self,
        verification: impl Fn(&Rules<'_>) -> Result<T, IdTokenError>,
    ) -> Result<T, Error> {
        self.verify_with_newer_keys(verification, IdTokenError::lacks_a_key)
            .await
    }

    /// Runs a verification, once more with newer keys if the first attempt lacked one.
    pub(super) async fn verify_with_newer_keys<T, E: Into<Error>>(
        &self,
        verification: impl Fn(&Rules<'_>) -> Result<T, E>,
        lacks_a_key: impl Fn(&E) -> bool,
    ) -> Result<T, Error> {
        let now = self.now();
        let keys = self.connection.keys(now).await?;
        match verification(&self.rules(&keys, now)) {
            Err(error) if lacks_a_key(&error) => {
                let keys = self.connection.newer_keys(&keys, now).await?;
                verification(&self.rules(&keys, now)).map_err(Into::into)
            }
            verified => verified.map_err(Into::into),
        }
    }

    pub(super) fn rules<'a>(&'a self, keys: &'a KeySet, now: u64) -> Rules<'a> {
        Rules {
            registration: &self.registration,
            keys,
            now,
            leeway: self.leeway,
        }
    }
}
