//! Protection against cross-site request forgery.

use url::Url;

use super::GateBuilder;
use crate::config::{Mistakes, Problem};
use crate::request_session::Csrf;

impl GateBuilder {
    /// Refuses requests that use a session and may have been caused by a page of another site: cross-site request forgery
    /// ([CWE-352](https://cwe.mitre.org/data/definitions/352.html)). Off by default.
    ///
    /// The cookie's `SameSite=Lax` keeps other sites out already, but not the pages of sibling domains, and not those of
    /// another port. With this, a request that brings our session cookie and either has a method other than `GET`,
    /// `HEAD`, `OPTIONS` and `TRACE` or opens a WebSocket passes by the first row that fits, and gets a `403` (code
    /// `cross_site_request`) otherwise:
    ///
    /// | the request has | passes |
    /// |---|---|
    /// | an `Origin` among the [trusted ones](Self::trusted_origins) | yes |
    /// | `Sec-Fetch-Site` (every current browser) | if it is `same-origin`, or `none`, which is not from any page |
    /// | `Origin` | if it is that of the base URL |
    /// | neither: old browsers, and programs with a cookie | with a header `X-CSRF: 1` or `X-Requested-With`, which only scripts can send, and only where CORS lets them |
    ///
    /// Requests without a session cookie, and those that [present an access token](Self::api), are not concerned: there is
    /// nothing that a browser adds to them by itself. Keep `GET` free of side effects.
    pub fn csrf_protection(mut self) -> Self {
        self.csrf_protection = true;
        self
    }

    /// Other origins whose pages may use sessions, such as `https://admin.example.com`, as browsers spell them in `Origin`.
    /// For [`csrf_protection`](Self::csrf_protection), which must be on.
    pub fn trusted_origins<O: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        self.trusted_origins = origins.into_iter().map(Into::into).collect();
        self
    }
}

/// What the gate checks. Errors are added to `mistakes`.
pub(super) fn csrf(on: bool, trusted: Vec<String>, mistakes: &mut Mistakes) -> Csrf {
    let is_origin = |text: &String| {
        let url = Url::parse(text);
        url.is_ok_and(|url| url.origin().ascii_serialization() == *text)
    };
    if !trusted.iter().all(is_origin) {
        mistakes.add("trusted_origins", Problem::NotAnOrigin);
    }
    match on {
        true => Csrf::Checked(trusted),
        false => {
            if !trusted.is_empty() {
                let setting = "csrf_protection";
                let problem = Problem::NoEffectWithout { setting };
                mistakes.add("trusted_origins", problem);
            }
            Csrf::Unchecked
        }
    }
}
