//! Places where the login layer cannot work, and what to do about it.

/// Why the gate's own routes do not work in the layer's place.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The layer wraps a part of the application that does not contain the callback.
    #[error(
        "the login layer wraps only `{around}`, so the provider's answer at `{callback}` would never reach it: \
                 wrap the whole application (axum: `Router::layer` on the outermost router, after its last \
                 route; actix-web: `App::wrap`), or, where the application lives at `{around}`, make `{base_url}` the base URL"
    )]
    OutOfReach {
        /// The path of that part.
        around: String,
        /// The path of the callback.
        callback: String,
        /// The base URL with which that part would contain the callback.
        base_url: String,
    },
    /// A request for a visitor's data has passed no login layer.
    #[error(
        "the request has passed no login layer, which keeps visitors' data: wrap the application (axum: \
                 `Router::layer(LoginLayer::new(gate))`; actix-web: `App::wrap`), and ask in the task that serves the request, \
                 not in one that it has spawned"
    )]
    Missing,
    /// The callback arrived without the base URL's path.
    #[error(
        "the provider's answer to `{callback}` arrived at `{arrived}`: a proxy removes the base URL's path. \
                 Let the proxy pass on the path as the browser sent it, or configure that it does not: \
                 LATCHGATE_BASE_PATH=stripped, `.base_path(BasePath::Stripped)`"
    )]
    BasePathStripped {
        /// The path it should have had.
        callback: String,
        /// The path it had.
        arrived: String,
    },
}

debug_with_causes!(LayerError);
