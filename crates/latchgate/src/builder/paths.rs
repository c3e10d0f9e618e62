//! The paths of the gate's routes, and whether a proxy changes paths.

use super::GateBuilder;
use crate::gate::BasePath;

impl GateBuilder {
    /// The path that starts a login; the default is `/login`. Relative to the base URL.
    pub fn login_path(mut self, path: impl Into<String>) -> Self {
        self.paths.login = path.into();
        self
    }

    /// The path of the redirect URI; the default is `/callback`. Relative to the base URL.
    pub fn callback_path(mut self, path: impl Into<String>) -> Self {
        self.paths.callback = path.into();
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
