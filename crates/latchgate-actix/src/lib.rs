//! latchgate-actix
