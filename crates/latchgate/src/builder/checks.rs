//! What must be right before a gate is built: the base URL, the routes, the keys, the names.

use url::Url;

use crate::config::{ConfigError, Problem};
use crate::cookie::Transport;
use crate::gate::{Base, Routes};
use crate::outside::Random;
use crate::provider::is_https_or_loopback;
use crate::return_to::ReturnTo;
use crate::seal::SessionKey;

/// The routes as configured, relative to the base URL.
pub(super) struct Paths {
    pub(super) login: String,
    pub(super) callback: String,
    pub(super) logout: String,
    pub(super) back_channel_logout: String,
    pub(super) front_channel_logout: String,
    pub(super) after_logout: String,
}

impl Paths {
    pub(super) fn routes(self, base: &Base) -> Result<Routes, ConfigError> {
        let complete = |setting, path: String| {
            let plain = ReturnTo::parse(&path).is_some_and(|parsed| parsed.as_str() == path);
            if !plain || path.contains(['?', '#']) {
                return Err(ConfigError::new(setting, Problem::Path));
            }
            Ok(format!("{}{path}", base.path))
        };
        let routes = Routes {
            login: complete("login_path", self.login)?,
            callback: complete("callback_path", self.callback)?,
            logout: complete("logout_path", self.logout)?,
            back_channel_logout: complete("backchannel_logout_path", self.back_channel_logout)?,
            front_channel_logout: complete("frontchannel_logout_path", self.front_channel_logout)?,
            after_logout: complete("after_logout_path", self.after_logout)?,
        };
        let all = routes.all();
        let shared = |path| all.iter().filter(|(_, other)| *other == path).count() > 1;
        // Two share a path, and `/login` is mostly the one that was meant.
        match all[1..].iter().find(|(_, path)| shared(*path)) {
            Some((route, _)) => Err(ConfigError::new(route.setting(), Problem::Collision)),
            None => Ok(routes),
        }
    }
}

pub(super) fn base(text: &str) -> Result<(Base, Transport), ConfigError> {
    let wrong = |problem| Err(ConfigError::new("base_url", problem));
    if text.is_empty() {
        return wrong(Problem::Missing);
    }
    let Ok(url) = Url::parse(text) else {
        return wrong(Problem::NotAUrl);
    };
    if !is_https_or_loopback(&url) {
        return wrong(Problem::NotHttps);
    }
    let decorated = url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some();
    if decorated {
        return wrong(Problem::Decorated);
    }
    let transport = if url.scheme() == "https" {
        Transport::Https
    } else {
        Transport::LoopbackHttp
    };
    let base = Base {
        origin: url.origin().ascii_serialization(),
        path: url.path().trim_end_matches('/').to_owned(),
    };
    Ok((base, transport))
}

pub(super) fn session_keys(
    given: Vec<SessionKey>,
    transport: Transport,
    random: &dyn Random,
) -> Result<Vec<SessionKey>, ConfigError> {
    if !given.is_empty() {
        return Ok(given);
    }
    if transport == Transport::Https {
        return Err(ConfigError::new("session_keys", Problem::NoSessionKeys));
    }
    tracing::warn!(
        "no session keys are configured: sessions end when this process does. Fine on loopback; set LATCHGATE_SESSION_KEYS to keep them"
    );
    let made_up = random
        .array()
        .map_err(|problem| ConfigError::new("session_keys", Problem::Random(problem)))?;
    Ok(vec![SessionKey::from_bytes(made_up)])
}

pub(super) fn is_cookie_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
