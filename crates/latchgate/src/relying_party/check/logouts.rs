//! Which logouts the provider has
//! ([RP-Initiated Logout 1.0 §2.1](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#OPMetadata),
//! [Back-Channel Logout 1.0 §2.1](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCSupport),
//! [Front-Channel Logout 1.0 §3](https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout),
//! [RFC 7009 §2](https://www.rfc-editor.org/rfc/rfc7009#section-2)).

use super::document::Document;
use crate::client::Registration;
use crate::provider::Metadata;
use crate::report::{Finding, FindingCode};

/// What is to be registered at the provider for logouts.
#[derive(Clone, Debug)]
pub(crate) struct LogoutUris {
    pub(crate) post_logout: String,
    pub(crate) back_channel: String,
    pub(crate) front_channel: String,
}

/// Each kind of logout.
pub(super) fn judge(
    document: &Document,
    metadata: &Metadata,
    registration: &Registration,
    uris: &LogoutUris,
) -> Vec<Finding> {
    vec![
        end_session(metadata),
        back_channel(document, uris),
        front_channel(document, uris),
        revocation(metadata, registration),
    ]
}

fn end_session(metadata: &Metadata) -> Finding {
    let code = FindingCode::EndSession;
    match metadata.end_session_endpoint() {
        Some(_) => code.ok(
            "The provider has an `end_session_endpoint`: a logout here also signs out there",
        ),
        None => code.hint(
            "The provider has no `end_session_endpoint`: a logout ends the session here, but not the provider's",
            "If people share devices, let logins ask who is there: set `prompt` (LATCHGATE_PROMPT) to `select_account` or `login`",
        ),
    }
}

fn back_channel(document: &Document, uris: &LogoutUris) -> Finding {
    let code = FindingCode::BackChannelLogout;
    let uri = &uris.back_channel;
    let is_offered = document.says("backchannel_logout_supported");
    match (is_offered, document.says("backchannel_logout_session_supported")) {
        (true, true) => code.ok(
            format!("The provider supports back-channel logout; it works if `{uri}` is registered there, which only a logout can show"),
        ),
        (true, false) => code.hint(
            format!("The provider supports back-channel logout, but does not say which session it means (`sid`): a logout ends all sessions of the person. Register `{uri}` there"),
            "Turn on `sid` in logout tokens (`backchannel_logout_session_required`) at the provider",
        ),
        (false, _) => code.hint(
            "The provider does not support back-channel logout: somebody who is locked out there stays signed in here until the session ends or a refresh is refused",
            "Keep sessions short (`session_idle`, `session_absolute`), or add `offline_access` to `scopes`, so that each refresh asks the provider",
        ),
    }
}

fn front_channel(document: &Document, uris: &LogoutUris) -> Finding {
    let uri = &uris.front_channel;
    let what = match document.says("frontchannel_logout_supported") {
        true => format!(
            "The provider supports front-channel logout (`{uri}`); browsers that block third-party cookies prevent it, so prefer back-channel logout"
        ),
        false => {
            "The provider does not support front-channel logout, which browsers are phasing out anyway"
                .to_owned()
        }
    };
    FindingCode::FrontChannelLogout.ok(what)
}

fn revocation(metadata: &Metadata, registration: &Registration) -> Finding {
    let code = FindingCode::Revocation;
    let asked = registration
        .scopes
        .iter()
        .any(|scope| scope == "offline_access");
    match (metadata.revocation_endpoint(), asked) {
        (Some(_), _) => code.ok("Refresh tokens are revoked at logout"),
        (None, true) => code.hint(
            "The provider has no `revocation_endpoint`: refresh tokens stay valid after a logout",
            "Have the provider give them a short lifetime, and rotate them",
        ),
        (None, false) => code.ok("There is nothing to revoke at logout"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;
    use serde_json::{Value, json};

    fn severities(changes: Value, scopes: &[&str]) -> Vec<(FindingCode, Severity)> {
        let registration = Registration {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Registration::example()
        };
        let uris = LogoutUris {
            post_logout: "https://app.example/".to_owned(),
            back_channel: "https://app.example/backchannel-logout".to_owned(),
            front_channel: "https://app.example/frontchannel-logout".to_owned(),
        };
        let metadata = Metadata::example(changes.clone());
        let findings = judge(&Document::example(changes), &metadata, &registration, &uris);
        findings
            .iter()
            .map(|finding| (finding.code(), finding.severity()))
            .collect()
    }

    #[test]
    fn what_a_provider_lacks_is_a_hint() {
        use FindingCode::*;
        let everything = json!({
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "frontchannel_logout_supported": true,
            "revocation_endpoint": "https://op.example/revoke",
        });
        let all = severities(everything, &["openid", "offline_access"]);
        assert!(
            all.iter().all(|(_, severity)| *severity == Severity::Ok),
            "{all:?}"
        );
        let nothing = severities(json!({ "end_session_endpoint": null }), &["offline_access"]);
        assert_eq!(
            nothing,
            [
                (EndSession, Severity::Hint),
                (BackChannelLogout, Severity::Hint),
                (FrontChannelLogout, Severity::Ok),
                (Revocation, Severity::Hint),
            ]
        );
        let without_sid = severities(json!({ "backchannel_logout_supported": true }), &["openid"]);
        assert_eq!(without_sid[1], (BackChannelLogout, Severity::Hint));
        assert_eq!(without_sid[3], (Revocation, Severity::Ok));
    }
}
