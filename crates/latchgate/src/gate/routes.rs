//! The paths of the gate's own routes, in one list.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::is_tenant_name;
use crate::relying_party::RESERVED_NAME;

/// A route that the gate handles itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Login,
    /// Where a third party may start a login.
    InitiateLogin,
    Callback,
    /// Where scripts read who is signed in.
    Session,
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
    /// `None` unless third parties may start logins.
    pub(crate) initiate_login: Option<String>,
    pub(crate) callback: String,
    /// `None` unless scripts may read who is signed in.
    pub(crate) session: Option<String>,
    pub(crate) logout: String,
    pub(crate) back_channel_logout: String,
    pub(crate) front_channel_logout: String,
    /// Where the provider sends the visitor after logout.
    pub(crate) after_logout: String,
    /// The application's own page for signing in.
    pub(crate) sign_in_page: Option<String>,
    /// The providers that have a name, and so a login and a callback path of their own below those.
    pub(crate) names: Vec<String>,
    /// Whether any other name may be that of a tenant, and so has such paths, too.
    pub(crate) of_tenants: bool,
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
    pub(crate) fn all(&self) -> impl Iterator<Item = (Route, &str)> {
        let always: [(Route, &str); 6] = [
            (Route::Login, &self.login),
            (Route::Callback, &self.callback),
            (Route::Logout, &self.logout),
            (Route::BackChannelLogout, &self.back_channel_logout),
            (Route::FrontChannelLogout, &self.front_channel_logout),
            (Route::AfterLogout, &self.after_logout),
        ];
        let sometimes = [
            (Route::InitiateLogin, self.initiate_login.as_deref()),
            (Route::Session, self.session.as_deref()),
        ];
        let sometimes = sometimes.into_iter();
        let configured = sometimes.filter_map(|(route, path)| Some((route, path?)));
        always.into_iter().chain(configured)
    }

    /// The route at a path.
    pub(crate) fn at(&self, path: &str) -> Option<Route> {
        self.find(path, "").map(|(route, _)| route)
    }

    /// The route at a path, with the name of the provider if it is the provider's own. `stripped` is what a proxy removes
    /// from the path of every request.
    pub(super) fn find<'a>(
        &'a self,
        path: &'a str,
        stripped: &str,
    ) -> Option<(Route, Option<&'a str>)> {
        let received = |ours: &'a str| ours.strip_prefix(stripped).unwrap_or(ours);
        if let Some((route, _)) = self.all().find(|(_, ours)| received(ours) == path) {
            return Some((route, None));
        }
        if self.names.is_empty() && !self.of_tenants {
            return None;
        }
        let below = |above: &'a str| path.strip_prefix(received(above))?.strip_prefix('/');
        let of_providers = [
            (Route::Login, self.login.as_str()),
            (Route::Callback, &self.callback),
        ];
        let own = of_providers.into_iter().find_map(|(route, above)| {
            let name = below(above)?;
            let known = self.names.iter().find(|known| *known == name)?;
            Some((route, Some(known.as_str())))
        });
        own.or_else(|| {
            let of_tenants = [
                (Route::BackChannelLogout, self.back_channel_logout.as_str()),
                (Route::FrontChannelLogout, &self.front_channel_logout),
            ];
            let mut all = of_providers.into_iter().chain(of_tenants);
            all.find_map(|(route, above)| {
                let name = below(above).filter(|name| self.may_be_tenant(name))?;
                Some((route, Some(name)))
            })
        })
    }

    fn may_be_tenant(&self, name: &str) -> bool {
        self.of_tenants && name != RESERVED_NAME && is_tenant_name(name)
    }
}

impl Route {
    /// The name of the setting for its path.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Login => "login_path",
            Self::InitiateLogin => "initiate_login_path",
            Self::Callback => "callback_path",
            Self::Session => "session_path",
            Self::Logout => "logout_path",
            Self::BackChannelLogout => "backchannel_logout_path",
            Self::FrontChannelLogout => "frontchannel_logout_path",
            Self::AfterLogout => "after_logout_path",
        }
    }

    /// Whether its path is the gate's alone.
    pub(crate) fn is_ours(self) -> bool {
        self != Self::AfterLogout
    }
}
