//! Who is signed in, for the scripts of a page: `GET` at the path of
//! [`GateBuilder::session_path`](crate::GateBuilder::session_path). Reading it neither extends the session nor refreshes
//! its tokens, so a page that asks every minute does not keep an abandoned session open.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Gate;
use super::page::{protect, respond};
use super::route_request::RouteRequest;
use crate::error::{Error, RequestError};
use crate::session::{Session, SessionEnd};
use crate::sessions::Lookup;

/// The claims that are shown unless the application names others.
pub(crate) const USUAL_CLAIMS: [&str; 5] =
    ["sub", "name", "preferred_username", "email", "picture"];

impl RouteRequest {
    /// Who is signed in, and until when.
    pub(super) async fn session(&self) -> Result<Response<Bytes>, Error> {
        if !matches!(self.parts.method.as_str(), "GET" | "HEAD") {
            return Err(RequestError::Method { allow: "GET" }.into());
        }
        let sessions = self.gate.sessions();
        let cookie = sessions.open(&sessions.pieces(self.parts.cookie_fields()));
        let shown = match sessions.find_as_it_is(cookie).await? {
            Lookup::Active { loaded, .. } => match self.gate.counts(&loaded.session).await? {
                true => self.gate.shown(&loaded.session),
                false => self.gate.nobody(None),
            },
            Lookup::Ended { why, .. } => self.gate.nobody(Some(why)),
            Lookup::NotFound | Lookup::Invalid => self.gate.nobody(None),
        };
        Ok(self.tagged(shown.to_string()))
    }

    /// The response, or `304` if the script has the same one already (RFC 9110 §13.1.2).
    fn tagged(&self, body: String) -> Response<Bytes> {
        let hash = digest(&SHA256, body.as_bytes());
        let tag = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&hash.as_ref()[..16]);
        let tag = format!("\"{tag}\"");
        let known = self.parts.if_none_match.as_deref().unwrap_or_default();
        let mut known = known.split(',').map(str::trim);
        let mut response = match known.any(|known| known.strip_prefix("W/").unwrap_or(known) == tag)
        {
            true => {
                let mut unchanged = Response::new(Bytes::new());
                *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
                unchanged
            }
            false => respond(StatusCode::OK, "application/json", body),
        };
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("cookie"));
        headers.extend(HeaderValue::from_str(&tag).map(|tag| (header::ETAG, tag)));
        protect(&mut response);
        response
    }
}

impl Gate {
    /// Whether a session still belongs to a registration of its tenant, if it is one's.
    async fn counts(&self, session: &Session) -> Result<bool, Error> {
        let is_of_nobody = session.tenant().is_none();
        Ok(is_of_nobody || self.0.context.relying_party_of(session).await?.is_some())
    }

    fn shown(&self, session: &Arc<Session>) -> Value {
        let user = self.0.context.user(session);
        let claims: Map<String, Value> = self
            .0
            .session_claims
            .iter()
            .filter_map(|name| Some((name.clone(), user.claim(name)?.clone())))
            .collect();
        json!({
            "signed_in": true,
            "claims": claims,
            "ends_at": session.deadline(),
            "ends_at_latest": session.latest_deadline(),
            "login": self.login_page(),
            "logout": self.logout_path(),
        })
    }

    fn nobody(&self, ended: Option<SessionEnd>) -> Value {
        json!({
            "signed_in": false,
            "ended": ended.map(SessionEnd::code),
            "login": self.login_page(),
        })
    }

    /// Where people sign in: the application's own page, or the path that starts a login.
    pub(super) fn login_page(&self) -> &str {
        let own = self.0.routes.sign_in_page.as_deref();
        own.unwrap_or(&self.0.routes.login)
    }
}
