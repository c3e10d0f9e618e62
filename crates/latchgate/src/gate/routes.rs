//! The paths of the gate's own routes, in one list.

use std::sync::atomic::{AtomicBool, Ordering};

/// A route that the gate handles itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Login,
    Callback,
    Logout,
    BackChannelLogout,
    FrontChannelLogout,
    /// A page of the application. The gate responds there when a visitor returns from the provider.
    AfterLogout,
}

/// How requests arrive at an application whose base URL has a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BasePath {
    /// As the browser sent them: `/app/me` for `https://example.com/app`.
    #[default]
    Kept,
    /// Without the base URL's path, which a proxy strips: `/me`.
    Stripped,
}

/// The paths of the routes, with the base path.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) login: String,
    pub(crate) callback: String,
    pub(crate) logout: String,
    pub(crate) back_channel_logout: String,
    pub(crate) front_channel_logout: String,
    /// Where the provider sends the visitor after logout.
    pub(crate) after_logout: String,
    pub(crate) evidence: Evidence,
}

/// Evidence of whether requests reach the routes.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    reached: AtomicBool,
    warned: AtomicBool,
}

impl Evidence {
    /// Records a request to one of the routes.
    pub(super) fn reached(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// For a browser that returned without finishing its login: whether to warn that no route can be reached. Once.
    pub(super) fn misplaced_layer_warning_due(&self) -> bool {
        !self.reached.load(Ordering::Relaxed) && !self.warned.swap(true, Ordering::Relaxed)
    }
}

impl Routes {
    /// Every route and its path.
    pub(crate) fn all(&self) -> [(Route, &str); 6] {
        [
            (Route::Login, &self.login),
            (Route::Callback, &self.callback),
            (Route::Logout, &self.logout),
            (Route::BackChannelLogout, &self.back_channel_logout),
            (Route::FrontChannelLogout, &self.front_channel_logout),
            (Route::AfterLogout, &self.after_logout),
        ]
    }

    /// The route at a path.
    pub(super) fn at(&self, path: &str) -> Option<Route> {
        let mut all = self.all().into_iter();
        all.find(|(_, of_route)| *of_route == path)
            .map(|(route, _)| route)
    }
}

impl Route {
    /// The name of the setting for its path.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Login => "login_path",
            Self::Callback => "callback_path",
            Self::Logout => "logout_path",
            Self::BackChannelLogout => "backchannel_logout_path",
            Self::FrontChannelLogout => "frontchannel_logout_path",
            Self::AfterLogout => "after_logout_path",
        }
    }

    /// Whether its path is the gate's alone.
    pub(super) fn is_ours(self) -> bool {
        self != Self::AfterLogout
    }
}
