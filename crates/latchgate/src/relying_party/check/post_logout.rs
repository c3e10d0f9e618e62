//! Whether the post-logout redirect URI is registered: the end-session endpoint is asked as by a browser that has no session
//! there, so that nobody is signed out
//! ([RP-Initiated Logout 1.0 §3](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RedirectionAfterLogout)).

use http::{Request, header};

use super::super::RelyingParty;
use super::page::Reply;
use crate::logout::{LogoutState, request};
use crate::provider::Metadata;
use crate::report::{Finding, FindingCode};
use crate::telemetry::ProviderEndpoint;

impl RelyingParty {
    /// Whether people come back after a logout, as far as this can be seen without one.
    pub(super) async fn check_post_logout(
        &self,
        metadata: &Metadata,
        uri: &str,
    ) -> Option<Finding> {
        let state = LogoutState::new(self.random.as_ref().array().ok()?);
        let url = request(&self.registration, metadata, None, uri, &state)?;
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .body(Vec::new());
        let answer = self
            .connection
            .exchange(ProviderEndpoint::EndSession, request.ok()?)
            .await
            .ok()?;
        Some(judge(uri, &Reply::read(&answer, uri)))
    }
}

fn judge(uri: &str, reply: &Reply) -> Finding {
    let code = FindingCode::PostLogout;
    let cure = format!(
        "Register exactly `{uri}` at the provider as a post-logout redirect URI of this client"
    );
    match reply {
        Reply::Returned(_) => code.ok(
            format!("The post-logout redirect URI `{uri}` is registered: the provider sends people there"),
        ),
        Reply::RedirectUriRefused(said) => code.mistake(
            format!("The provider refuses the post-logout redirect URI `{uri}`: \"{said}\""),
            cure,
        ),
        Reply::Refused(status, said) => code.warning(
            format!("The provider answers {status} to a logout (\"{said}\"): perhaps because `{uri}` is not registered, perhaps because nobody is signed in there"),
            cure,
        ),
        Reply::Failed(status) => code.warning(
            format!("The provider answers {status} to a logout"),
            cure,
        ),
        Reply::Page => code.ok(
            format!("The provider accepts `{uri}` as the post-logout redirect URI, or at least does not refuse it"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    #[test]
    fn a_refusal_of_the_uri_is_a_mistake() {
        for (reply, severity) in [
            (Reply::Returned(None), Severity::Ok),
            (Reply::Page, Severity::Ok),
            (
                Reply::RedirectUriRefused("no".to_owned()),
                Severity::Mistake,
            ),
            (Reply::Refused(400, "no".to_owned()), Severity::Warning),
            (Reply::Failed(500), Severity::Warning),
        ] {
            let finding = judge("https://app.example/", &reply);
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }
}
