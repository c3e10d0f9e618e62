//! Who is signed in: the session, how it is kept, and how its tokens are renewed.

mod access_token;
mod ceiling;
mod compact;
mod data;
mod layout;
mod lifetime;
mod mark;
mod memory;
mod obeyed;
mod renewal;
mod revocations;
mod sealed;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what it is about, and so is the file"
)]
mod session;
mod shared_revocations;
mod store;
mod stored;
mod user;

pub use access_token::AccessToken;
pub use ceiling::SessionCeiling;
pub use data::DataError;
pub(crate) use data::encode as encode_data;
pub(crate) use layout::UserinfoAge;
pub use lifetime::{Ended, Lifetimes};
pub(crate) use mark::{Mark, Seen, SessionName, Stamp};
pub use memory::MemoryStore;
pub(crate) use obeyed::ObeyedTokens;
pub(crate) use renewal::{Renewals, Renewed};
pub(crate) use revocations::{Moment, Revocations};
pub(crate) use sealed::SealedSessions;
pub use sealed::SessionTooLarge;
pub(crate) use session::{Session, Tokens};
pub(crate) use shared_revocations::{EndedSession, SharedRevocations};
pub use store::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoreOpener, StoredName,
    StoredNames, StoredRecord,
};
pub(crate) use stored::{Leased, Removal, StoredSessions, Taken, Ticket};
pub use user::{ClaimsError, User};
