//! Where a login is shown: `display` ([OpenID Connect Core 1.0
//! §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).

use serde::{Deserialize, Serialize};

/// Where the visitor sees a login, and so how it ends. Sealed with a pending login: the order may never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Display {
    /// In the window of the page that they want: it ends at that page.
    #[default]
    Page,
    /// Nowhere, by `prompt=none`: whatever fails, it ends at the page.
    Nowhere,
    /// In a pop-up that a script has opened: it ends with a page that tells the script.
    Popup,
}

impl Display {
    /// What a page of the application has asked for. Other values of the standard change nothing here.
    pub(crate) fn parse(value: &str) -> Self {
        match value {
            "popup" => Self::Popup,
            _ => Self::Page,
        }
    }

    /// The parameter for the provider, which shows a page unless it is told otherwise.
    pub(crate) fn parameter(self) -> Option<&'static str> {
        (self == Self::Popup).then_some("popup")
    }
}
