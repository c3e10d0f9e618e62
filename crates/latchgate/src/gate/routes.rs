//! The paths that the gate answers itself, in one list for everybody who has to know them.

use std::sync::atomic::{AtomicBool, Ordering};

/// A request that the gate answers itself, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Login,
    Callback,
    Logout,
    BackChannelLogout,
    FrontChannelLogout,
    /// A page of the application's. The gate answers there when a visitor comes back from the provider.
    AfterLogout,
}

/// In what form requests arrive at an application whose base URL has a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BasePath {
    /// As the browser sent them: `/app/me` for `https://example.com/app`.
    #[default]
    Kept,
    /// Without the base URL's path, which a proxy takes off: `/me`.
    Stripped,
}

/// The paths of the routes, complete with the base path.
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

/// What requests have shown of whether the routes can be reached.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    reached: AtomicBool,
    warned: AtomicBool,
}

impl Evidence {
    /// A request for one of the routes has come.
    pub(super) fn reached(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// A browser has come back with a login that it never finished, as far as we know. Whether that says
    /// that no route can be reached; once.
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

    /// Whether no page of the application's can be at its path.
    pub(super) fn is_ours(self) -> bool {
        self != Self::AfterLogout
    }
}
