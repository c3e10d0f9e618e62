//! What an application keeps for visitors, for tests.

use http::{HeaderValue, Request};
use serde::Serialize;
use serde_json::Value;

use super::Gate;
use super::test_login::cookie_fields;
use crate::visitor::VisitorError;

impl Gate {
    /// The `Cookie` field of a browser for which the application keeps these values: the members of an object. For tests
    /// only, and only with the feature `testing`; applications use it by the crate `latchgate-test`.
    ///
    /// # Errors
    ///
    /// As [`Visitor::set`](crate::Visitor::set), and [`VisitorError::NotJson`] for values that are no object.
    pub fn test_visitor(&self, values: &impl Serialize) -> Result<HeaderValue, VisitorError> {
        let values =
            serde_json::to_value(values).map_err(|error| VisitorError::NotJson(error.into()))?;
        let Value::Object(values) = values else {
            return Err(VisitorError::NotJson("it is no object".into()));
        };
        let visitor = self.0.visitors.of_request(&Request::new(()));
        for (name, value) in &values {
            visitor.set(name, value)?;
        }
        let set: Vec<HeaderValue> = visitor.cookie().into_iter().collect();
        let field = cookie_fields(&set).pop();
        Ok(field.unwrap_or_else(|| HeaderValue::from_static("")))
    }
}
