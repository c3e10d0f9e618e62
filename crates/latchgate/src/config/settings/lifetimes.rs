//! The settings about how long sessions last.

use std::time::Duration;

use super::Settings;
use crate::authorization::RememberMe;
use crate::builder::{GateBuilder, Ready};
use crate::config::ConfigError;
use crate::session::SessionCeiling;

impl Settings {
    pub(super) fn lifetimes(
        &self,
        builder: GateBuilder<Ready>,
    ) -> Result<GateBuilder<Ready>, ConfigError> {
        let idle = self.duration("session_idle")?;
        let absolute = self.duration("session_absolute")?;
        let mut builder = builder.session_lifetimes(
            idle.unwrap_or(Duration::from_secs(24 * 3600)),
            absolute.unwrap_or(Duration::from_secs(7 * 24 * 3600)),
        );
        let ceilings = [
            ("session_expiry", SessionCeiling::SessionExpiry),
            ("id_token", SessionCeiling::IdToken),
        ];
        if let Some(ceiling) =
            self.word("session_ceiling", "session_expiry, id_token", &ceilings)?
        {
            builder = builder.session_ceiling(ceiling);
        }
        let answers = [
            ("always", RememberMe::Always),
            ("never", RememberMe::Never),
            ("ask", RememberMe::Ask),
        ];
        if let Some(remember) = self.word("remember", "always, never, ask", &answers)? {
            builder = builder.remember_me(remember);
        }
        Ok(builder)
    }
}
