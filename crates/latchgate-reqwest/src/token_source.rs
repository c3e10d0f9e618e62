//! Whose access token a call carries.

use std::fmt;

use latchgate::{AccessToken, ApiTokens, Error, Gate, TokenFor};

/// Where the tokens of a caller come from.
#[derive(Clone)]
pub(crate) enum TokenSource {
    /// The signed-in person: the login's own token, or one for this API.
    User(ApiTokens, Option<TokenFor>),
    /// The application itself.
    Application(Gate, TokenFor),
}

impl TokenSource {
    /// A token that is valid, as far as is known.
    pub(crate) async fn get(&self) -> Result<AccessToken, Error> {
        match self {
            Self::User(tokens, None) => tokens.login_token().await,
            Self::User(tokens, Some(wanted)) => tokens.get(wanted).await,
            Self::Application(gate, wanted) => gate.client_credentials(wanted).await,
        }
    }

    /// Another token in place of one that the API has rejected. `None` if there is no other, or this one is too new to be
    /// replaced: then the API's answer is the result.
    pub(crate) async fn replace(
        &self,
        rejected: &AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        match self {
            Self::User(tokens, None) => tokens.replace_login_token(rejected).await,
            Self::User(tokens, Some(wanted)) => tokens.replace(wanted, rejected).await,
            Self::Application(gate, wanted) => {
                gate.replace_client_credentials(wanted, rejected).await
            }
        }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User(..) => "User",
            Self::Application(..) => "Application",
        })
    }
}
