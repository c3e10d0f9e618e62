//! What an operator should know of sessions in memory.

use crate::report::{Finding, FindingCode, counted};

/// Of a store for so many sessions.
pub(super) fn findings(limit: usize) -> Vec<Finding> {
    vec![
        FindingCode::StoreDurability.hint(
            "Sessions are in the memory of this process: a restart signs everybody out",
            "Fine for development; otherwise keep sessions in cookies, Redis or PostgreSQL",
        ),
        FindingCode::StoreNodes.hint(
            "Each process has its own sessions: with several, people are signed in at one and not at the next",
            "With one process nothing; with several keep sessions in cookies, Redis or PostgreSQL",
        ),
        FindingCode::StoreEviction.ok(
            format!("It holds {}, and drops nobody's for somebody else", counted(limit, "session")),
        ),
    ]
}
