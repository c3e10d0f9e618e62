//! latchgate-tower
