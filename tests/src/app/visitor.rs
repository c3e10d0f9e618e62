//! What the application keeps for visitors, by what a query says.

use latchgate::{Visitor, VisitorError};
use serde_json::Value;

/// The value of the name in the query.
pub(super) fn value(visitor: &Visitor, query: Option<&str>) -> Value {
    visitor.get(query.unwrap_or_default()).unwrap_or_default()
}

/// The same, once.
pub(super) fn once(visitor: &Visitor, query: Option<&str>) -> Value {
    visitor.take(query.unwrap_or_default()).unwrap_or_default()
}

/// Sets each `name=json` of a query. Without a query, removes everything; without JSON, that value.
pub(super) fn change(visitor: &Visitor, query: Option<&str>) -> Result<(), VisitorError> {
    let Some(query) = query else {
        visitor.clear();
        return Ok(());
    };
    for (name, json) in url::form_urlencoded::parse(query.as_bytes()) {
        match serde_json::from_str::<Value>(&json) {
            Ok(value) => visitor.set(&name, &value)?,
            Err(_) => visitor.remove(&name),
        }
    }
    Ok(())
}
