//! "Remember me": whether a browser keeps the session's cookie when it is closed, which is whether
//! the cookie has a `Max-Age` ([RFC 6265 §4.1.2.2 and §5.3](https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.2)).

use serde::{Deserialize, Serialize};

/// Whether a session outlives the browser it began in.
///
/// The deadlines of the session hold either way: a browser that restores the tabs of yesterday
/// restores their cookies too, and no longer than those deadlines allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Remembered {
    /// The cookie is kept until the session is over.
    #[default]
    AcrossRestarts,
    /// The cookie goes when the browser is closed.
    UntilClosed,
}
