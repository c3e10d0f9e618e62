//! Shared by the front-door tests.
