//! A login that a third party starts: [OpenID Connect Core 1.0
//! §4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin).

use bytes::Bytes;
use http::Response;
use url::{Position, Url};

use super::Gate;
use super::page::redirect;
use super::route_request::RouteRequest;
use crate::authorization::{InitiateLoginError, Initiation, LoginOptions};
use crate::error::{Error, RequestError};
use crate::navigation::Navigation;
use crate::return_to::ReturnTo;

impl RouteRequest {
    /// Starts a login at the provider that the request names, whoever sent it.
    pub(super) async fn initiate_login(&self, body: &Bytes) -> Result<Response<Bytes>, Error> {
        let posted = match self.parts.method.as_str() {
            "GET" | "HEAD" => false,
            "POST" => true,
            _ => return Err(RequestError::Method { allow: "GET, POST" }.into()),
        };
        if self.parts.to_login_page != Navigation::TopLevel {
            return Err(RequestError::NotANavigation.into());
        }
        let form = match posted {
            true => self.form(body)?,
            false => self.parts.query.as_bytes(),
        };
        let initiation = Initiation::parse(form)?;
        let party = self.gate.relying_parties().at(&initiation.iss);
        let party = party.ok_or_else(|| InitiateLoginError::unknown(&initiation.iss))?;
        let return_to = match &initiation.target_link_uri {
            Some(target) => self.gate.target(target),
            None => self.gate.home(),
        };
        if posted {
            // A browser sends no cookies with another site's form: the logins under way could not be counted.
            return Ok(redirect(&self.initiation_link(&initiation, &return_to)));
        }
        let mut options = LoginOptions::new().provider(&party.registration().name);
        options.login_hint = initiation.login_hint.map(Into::into);
        options.browser_locales = self
            .gate
            .browser_locales(self.parts.accept_language.as_deref());
        let cookies = self.parts.cookies();
        self.gate.begin_login(options, return_to, &cookies).await
    }

    /// The same request as a link.
    fn initiation_link(&self, initiation: &Initiation<'_>, target: &ReturnTo) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("iss", &initiation.iss);
        if let Some(hint) = &initiation.login_hint {
            query.append_pair("login_hint", hint);
        }
        query.append_pair("target_link_uri", target.as_str());
        format!("{}?{}", self.path_as_sent(), query.finish())
    }

    /// The path of this route as browsers request it.
    fn path_as_sent(&self) -> &str {
        let path = self.gate.0.routes.initiate_login.as_deref();
        path.unwrap_or(&self.parts.path)
    }
}

impl Gate {
    /// Where a third party's login leads to: a URL of this application, or a path of it, by the rules of
    /// [`Gate::return_to`]; else the start page.
    fn target(&self, target_link_uri: &str) -> ReturnTo {
        let Ok(url) = Url::parse(target_link_uri) else {
            return self.return_to(target_link_uri);
        };
        let is_ours = url.origin().ascii_serialization() == self.0.base.origin
            && url.username().is_empty()
            && url.password().is_none();
        match is_ours {
            true => self.return_to(&url[Position::BeforePath..]),
            false => self.home(),
        }
    }
}
