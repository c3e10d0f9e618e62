//! The contract of the session stores: what keeps it passes, and what breaks it is caught.

mod contract;
mod faulty;
