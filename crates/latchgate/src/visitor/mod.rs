//! The application's own small data for a visitor, who need not be signed in: a cart, a flash message, a chosen language.
//! Sealed in a cookie, opened when a handler asks for it, written when a handler has changed something.

mod contents;
mod error;
mod lent;
mod visitors;

use std::any::type_name;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use contents::VisitorContents;
pub use error::VisitorError;
pub(crate) use lent::RequestVisitor;
pub(crate) use visitors::{LONGEST_LIFETIME, Visitors, VisitorsConfig};

/// The application's own small data for the person who makes a request, signed in or not: named values, each kept as JSON.
///
/// Handlers get it through the adapters' extractor of the same name:
///
/// ```
/// # use latchgate::{Visitor, VisitorError};
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Cart {
///     items: Vec<u64>,
/// }
///
/// fn add(visitor: &Visitor, item: u64) -> Result<(), VisitorError> {
///     let mut cart: Cart = visitor.get("cart").unwrap_or_default();
///     cart.items.push(item);
///     visitor.set("cart", &cart)
/// }
///
/// /// A message for the next page, which shows it once.
/// fn flash(visitor: &Visitor) -> Option<String> {
///     visitor.take("flash")
/// }
/// ```
///
/// There is nothing to switch on. The cookie, `__Host-latchgate-visitor` unless
/// [`cookie_name`](crate::GateBuilder::cookie_name) says otherwise, appears when something is first set, and goes when
/// nothing is left; it has no id, so unless the application stores one, nobody is tracked. A request whose handler asks
/// for nothing costs nothing, and its response has no additional header. Once a handler has asked, the response varies by
/// `Cookie` and stays out of shared caches. What is changed after the response has begun is lost.
///
/// All values together may take 2 KiB ([`VisitorError::TooLarge`]): the cookie is sent with every request, in addition to the
/// session's. They are dropped
/// [`visitor_lifetime`](crate::GateBuilder::visitor_lifetime) after the last change (30 days), and a year after the first one
/// in any case.
///
/// # At a login
///
/// [`on_login_with_visitor`](crate::GateBuilder::on_login_with_visitor) gets the data and decides which of it goes into the
/// session. Then it is removed from the browser, except what the hook has set. Without that hook it stays where it is, and the
/// handlers of somebody who is signed in can read it. Somebody who signs out leaves none of it behind.
///
/// The data is offered only at a login that began at a page of the application's, or that the visitor went to themselves. At
/// others, the hook sees an empty visitor, and the data stays in the browser.
///
/// # What to expect of it
///
#[doc = include_str!("threats.md")]
#[derive(Clone)]
pub struct Visitor(Arc<OpenedVisitor>);

struct OpenedVisitor {
    visitors: Arc<Visitors>,
    writing: Writing,
    state: Mutex<VisitorState>,
}

/// Whether changes reach the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Permitted,
    /// Another site's page has sent the request, and the browser has kept its cookie back: it would be overwritten.
    Refused,
    /// Nobody knows what the browser has. Changes are lost.
    Unseen,
}

#[derive(Default)]
struct VisitorState {
    contents: VisitorContents,
    /// What the browser has, and a login must not see.
    kept_back: VisitorContents,
    /// The browser has a cookie.
    brought: bool,
    write: bool,
}

impl Visitor {
    fn new(visitors: Arc<Visitors>, writing: Writing, state: VisitorState) -> Self {
        Self(Arc::new(OpenedVisitor {
            visitors,
            writing,
            state: Mutex::new(state),
        }))
    }

    /// The value of this name. `None` if there is none, or one of another type: an older release of the application may have
    /// set it.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let state = self.state();
        let value = serde_json::from_str(state.contents.json(name)?);
        // The error could repeat the value.
        let mismatch = |error: serde_json::Error| {
            tracing::debug!(
                event = "visitor_value_mismatch",
                name,
                wanted = type_name::<T>(),
                column = error.column(),
                "a visitor's value is of another type and counts as none"
            );
        };
        value.map_err(mismatch).ok()
    }

    /// Sets the value of this name, which the response will carry.
    ///
    /// # Errors
    ///
    /// The old value stays when all values together would exceed 2 KiB ([`VisitorError::TooLarge`]), when this one cannot
    /// be written as JSON ([`VisitorError::NotJson`]), and when a page of another site has sent the request
    /// ([`VisitorError::CrossSite`]).
    pub fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), VisitorError> {
        if self.0.writing == Writing::Refused {
            return Err(VisitorError::CrossSite);
        }
        let json =
            serde_json::to_string(value).map_err(|error| VisitorError::NotJson(error.into()))?;
        let mut state = self.state();
        let changed = state.contents.with(name, json, self.0.visitors.now());
        changed.and(&state.kept_back).check_size()?;
        state.contents = changed;
        state.write = true;
        Ok(())
    }

    /// Removes the value of this name, and returns it: for a message that is shown once.
    ///
    /// The browser keeps it until it gets the response, so a second tab, or somebody who has copied the cookie, may show it
    /// again.
    pub fn take<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = self.get(name);
        self.remove(name);
        value
    }

    /// Removes the value of this name.
    pub fn remove(&self, name: &str) {
        let mut state = self.state();
        if state.contents.remove(name) {
            state.contents.written_at = self.0.visitors.now();
            state.write = true;
        }
    }

    /// Removes all values.
    pub fn clear(&self) {
        let mut state = self.state();
        state.contents = VisitorContents::default();
        state.write = true;
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().contents.is_empty()
    }

    /// Removes what the login hook has been offered, and leaves what it has set.
    pub(crate) fn leave_to_session(&self) {
        let mut state = self.state();
        state.contents.keep_new();
        state.write = true;
    }

    /// The `Set-Cookie` field of the response, if something has changed.
    pub(crate) fn cookie(&self) -> Option<HeaderValue> {
        let state = self.state();
        if !state.write || self.0.writing != Writing::Permitted {
            return None;
        }
        let contents = state.contents.and(&state.kept_back);
        let visitors = &self.0.visitors;
        match contents.is_empty() {
            true => state.brought.then(|| visitors.removed()),
            false => visitors.seal(&contents),
        }
    }

    /// Whether a `Set-Cookie` field is one of the visitor's data.
    pub(crate) fn is_set_by(&self, field: &[u8]) -> bool {
        self.0.visitors.is_in(field)
    }

    fn state(&self) -> MutexGuard<'_, VisitorState> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Visitor {
    /// Names and values are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visitor")
    }
}
