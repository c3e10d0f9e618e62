//! The table of set-ups in which one thing is wrong.

/// Has the provider say something else of itself.
macro_rules! metadata {
    ($member:literal: $value:tt) => {
        |provider: &DevProvider| {
            let mischief = provider.mischief();
            mischief.on_metadata(|metadata| metadata[$member] = json!($value));
        }
    };
}

mod at_the_provider;
mod offers;
mod registration;
mod surroundings;

use latchgate::{FindingCode, Severity};

use crate::set_up::SetUp;

/// A set-up in which one thing is wrong, and what the doctor has to say of it.
pub(crate) struct Broken {
    pub(crate) set_up: SetUp,
    pub(crate) code: FindingCode,
    pub(crate) severity: Severity,
    /// Part of the cure.
    pub(crate) cure: &'static str,
    /// What else it is right to complain about.
    pub(crate) besides: &'static [FindingCode],
}

impl SetUp {
    /// With this, nobody can log in.
    fn fails(self, code: FindingCode, cure: &'static str) -> Broken {
        Broken {
            set_up: self,
            code,
            severity: Severity::Mistake,
            cure,
            besides: &[],
        }
    }

    /// With this, something does not work, or perhaps not.
    fn limps(self, code: FindingCode, cure: &'static str) -> Broken {
        Broken {
            severity: Severity::Warning,
            ..self.fails(code, cure)
        }
    }
}

impl Broken {
    fn besides(self, besides: &'static [FindingCode]) -> Self {
        Self { besides, ..self }
    }
}

pub(crate) fn table() -> Vec<Broken> {
    let mut table = at_the_provider::set_ups();
    table.extend(offers::set_ups());
    table.extend(registration::set_ups());
    table.extend(surroundings::set_ups());
    table
}
