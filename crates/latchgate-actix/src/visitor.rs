//! The application's data for the person who makes a request.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use latchgate::adapter::Extract;

use crate::extract::Rejection;
use crate::head::Head;

/// The application's own small data for the person who makes the request, signed in or not: a cart, a message for the next page, a
/// chosen language. See [`latchgate::Visitor`].
///
/// ```
/// use actix_web::web::Redirect;
/// use latchgate_actix::{Rejection, Visitor};
///
/// async fn add(visitor: Visitor) -> Result<Redirect, Rejection> {
///     let mut cart: Vec<u64> = visitor.get("cart").unwrap_or_default();
///     cart.push(7);
///     visitor.set("cart", &cart)?;
///     visitor.set("flash", "It is in your cart.")?;
///     Ok(Redirect::to("/cart").see_other())
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

impl FromRequest for Visitor {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let head = Head(request);
        let visitor = Extract::visitor(&head);
        ready(visitor.map(Self).map_err(Rejection::from))
    }
}
