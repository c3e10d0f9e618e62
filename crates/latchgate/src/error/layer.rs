//! Places where the login layer cannot work, and what to do about it.

use std::fmt;

/// Why the gate's own routes do not work in the layer's place.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerError {
    /// The layer wraps a part of the application that does not contain the callback.
    OutOfReach {
        /// The path of that part.
        around: String,
        /// The path of the callback.
        callback: String,
        /// The base URL with which that part would contain the callback.
        base_url: String,
    },
    /// A request for a visitor's data has passed no login layer.
    Missing,
    /// The callback arrived without the base URL's path.
    BasePathStripped {
        /// The path it should have had.
        callback: String,
        /// The path it had.
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
                "the login layer wraps only `{around}`, so the provider's answer at `{callback}` would never reach it: \
                 wrap the whole application (axum: `Router::layer` on the outermost router, after its last \
                 route; actix-web: `App::wrap`), or, where the application lives at `{around}`, make `{base_url}` the base URL"
            ),
            Self::Missing => f.write_str(
                "the request has passed no login layer, which keeps visitors' data: wrap the application (axum: \
                 `Router::layer(LoginLayer::new(gate))`; actix-web: `App::wrap`), and ask in the task that serves the request, \
                 not in one that it has spawned",
            ),
            Self::BasePathStripped { callback, arrived } => write!(
                f,
                "the provider's answer to `{callback}` arrived at `{arrived}`: a proxy removes the base URL's path. \
                 Let the proxy pass on the path as the browser sent it, or configure that it does not: \
                 LATCHGATE_BASE_PATH=stripped, `.base_path(BasePath::Stripped)`"
            ),
        }
    }
}

impl std::error::Error for LayerError {}

debug_with_causes!(LayerError);
