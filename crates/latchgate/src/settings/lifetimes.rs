//! The settings about how long sessions last.

use std::time::Duration;

use super::Settings;
use crate::authorization::RememberMe;
use crate::builder::GateBuilder;
use crate::config::Mistakes;
use crate::session::SessionCeiling;

impl Settings {
    pub(super) fn lifetimes(
        &self,
        mut builder: GateBuilder,
        mistakes: &mut Mistakes,
    ) -> GateBuilder {
        let idle = mistakes.keep(self.duration("session_idle"));
        let absolute = mistakes.keep(self.duration("session_absolute"));
        if let (Some(idle), Some(absolute)) = (idle, absolute) {
            builder = builder.session_lifetimes(
                idle.unwrap_or(Duration::from_secs(24 * 3600)),
                absolute.unwrap_or(Duration::from_secs(7 * 24 * 3600)),
            );
        }
        if let Some(Some(interval)) = mistakes.keep(self.duration("silent_login")) {
            builder = builder.silent_login(interval);
        }
        if let Some(Some(lifetime)) = mistakes.keep(self.duration("visitor_lifetime")) {
            builder = builder.visitor_lifetime(lifetime);
        }
        let ceilings = [
            ("session_expiry", SessionCeiling::SessionExpiry),
            ("id_token", SessionCeiling::IdToken),
        ];
        let ceiling = self.word("session_ceiling", "session_expiry, id_token", &ceilings);
        if let Some(Some(ceiling)) = mistakes.keep(ceiling) {
            builder = builder.session_ceiling(ceiling);
        }
        let answers = [
            ("always", RememberMe::Always),
            ("never", RememberMe::Never),
            ("ask", RememberMe::Ask),
        ];
        let remember = self.word("remember", "always, never, ask", &answers);
        if let Some(Some(remember)) = mistakes.keep(remember) {
            builder = builder.remember_me(remember);
        }
        builder
    }
}
