//! The application's data for the person who makes a request.

use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use latchgate::adapter::Extract;

use crate::extract::Rejection;
use crate::head::Head;

/// The application's own small data for the person who makes the request, signed in or not: a cart, a message for the next page, a
/// chosen language. See [`latchgate::Visitor`].
///
/// ```
/// use axum::response::Redirect;
/// use latchgate_tower::{Rejection, Visitor};
///
/// async fn add(visitor: Visitor) -> Result<Redirect, Rejection> {
///     let mut cart: Vec<u64> = visitor.get("cart").unwrap_or_default();
///     cart.push(7);
///     visitor.set("cart", &cart)?;
///     visitor.set("flash", "It is in your cart.")?;
///     Ok(Redirect::to("/cart"))
/// }
///
/// async fn cart(visitor: Visitor) -> String {
///     let flash: Option<String> = visitor.take("flash");
///     let cart: Vec<u64> = visitor.get("cart").unwrap_or_default();
///     format!("{} {} items", flash.unwrap_or_default(), cart.len())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Visitor(pub latchgate::Visitor);

impl Deref for Visitor {
    type Target = latchgate::Visitor;

    fn deref(&self) -> &latchgate::Visitor {
        &self.0
    }
}

impl From<latchgate::Visitor> for Visitor {
    fn from(visitor: latchgate::Visitor) -> Self {
        Self(visitor)
    }
}

impl From<latchgate::VisitorError> for Rejection {
    fn from(error: latchgate::VisitorError) -> Self {
        latchgate::Error::from(error).into()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        Ok(Self(Extract::visitor(&head)?))
    }
}
