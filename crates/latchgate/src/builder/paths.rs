//! The paths of the gate's routes, and whether a proxy changes paths.

use super::GateBuilder;
use crate::gate::BasePath;

impl GateBuilder {
    /// The path that starts a login; the default is `/login`. Relative to the base URL.
    pub fn login_path(mut self, path: impl Into<String>) -> Self {
        self.paths.login = path.into();
        self
    }

    /// Lets third parties start logins, such as a portal or the provider's list of applications ([OpenID Connect Core 1.0
    /// §4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)), at this path, usually
    /// `/login/initiate`. Relative to the base URL; by default there is no such path. Register
    /// [`Gate::initiate_login_uri`](crate::Gate::initiate_login_uri) at the provider.
    ///
    /// The request, a `GET` or a form, names the issuer in `iss`, one of the gate's own, and may have a `login_hint` and a
    /// `target_link_uri`: where to go after the login, a URL of this application; for any other, its home page. It goes
    /// straight to that provider, past any page for signing in. What it starts is an ordinary login, bound to the browser
    /// by its cookie: somebody who follows such a link signs in as the person that they are at the provider, and the provider
    /// decides whether to ask them.
    ///
    /// ```
    /// # use latchgate::GateBuilder;
    /// # fn set(builder: GateBuilder) -> GateBuilder {
    /// builder.initiate_login_path("/login/initiate")
    /// # }
    /// ```
    pub fn initiate_login_path(mut self, path: impl Into<String>) -> Self {
        self.paths.initiate_login = Some(path.into());
        self
    }

    /// The path of the redirect URI; the default is `/callback`. Relative to the base URL.
    pub fn callback_path(mut self, path: impl Into<String>) -> Self {
        self.paths.callback = path.into();
        self
    }

    /// Lets the scripts of a page read at this path, usually `/session`, who is signed in. Relative to the base URL; by
    /// default there is no such path.
    ///
    /// The answer is JSON that no cache keeps, and never contains a token:
    ///
    /// ```json
    /// { "signed_in": true, "claims": { "sub": "248289761001", "name": "Jane" },
    ///   "ends_at": 1793191860, "ends_at_latest": 1793777460, "login": "/login", "logout": "/logout" }
    /// { "signed_in": false, "ended": "idle", "login": "/login" }
    /// ```
    ///
    /// `ends_at`, in seconds since the epoch, is when the session ends without use; `ends_at_latest` when it ends in any
    /// case; compare them with the response's `Date`, since the browser's clock may be wrong. `ended` says why the
    /// session that the browser had is over ([`SessionEnd::code`](crate::SessionEnd::code)), or is `null`. Asking does not count as use and refreshes
    /// nothing. A script that sends the last `ETag` in `If-None-Match` gets `304` while nothing has changed.
    ///
    /// Pages of other origins cannot read it unless a CORS layer of yours lets them.
    pub fn session_path(mut self, path: impl Into<String>) -> Self {
        self.paths.session = Some(path.into());
        self
    }

    /// Which claims [`session_path`](Self::session_path) shows; the default is `sub`, `name`, `preferred_username`, `email` and
    /// `picture`. Claims that a person does not have are left out.
    pub fn session_claims<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.session_claims = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The path that signs out; the default is `/logout`. Relative to the base URL.
    pub fn logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.logout = path.into();
        self
    }

    /// The path of the back-channel logout URI; the default is `/backchannel-logout`. Relative to
    /// the base URL.
    pub fn back_channel_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.back_channel_logout = path.into();
        self
    }

    /// The path of the front-channel logout URI; the default is `/frontchannel-logout`. Relative to
    /// the base URL.
    pub fn front_channel_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.front_channel_logout = path.into();
        self
    }

    /// The page of the application that visitors come back to after logout; the default is `/`.
    /// Relative to the base URL; register it at the provider as post-logout redirect URI.
    pub fn after_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.after_logout = path.into();
        self
    }

    /// Whether a proxy removes the base URL's path; the default is [`BasePath::Kept`].
    ///
    /// Without effect if the base URL has no path.
    ///
    /// ```
    /// # use latchgate::{BasePath, GateBuilder};
    /// # fn set(builder: GateBuilder) -> GateBuilder {
    /// // The browser requests https://example.com/app/me, and the proxy passes on /me.
    /// builder.base_path(BasePath::Stripped)
    /// # }
    /// ```
    pub fn base_path(mut self, arrives: BasePath) -> Self {
        self.paths.arrives = arrives;
        self
    }
}
