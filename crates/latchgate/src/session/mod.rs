//! One session: who signed in, until when, its tokens, the application's value, and the bytes that all this is stored
//! as.

mod access_token;
mod api_call;
mod authentication;
mod by_application;
mod ceiling;
mod claim_sources;
mod claims;
mod compact;
mod data;
mod extras;
mod layout;
mod lifetime;
mod mark;
mod person;
mod sample;
#[expect(
    clippy::module_inception,
    reason = "the module is named after its subject, and so is the file"
)]
mod session;
mod size;
mod stamp;
mod tenant;
#[cfg(feature = "testing")]
mod test_login;
mod tokens;
mod user;

pub use access_token::AccessToken;
pub use api_call::ApiCall;
pub(crate) use by_application::APPLICATION;
pub use ceiling::SessionCeiling;
pub use claim_sources::ClaimSource;
#[cfg(test)]
pub(crate) use compact::CompactToken;
pub use data::DataError;
pub(crate) use data::encode as encode_data;
pub(crate) use extras::UserinfoAge;
pub use lifetime::{Lifetimes, SessionEnd};
pub(crate) use mark::{Mark, SessionName};
pub use person::Person;
pub(crate) use session::{EndedSession, Session, SessionStart};
pub use size::SessionTooLarge;
pub(crate) use stamp::{Seen, Stamp};
#[cfg(feature = "testing")]
pub use test_login::TestLogin;
pub(crate) use tokens::Tokens;
pub use user::{ClaimsError, User};
