//! The paths of the gate's routes, and in what form the application's paths arrive.

use super::GateBuilder;
use crate::gate::BasePath;

impl GateBuilder {
    /// The path that starts a login; `/login` unless set. Relative to the base URL.
    pub fn login_path(mut self, path: impl Into<String>) -> Self {
        self.paths.login = path.into();
        self
    }

    /// The path of the redirect URI; `/callback` unless set. Relative to the base URL.
    pub fn callback_path(mut self, path: impl Into<String>) -> Self {
        self.paths.callback = path.into();
        self
    }

    /// The path that signs out; `/logout` unless set. Relative to the base URL.
    pub fn logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.logout = path.into();
        self
    }

    /// The path of the back-channel logout URI; `/backchannel-logout` unless set. Relative to the
    /// base URL.
    pub fn back_channel_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.back_channel_logout = path.into();
        self
    }

    /// The path of the front-channel logout URI; `/frontchannel-logout` unless set. Relative to the
    /// base URL.
    pub fn front_channel_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.front_channel_logout = path.into();
        self
    }

    /// The page of the application that visitors come back to after logout; `/` unless set.
    /// Relative to the base URL; register it at the provider as post-logout redirect URI.
    pub fn after_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.after_logout = path.into();
        self
    }

    /// Whether a proxy takes the base URL's path off; [`BasePath::Kept`] unless set.
    ///
    /// Of no consequence where the base URL has no path.
    ///
    /// ```
    /// # use latchgate::{BasePath, GateBuilder};
    /// # fn set(builder: GateBuilder) -> GateBuilder {
    /// // The browser asks for https://example.com/app/me, and we are asked for /me.
    /// builder.base_path(BasePath::Stripped)
    /// # }
    /// ```
    pub fn base_path(mut self, arrives: BasePath) -> Self {
        self.paths.arrives = arrives;
        self
    }
}
