//! What an operator should know of sessions in memory.

use crate::report::{Finding, FindingCode, Severity, counted};

/// Of a store for so many sessions.
pub(super) fn findings(limit: usize) -> Vec<Finding> {
    vec![
        Finding::new(
            FindingCode::StoreDurability,
            Severity::Hint,
            "Sessions are in the memory of this process: a restart signs everybody out",
        )
        .cured_by("Fine for development; otherwise keep sessions in cookies, Redis or PostgreSQL"),
        Finding::new(
            FindingCode::StoreNodes,
            Severity::Hint,
            "Each process has its own sessions: with several, people are signed in at one and not at the next",
        )
        .cured_by("With one process nothing; with several keep sessions in cookies, Redis or PostgreSQL"),
        Finding::ok(
            FindingCode::StoreEviction,
            format!("It holds {}, and drops nobody's for somebody else", counted(limit, "session")),
        ),
    ]
}
