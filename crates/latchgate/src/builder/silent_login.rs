//! How often pages ask the provider who is signed in there.

use std::time::Duration;

use super::GateBuilder;
use crate::config::Problem;
use crate::gate::SilentLogins;

/// The shortest interval, in seconds.
const SHORTEST: u64 = 60;

impl GateBuilder {
    /// Signs people in without showing a page if they are already signed in at the provider. By default the gate never starts a
    /// login that nobody asked for.
    ///
    /// A page that asks for an `Option<User>` and has none sends the browser to the provider with `prompt=none`, at most once
    /// per `interval` (one minute or longer). It comes back to the same page, with a session or, if the provider would have
    /// to show a page, without. Neither the provider nor the gate ever shows a page, even if something fails.
    ///
    /// Only a browser that says it navigates (Fetch Metadata) and has kept a cookie from an earlier page is sent anywhere:
    /// crawlers, scripts, frames and browsers without cookies get the page as it is. So does somebody who has signed out,
    /// until they sign in. With several providers, it is the one where somebody has signed in before.
    ///
    /// The handler runs before the gate knows that nobody is signed in, and its response is dropped when the browser is sent
    /// to the provider.
    ///
    /// ```
    /// # use latchgate::GateBuilder;
    /// # use std::time::Duration;
    /// # fn set(builder: GateBuilder) -> GateBuilder {
    /// builder.silent_login(Duration::from_secs(3600))
    /// # }
    /// ```
    pub fn silent_login(mut self, interval: Duration) -> Self {
        self.silent_login = Some(interval);
        self
    }
}

pub(super) fn silent_logins(interval: Option<Duration>) -> Result<SilentLogins, Problem> {
    match interval.map(|interval| interval.as_secs()) {
        None => Ok(SilentLogins::ByHandlers),
        Some(seconds @ SHORTEST..) => Ok(SilentLogins::Every(seconds)),
        Some(_) => Err(Problem::Interval),
    }
}
