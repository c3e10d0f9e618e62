//! Where the login layer cannot do its work, and what to do about it.

use std::fmt;

/// Why the gate's own routes do not work where the layer is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerError {
    /// The layer is around a part of the application that the callback is no part of.
    OutOfReach {
        /// The path of that part.
        around: String,
        /// The path of the callback.
        callback: String,
        /// The base URL with which the callback would be a part of it.
        base_url: String,
    },
    /// The callback arrived without the base URL's path.
    BasePathStripped {
        /// The path that it should have come by.
        callback: String,
        /// The path that it came by.
        arrived: String,
    },
}

impl fmt::Display for LayerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfReach {
                around,
                callback,
                base_url,
            } => write!(
                f,
                "the login layer is around `{around}` only, so the provider's answer at `{callback}` would never reach it: \
                 put it around the whole application (axum: `Router::layer` on the outermost router, after its last \
                 route; actix-web: `App::wrap`), or, where the application lives at `{around}`, make `{base_url}` the base URL"
            ),
            Self::BasePathStripped { callback, arrived } => write!(
                f,
                "the provider's answer to `{callback}` arrived at `{arrived}`: a proxy takes the base URL's path off. \
                 Let the proxy pass the path on as the browser sent it, or say that it does not: \
                 LATCHGATE_BASE_PATH=stripped, `.base_path(BasePath::Stripped)`"
            ),
        }
    }
}

impl std::error::Error for LayerError {}
