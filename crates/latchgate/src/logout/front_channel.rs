//! Front-channel logout: [OpenID Connect Front-Channel Logout 1.0
//! §2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout). The provider loads our
//! route in a frame of its logout page.

/// Why a front-channel logout request was refused.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontChannelLogoutError {
    /// A parameter occurs more than once.
    #[error("`{0}` occurs more than once")]
    Duplicate(&'static str),
    /// `iss` without `sid`, or `sid` without `iss` (§2: both or neither).
    #[error("`iss` and `sid` must be sent together or not at all")]
    Half,
    /// `iss` is not a configured issuer.
    #[error("`iss` is not a configured issuer")]
    Issuer,
}

debug_with_causes!(FrontChannelLogoutError);

/// The provider's session that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedSession {
    pub(crate) issuer: String,
    pub(crate) sid: String,
}

/// The session that a request names; `None` if it names none. Other parameters are ignored.
pub(crate) fn named_session(
    query: &str,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Option<NamedSession>, FrontChannelLogoutError> {
    let only = |name: &'static str| {
        let mut values = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(FrontChannelLogoutError::Duplicate(name)),
        }
    };
    match (only("iss")?, only("sid")?) {
        (None, None) => Ok(None),
        (Some(iss), Some(_)) if !is_ours(&iss) => Err(FrontChannelLogoutError::Issuer),
        (Some(issuer), Some(sid)) if !sid.is_empty() => Ok(Some(NamedSession { issuer, sid })),
        _ => Err(FrontChannelLogoutError::Half),
    }
}
