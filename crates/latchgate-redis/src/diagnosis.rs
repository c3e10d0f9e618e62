//! What an operator should know of a server: whether it drops sessions, and what a restart loses.
//!
//! `INFO` says most of it, and managed servers allow it. How often snapshots are made only `CONFIG GET` says, which many
//! forbid.

use std::collections::HashMap;

use latchgate::store::StoreError;
use latchgate::{Finding, FindingCode};
use redis::cmd;

use crate::link::{Link, Question};

/// Asks the server and judges what it says.
pub(crate) async fn diagnose(link: &Link) -> Result<Vec<Finding>, StoreError> {
    let info: String = match link.ask(|_| Question::Command(cmd("INFO"))).await {
        Ok(info) => info,
        Err(error) => return Ok(vec![unreadable(&error)]),
    };
    let info = Info::read(&info);
    let configured = |_| {
        let mut command = cmd("CONFIG");
        command.arg("GET").arg("save");
        Question::Command(command)
    };
    let save: Result<HashMap<String, String>, _> = link.ask(configured).await;
    let save = save.ok().and_then(|mut found| found.remove("save"));
    Ok(vec![eviction(&info), durability(&info, save.as_deref())])
}

/// `INFO` is forbidden.
fn unreadable(error: &StoreError) -> Finding {
    let what = format!("The settings of Redis cannot be read: {error:?}");
    FindingCode::StoreEviction.hint(
        what,
        "Let the user run `INFO` (`ACL SETUSER … +info`), or check yourself that `maxmemory-policy` is `noeviction` and `appendonly` is `yes`",
    )
}

/// The fields of `INFO`.
struct Info<'a>(HashMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    fn read(info: &'a str) -> Self {
        let fields = info.lines().filter_map(|line| line.split_once(':'));
        Self(fields.map(|(name, value)| (name, value.trim())).collect())
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }
}

fn eviction(info: &Info<'_>) -> Finding {
    let code = FindingCode::StoreEviction;
    let Some(policy) = info.get("maxmemory_policy") else {
        return code.hint(
            "The server does not say what it does when its memory is full",
            "Check yourself that `maxmemory-policy` is `noeviction`",
        );
    };
    let policy: String = policy
        .chars()
        .filter(|c| c.is_ascii_alphabetic() || *c == '-')
        .collect();
    let is_bounded = info.get("maxmemory").is_some_and(|bytes| bytes != "0");
    match (policy.as_str(), is_bounded) {
        ("noeviction", _) => code.ok(
            "`maxmemory-policy` is `noeviction`: when the memory is full, nobody new is signed in, and nobody is signed out",
        ),
        (policy, false) => code.hint(
            format!("`maxmemory-policy` is `{policy}`, which has no effect as long as `maxmemory` is not set"),
            "Set `maxmemory-policy noeviction` before somebody sets `maxmemory`",
        ),
        ("volatile-ttl", true) => code.hint(
            "`maxmemory-policy` is `volatile-ttl`: when the memory is full, people whose sessions would end first are signed out, and logouts are forgotten",
            "Set `maxmemory-policy noeviction`, on a separate server if others need it as a cache, and watch its memory",
        ),
        (policy, true) => code.mistake(
            format!("`maxmemory-policy` is `{policy}`: when the memory is full, people are signed out, and logouts are forgotten"),
            "Set `maxmemory-policy noeviction`, on a separate server if others need it as a cache, and watch its memory",
        ),
    }
}

fn durability(info: &Info<'_>, save: Option<&str>) -> Finding {
    let code = FindingCode::StoreDurability;
    let cure = "Set `appendonly yes`, with `appendfsync everysec`; a replica with automatic failover helps as well";
    match (info.get("aof_enabled"), save) {
        (Some("1"), _) => code.ok(
            "`appendonly` is `yes`: a crash loses a second of sessions and logouts, unless `appendfsync` says otherwise",
        ),
        (_, Some("")) => code.warning(
            "Nothing is written to disk (`appendonly` is `no`, `save` is empty): a restart signs everybody out, and forgets logouts",
            cure,
        ),
        (_, Some(_)) => code.hint(
            "Only snapshots are written to disk (`appendonly` is `no`): a crash loses the sessions and logouts since the last one",
            cure,
        ),
        (_, None) => code.hint(
            "`appendonly` is `no`, and whether there are snapshots cannot be told (`CONFIG GET` is forbidden): a crash may lose sessions and logouts",
            cure,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchgate::Severity;

    fn info(text: &str) -> Info<'_> {
        Info::read(text)
    }

    #[test]
    fn a_server_that_drops_sessions_is_a_mistake() {
        for (said, severity) in [
            (
                "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n",
                Severity::Ok,
            ),
            (
                "maxmemory:1000\r\nmaxmemory_policy:noeviction\r\n",
                Severity::Ok,
            ),
            (
                "maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n",
                Severity::Hint,
            ),
            (
                "maxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n",
                Severity::Mistake,
            ),
            (
                "maxmemory:1000\r\nmaxmemory_policy:volatile-lru\r\n",
                Severity::Mistake,
            ),
            (
                "maxmemory:1000\r\nmaxmemory_policy:volatile-ttl\r\n",
                Severity::Hint,
            ),
            ("# Memory\r\n", Severity::Hint),
        ] {
            let finding = eviction(&info(said));
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }

    #[test]
    fn what_a_restart_loses_is_said() {
        for (said, save, severity) in [
            ("aof_enabled:1\r\n", Some(""), Severity::Ok),
            ("aof_enabled:1\r\n", None, Severity::Ok),
            ("aof_enabled:0\r\n", Some("3600 1 300 100"), Severity::Hint),
            ("aof_enabled:0\r\n", Some(""), Severity::Warning),
            ("aof_enabled:0\r\n", None, Severity::Hint),
        ] {
            let finding = durability(&info(said), save);
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }
}
