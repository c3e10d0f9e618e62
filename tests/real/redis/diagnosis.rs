//! What a check says of a server.

use latchgate::store::SessionStore;
use latchgate::{Finding, FindingCode, Severity};
use latchgate_redis::RedisStore;

use super::server::Redis;
use crate::case::Failure;

/// How bad the finding about this is.
fn severity(findings: &[Finding], code: FindingCode) -> Option<Severity> {
    let found = findings.iter().find(|finding| finding.code() == code);
    found.map(Finding::severity)
}

pub(super) async fn settings() -> Result<(), Failure> {
    use FindingCode::{StoreDurability, StoreEviction};
    let redis = Redis::start(&[]).await?;
    let store = RedisStore::open(&redis.url())?;
    for (commands, eviction, durability) in [
        (&[][..], Severity::Ok, Severity::Ok),
        (
            &[
                "CONFIG SET maxmemory 100mb",
                "CONFIG SET maxmemory-policy allkeys-lru",
            ],
            Severity::Mistake,
            Severity::Ok,
        ),
        (
            &[
                "CONFIG SET maxmemory-policy noeviction",
                "CONFIG SET appendonly no",
            ],
            Severity::Ok,
            Severity::Warning,
        ),
    ] {
        for command in commands {
            redis.say::<String>(command).await?;
        }
        let findings = store.diagnose().await?;
        let found = (
            severity(&findings, StoreEviction),
            severity(&findings, StoreDurability),
        );
        ensure!(
            found == (Some(eviction), Some(durability)),
            "{commands:?}: {findings:?}"
        );
    }
    Ok(())
}

pub(super) async fn permissions() -> Result<(), Failure> {
    let redis = Redis::start(&[]).await?;
    let words = "ACL SETUSER few on >pw ~* &* +@all -info -config";
    redis.say::<String>(words).await?;
    let url = redis.url().replace("redis://", "redis://few:pw@");
    let findings = RedisStore::open(&url)?.diagnose().await?;
    let hint = severity(&findings, FindingCode::StoreEviction);
    ensure!(hint == Some(Severity::Hint), "{findings:?}");
    redis.say::<String>("ACL SETUSER few +info").await?;
    let findings = RedisStore::open(&url)?.diagnose().await?;
    let eviction = severity(&findings, FindingCode::StoreEviction);
    ensure!(eviction == Some(Severity::Ok), "{findings:?}");
    Ok(())
}
