//! Why a guard does not admit somebody, or could not decide.

use std::fmt;

use crate::authorization::StepUp;
use crate::hook::HookError;

/// The first condition of a guard that a person does not meet.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// The person lacks a role.
    Role(String),
    /// The person lacks a permission.
    Permission(String),
    /// The session's tokens lack a scope value.
    Scope(String),
    /// None of the alternatives is met: why, for each of them.
    NoneOf(Vec<Denial>),
    /// A rule of the application does not admit the person, for this reason.
    Rule(String),
    /// The person has not authenticated in the required way, or too long ago. They may authenticate again.
    StepUp(StepUp),
}

impl Denial {
    /// Whether a role is missing.
    pub(crate) fn is_about_a_role(&self) -> bool {
        match self {
            Self::Role(_) => true,
            Self::NoneOf(denials) => denials.iter().any(Self::is_about_a_role),
            _ => false,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "the role `{role}` is required"),
            Self::Permission(permission) => {
                write!(f, "the permission `{permission}` is required")
            }
            Self::Scope(scope) => write!(f, "the scope `{scope}` is required"),
            Self::NoneOf(denials) => {
                f.write_str("none of the alternatives is met")?;
                for (place, denial) in denials.iter().enumerate() {
                    f.write_str(if place == 0 { ": " } else { "; " })?;
                    fmt::Display::fmt(denial, f)?;
                }
                Ok(())
            }
            Self::Rule(reason) => write!(f, "a rule of the application: {reason}"),
            Self::StepUp(required) => fmt::Display::fmt(required, f),
        }
    }
}

impl std::error::Error for Denial {}

debug_with_causes!(Denial);

/// Why [`Guard::check`](crate::Guard::check) does not admit a person.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The person does not meet a condition.
    #[error("{0}")]
    Denied(Denial),
    /// A rule of the application could not decide.
    #[error("a guard could not decide")]
    Failed(#[source] HookError),
}

debug_with_causes!(GuardError);
