//! How often pages find out at the provider who is there.

use std::time::Duration;

use super::GateBuilder;
use crate::config::{Mistake, Problem};
use crate::gate::SilentLogins;

/// The shortest interval, in seconds.
const SHORTEST: u64 = 60;

impl GateBuilder {
    /// Signs people in without a page, who are signed in at the provider already; by default the gate never starts a login
    /// that nobody has asked for.
    ///
    /// A page that asks for an `Option<User>` and has none sends the browser to the provider with `prompt=none`, at most once
    /// per `interval` (one minute or longer). It comes back to the same page, with a session or, if the provider would have
    /// to ask anything, without. The provider never shows a page, and neither does the gate, whatever fails.
    ///
    /// Only a browser that says it navigates (Fetch Metadata) and has kept a cookie from an earlier page is sent anywhere:
    /// crawlers, scripts, frames and browsers without cookies get the page as it is. So does somebody who has signed out,
    /// until they sign in. With several providers, it is the one where somebody has signed in before.
    ///
    /// The handler runs before it is known that nobody is there, and its response is dropped when the browser is sent
    /// away.
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

pub(super) fn silent_logins(interval: Option<Duration>) -> Result<SilentLogins, Mistake> {
    match interval.map(|interval| interval.as_secs()) {
        None => Ok(SilentLogins::ByHandlers),
        Some(seconds @ SHORTEST..) => Ok(SilentLogins::Every(seconds)),
        Some(_) => Err(Mistake::new("silent_login", Problem::Interval)),
    }
}
