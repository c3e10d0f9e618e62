//! Whether the redirect URI is registered: the authorization request of a login is sent as a browser would send it, and
//! another one with a redirect URI that nobody has registered. The two responses are compared
//! ([RFC 6749 §3.1.2.4](https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2.4)).

use http::{Request, header};
use oauth2::RedirectUrl;

use super::super::RelyingParty;
use super::page::{Reply, gist};
use super::unreachable;
use crate::authorization::{LoginOptions, PushedRequestError};
use crate::client::Registration;
use crate::error::Error;
use crate::provider::Metadata;
use crate::report::{Finding, FindingCode, Severity};
use crate::return_to::ReturnTo;
use crate::telemetry::ProviderEndpoint;

/// A redirect URI that nobody can have registered (RFC 6761 §6.4).
const NOBODYS: &str = "https://not-registered.latchgate.invalid/callback";

/// The outcome of a request.
enum Asked {
    Answered(Reply),
    /// The pushed request was refused.
    NotPushed(Error),
    /// There was no answer.
    Unreachable(Finding),
}

impl RelyingParty {
    /// Whether the redirect URI is registered, as far as can be told from outside.
    pub(super) async fn check_redirect_uri(&self, metadata: &Metadata) -> Vec<Finding> {
        let ours = self.ask_to_log_in(&self.registration, metadata).await;
        let uri = self.registration.redirect_uri.as_str();
        match ours {
            Asked::Unreachable(finding) => vec![finding],
            Asked::NotPushed(error) => vec![not_pushed(uri, &error)],
            Asked::Answered(reply @ (Reply::Page | Reply::Refused(..))) => {
                let control = match RedirectUrl::new(NOBODYS.to_owned()) {
                    Ok(redirect_uri) => Registration {
                        redirect_uri,
                        ..self.registration.clone()
                    },
                    Err(_) => return Vec::new(),
                };
                let control = match self.ask_to_log_in(&control, metadata).await {
                    Asked::Answered(control) => Some(control),
                    Asked::NotPushed(_) => Some(Reply::RedirectUriRefused(String::new())),
                    Asked::Unreachable(_) => None,
                };
                judge(uri, &reply, control.as_ref())
            }
            Asked::Answered(reply) => judge(uri, &reply, None),
        }
    }

    /// Sends what a browser would send at the start of a login. Redirects are not followed.
    async fn ask_to_log_in(&self, registration: &Registration, metadata: &Metadata) -> Asked {
        let options = self.login_options(LoginOptions::new());
        let random = self.random.as_ref();
        let asked =
            self.request_authorization(registration, metadata, options, ReturnTo::root(), random);
        let url = match asked.await {
            Ok((url, _)) => url,
            Err(Error::Http(error)) => {
                let url = metadata.pushed_authorization_request_endpoint();
                let url = url.map_or_else(String::new, ToString::to_string);
                return Asked::Unreachable(unreachable::finding(&url, &error));
            }
            Err(error) => return Asked::NotPushed(error),
        };
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::ACCEPT_LANGUAGE, "en")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "cross-site")
            .body(Vec::new());
        let endpoint = metadata.authorization_endpoint().as_str();
        let answer = match request {
            Ok(request) => {
                self.connection
                    .exchange(ProviderEndpoint::Authorization, request)
                    .await
            }
            Err(_) => return Asked::Answered(Reply::Page),
        };
        match answer {
            Ok(answer) => Asked::Answered(Reply::read(&answer, registration.redirect_uri.as_str())),
            Err(error) => Asked::Unreachable(unreachable::finding(endpoint, &error)),
        }
    }
}

/// The finding for a pushed request that failed.
fn not_pushed(uri: &str, error: &Error) -> Finding {
    let Error::PushedRequest(PushedRequestError::Refused { error, description }) = error else {
        let what = format!("A login cannot begin: {error:?}");
        return FindingCode::PushedRequests.mistake(what, "See the cause");
    };
    let said = gist(&format!("{error}: {description}"));
    let text = said.to_lowercase();
    if text.contains("redirect") {
        return refused(uri, &said);
    }
    let (code, cure) = match error.as_str() {
        "invalid_client" | "unauthorized_client" => (
            FindingCode::ClientAuthentication,
            "Set `client_id`, the secret or key, and `client_auth` to those of the registration at the provider",
        ),
        "invalid_scope" => (
            FindingCode::Scopes,
            "Set `scopes` (LATCHGATE_SCOPES) to those that the provider allows this client",
        ),
        _ => (FindingCode::PushedRequests, "Read what the provider says"),
    };
    let what = format!("The provider refuses the pushed authorization request: \"{said}\"");
    code.mistake(what, cure)
}

fn refused(uri: &str, said: &str) -> Finding {
    let what = format!("The provider refuses the redirect URI `{uri}`: \"{said}\"");
    FindingCode::RedirectUri.mistake(
        what,
        format!(
            "Register exactly `{uri}` at the provider as a redirect URI of this client; if that is not the application's URL, correct `base_url` (LATCHGATE_BASE_URL)"
        ),
    )
}

/// The findings from the two responses.
fn judge(uri: &str, ours: &Reply, control: Option<&Reply>) -> Vec<Finding> {
    let code = FindingCode::RedirectUri;
    let known = || {
        let what =
            format!("The redirect URI `{uri}` is registered: the provider sends its answer there");
        code.ok(what)
    };
    let register = format!("Make sure that exactly `{uri}` is registered at the provider");
    match ours {
        Reply::Returned(None) => vec![known()],
        Reply::Returned(Some(error)) => {
            let mut findings = vec![known()];
            findings.extend(returned(error));
            findings
        }
        Reply::RedirectUriRefused(said) => vec![refused(uri, said)],
        Reply::Refused(status @ (403 | 429), said) => vec![
            code.warning(
                format!("The provider answers {status} to the authorization request (\"{said}\"), perhaps because it mistakes the check for a bot, so it is unknown whether `{uri}` is registered"),
                format!("{register}; then try a login in a browser"),
            ),
        ],
        Reply::Refused(status, said) => vec![
            code.mistake(
                format!("The provider refuses the authorization request ({status}): \"{said}\". It is not certain why: the client id, the redirect URI `{uri}` or a parameter"),
                format!("Compare `client_id` with the registration at the provider. {register}"),
            ),
        ],
        Reply::Failed(status) => vec![
            code.warning(
                format!("The provider's authorization endpoint answers {status}, so it is unknown whether `{uri}` is registered"),
                "Repeat the check when the provider is working again, and look at its log",
            ),
        ],
        Reply::Page => match control {
            Some(control) if control.is_refusal() => vec![code.ok(
                format!("The redirect URI `{uri}` is registered: the provider shows its login page for it, and refuses one that is not registered"),
            )],
            _ => vec![
                code.hint(
                    format!("It is unknown whether `{uri}` is registered: the provider shows its login page for any URI, and checks it later, if at all"),
                    format!("{register}; then try a login in a browser"),
                ),
            ],
        },
    }
}

/// An error that was sent to our redirect URI: the request is wrong, not the redirect URI.
fn returned(error: &str) -> Option<Finding> {
    let (code, severity, cure) = match error {
        // Nobody is signed in there, and the settings say that nobody is to be asked.
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => return None,
        "invalid_scope" => (
            FindingCode::Scopes,
            Severity::Mistake,
            "Set `scopes` (LATCHGATE_SCOPES) to those that the provider allows this client",
        ),
        "unsupported_response_type" | "unauthorized_client" => (
            FindingCode::ResponseType,
            Severity::Mistake,
            "Allow the client the authorization code flow (response type `code`) at the provider",
        ),
        "unsupported_response_mode" => (
            FindingCode::ResponseMode,
            Severity::Mistake,
            "Set `response_mode` (LATCHGATE_RESPONSE_MODE) to one that the provider supports",
        ),
        "server_error" | "temporarily_unavailable" => (
            FindingCode::ResponseType,
            Severity::Warning,
            "Repeat the check when the provider is working again, and look at its log",
        ),
        _ => (
            FindingCode::ResponseType,
            Severity::Mistake,
            "See what the provider's log says about the authorization request: a parameter is missing or superfluous (`scopes`, `audience`, `resource`, `claims`, `acr_values`)",
        ),
    };
    let error = gist(error);
    let what = format!("The provider refuses the authorization request with `{error}`");
    Some(code.finding(severity, what, cure))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://app.example/callback";

    fn judged(ours: Reply, control: Option<Reply>) -> Vec<(FindingCode, Severity)> {
        let findings = judge(OURS, &ours, control.as_ref());
        findings
            .iter()
            .map(|finding| {
                let is_cured = finding.cure().is_some();
                assert_eq!(is_cured, finding.severity() > Severity::Ok, "{finding}");
                (finding.code(), finding.severity())
            })
            .collect()
    }

    #[test]
    fn two_answers_tell_more_than_one() {
        use FindingCode::{RedirectUri, ResponseType, Scopes};
        let refused = || Reply::RedirectUriRefused("no".to_owned());
        let returned = |error: &str| Reply::Returned(Some(error.to_owned()));
        let other = |status| Reply::Refused(status, "no".to_owned());
        for (ours, control, expected) in [
            (
                Reply::Page,
                Some(refused()),
                &[(RedirectUri, Severity::Ok)][..],
            ),
            (
                Reply::Page,
                Some(other(400)),
                &[(RedirectUri, Severity::Ok)],
            ),
            (
                Reply::Page,
                Some(Reply::Page),
                &[(RedirectUri, Severity::Hint)],
            ),
            (
                Reply::Page,
                Some(Reply::Failed(500)),
                &[(RedirectUri, Severity::Hint)],
            ),
            (Reply::Page, None, &[(RedirectUri, Severity::Hint)]),
            (refused(), None, &[(RedirectUri, Severity::Mistake)]),
            (
                other(400),
                Some(other(400)),
                &[(RedirectUri, Severity::Mistake)],
            ),
            (
                other(403),
                Some(other(403)),
                &[(RedirectUri, Severity::Warning)],
            ),
            (
                Reply::Failed(503),
                None,
                &[(RedirectUri, Severity::Warning)],
            ),
            (Reply::Returned(None), None, &[(RedirectUri, Severity::Ok)]),
            (
                returned("login_required"),
                None,
                &[(RedirectUri, Severity::Ok)],
            ),
            (
                returned("invalid_scope"),
                None,
                &[(RedirectUri, Severity::Ok), (Scopes, Severity::Mistake)],
            ),
            (
                returned("invalid_request"),
                None,
                &[
                    (RedirectUri, Severity::Ok),
                    (ResponseType, Severity::Mistake),
                ],
            ),
        ] {
            assert_eq!(judged(ours.clone(), control), expected, "{ours:?}");
        }
    }

    #[test]
    fn a_refused_push_is_judged_by_its_error() {
        let pushed = |error: &str, description: &str| {
            let refused = PushedRequestError::Refused {
                error: error.to_owned(),
                description: description.to_owned(),
            };
            not_pushed(OURS, &Error::PushedRequest(refused)).code()
        };
        use FindingCode::*;
        for (error, description, expected) in [
            (
                "invalid_request",
                "redirect_uri is not registered",
                RedirectUri,
            ),
            ("invalid_redirect_uri", "", RedirectUri),
            ("invalid_client", "unknown", ClientAuthentication),
            ("invalid_scope", "", Scopes),
            ("invalid_request", "no", PushedRequests),
        ] {
            assert_eq!(
                pushed(error, description),
                expected,
                "{error} {description}"
            );
        }
        let other = Error::PushedRequest(PushedRequestError::NoEndpoint);
        assert_eq!(not_pushed(OURS, &other).code(), PushedRequests);
    }
}
