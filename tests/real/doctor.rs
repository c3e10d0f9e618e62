//! The binary `latchgate doctor` at a certified OpenID Provider that is not ours, and at real stores: healthy ones, of which
//! it has nothing to say, and some that are set up wrongly.

use std::process::Output;
use std::time::Duration;

use latchgate_dev_provider::DevProvider;
use serde_json::Value;
use sqlx::{Executor as _, Row as _};

use crate::case::{Case, Failure};
use crate::example::Address;
use crate::need::{Need, place};
use crate::postgres::server::Postgres;
use crate::provider::{CLIENT_KEY, CLIENT_SECRET, Provider, Registration};
use crate::redis::server::Redis;

/// It says what it has to say within this time, whoever does not answer.
const LIMIT: Duration = Duration::from_secs(60);

/// A key that was drawn, for tests only.
const KEY: &str = "xLUwsCmDwqO4nH1mUu8mfp1s0JrcmqRZ1yB8o3UmYbk=";

type Variables<'a> = &'a [(&'a str, &'a str)];

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    const PROVIDER: &[Need] = &[Need::OidcProvider, Need::Examples];
    vec![
        Case::new("doctor::oidc_provider::healthy", PROVIDER, healthy),
        Case::new("doctor::oidc_provider::fapi2", PROVIDER, fapi2),
        Case::new("doctor::oidc_provider::mistakes", PROVIDER, mistakes),
        Case::new(
            "doctor::redis",
            &[Need::Redis, Need::Examples],
            evicting_redis,
        ),
        Case::new(
            "doctor::postgres",
            &[Need::Postgresql, Need::Examples],
            forgetful_postgres,
        ),
    ]
}

/// What it says, and its exit code.
struct Said {
    report: Value,
    code: Option<i32>,
}

/// Runs it with these variables and no others.
async fn doctor(variables: Variables<'_>, arguments: &[&str]) -> Result<Said, Failure> {
    let mut command = tokio::process::Command::new(place("LATCHGATE_TEST_CLI")?);
    let ours = |name: &str| name.starts_with("LATCHGATE_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
        .args(["doctor", "--json"])
        .args(arguments)
        .env("LATCHGATE_SESSION_KEYS", KEY)
        .envs(variables.iter().copied())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = ended.map_err(|_| "it does not end")??;
    let report = serde_json::from_slice(&stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&stderr)))?;
    Ok(Said {
        report,
        code: status.code(),
    })
}

impl Said {
    /// What is at least this bad.
    fn of(&self, severities: &[&str]) -> Vec<&Value> {
        let findings = self.report["findings"].as_array().into_iter().flatten();
        let wanted = findings.filter(|finding| {
            let severity = finding["severity"].as_str().unwrap_or_default();
            severities.contains(&severity)
        });
        wanted.collect()
    }

    /// There is nothing above a hint.
    fn is_healthy(&self) -> Result<(), Failure> {
        let bad = self.of(&["warning", "mistake"]);
        ensure!(bad.is_empty() && self.code == Some(0), "{bad:#?}");
        Ok(())
    }

    /// There is this and nothing else above a hint.
    fn names(&self, severity: &str, code: &str, cure: &str) -> Result<(), Failure> {
        let bad = self.of(&["warning", "mistake"]);
        let alone = bad.iter().all(|finding| finding["code"] == code);
        let found = bad.iter().any(|finding| {
            let told = finding["cure"].as_str().unwrap_or_default();
            finding["severity"] == severity && told.contains(cure)
        });
        ensure!(
            found && alone && self.code == Some(1),
            "expected `{code}` with \"{cure}\": {bad:#?}"
        );
        Ok(())
    }
}

/// Settings of the application for which a provider was started.
fn settings<'a>(base_url: &'a str, provider: &'a Provider) -> Vec<(&'a str, &'a str)> {
    vec![
        ("LATCHGATE_BASE_URL", base_url),
        ("LATCHGATE_ISSUER", &provider.issuer),
        ("LATCHGATE_CLIENT_ID", "latchgate"),
        ("LATCHGATE_SCOPES", "openid profile email offline_access"),
    ]
}

async fn healthy() -> Result<(), Failure> {
    let Address { base_url, .. } = Address::free()?;
    let provider = Provider::start(&base_url, Registration::default()).await?;
    let mut variables = settings(&base_url, &provider);
    variables.push(("LATCHGATE_CLIENT_SECRET", CLIENT_SECRET));
    doctor(&variables, &["--fail-on", "warning"])
        .await?
        .is_healthy()?;
    // A store and userinfo change nothing for the worse.
    variables.extend([
        ("LATCHGATE_STORE", "memory"),
        ("LATCHGATE_USERINFO", "true"),
    ]);
    doctor(&variables, &[]).await?.is_healthy()
}

async fn fapi2() -> Result<(), Failure> {
    let Address { base_url, .. } = Address::free()?;
    let registration = Registration {
        client_auth: "private_key_jwt",
        id_token_alg: "PS256",
        fapi: Some("security_profile"),
        ..Registration::default()
    };
    let provider = Provider::start(&base_url, registration).await?;
    let mut variables = settings(&base_url, &provider);
    variables.extend([
        ("LATCHGATE_PROFILE", "fapi2"),
        ("LATCHGATE_CLIENT_KEY_FILE", CLIENT_KEY),
    ]);
    doctor(&variables, &[]).await?.is_healthy()
}

async fn mistakes() -> Result<(), Failure> {
    let Address { base_url, .. } = Address::free()?;
    let provider = Provider::start(&base_url, Registration::default()).await?;
    let slash = format!("{}/", provider.issuer);
    let callback = format!("Register exactly `{base_url}/oauth`");
    let issuer = format!("Set `issuer` to `{}`", provider.issuer);
    let table: [(Variables<'_>, &str, &str); 4] = [
        (
            &[(
                "LATCHGATE_CLIENT_SECRET",
                "another secret of at least 32 bytes",
            )],
            "client-authentication",
            "Set `client_id` and `client_secret`",
        ),
        (
            &[("LATCHGATE_CALLBACK_PATH", "/oauth")],
            "redirect-uri",
            &callback,
        ),
        (&[("LATCHGATE_ISSUER", &slash)], "issuer", &issuer),
        (
            &[("LATCHGATE_RESPONSE_MODE", "jwt")],
            "response-mode",
            "Set `response_mode`",
        ),
    ];
    for (wrong, code, cure) in table {
        let mut variables = settings(&base_url, &provider);
        variables.push(("LATCHGATE_CLIENT_SECRET", CLIENT_SECRET));
        variables.extend(wrong);
        let said = doctor(&variables, &[]).await?;
        said.names("mistake", code, cure)?;
        let shown = said.report.to_string();
        ensure!(
            !shown.contains("at-least-32-bytes"),
            "a secret is told: {shown}"
        );
    }
    Ok(())
}

/// Settings at a development provider, with sessions in this store.
async fn with_store(provider: &DevProvider, store: &str) -> Result<Said, Failure> {
    let variables = [
        ("LATCHGATE_BASE_URL", "http://127.0.0.1:3000"),
        ("LATCHGATE_ISSUER", provider.issuer()),
        ("LATCHGATE_CLIENT_ID", provider.client_id()),
        ("LATCHGATE_CLIENT_SECRET", provider.client_secret()),
        ("LATCHGATE_STORE", store),
    ];
    doctor(&variables, &["--fail-on", "warning"]).await
}

async fn evicting_redis() -> Result<(), Failure> {
    let provider = DevProvider::start().await?;
    let redis = Redis::start(&[]).await?;
    for run in 1..=2 {
        with_store(&provider, &redis.url()).await?.is_healthy()?;
        let left: i64 = redis.say("DBSIZE").await?;
        ensure!(left == 0, "run {run} has left {left} keys");
    }
    redis.say::<String>("CONFIG SET maxmemory 100mb").await?;
    redis
        .say::<String>("CONFIG SET maxmemory-policy allkeys-lru")
        .await?;
    let said = with_store(&provider, &redis.url()).await?;
    said.names("mistake", "store-eviction", "noeviction")
}

async fn forgetful_postgres() -> Result<(), Failure> {
    let provider = DevProvider::start().await?;
    let server = Postgres::start().await?;
    let mut admin = server.connect("postgres", "app").await?;
    for run in 1..=2 {
        with_store(&provider, &server.url()).await?.is_healthy()?;
        let left = admin.fetch_one("SELECT count(*) FROM latchgate.sessions");
        let left: i64 = left.await?.try_get(0)?;
        ensure!(left == 0, "run {run} has left {left} rows");
    }
    admin
        .execute("ALTER ROLE app SET synchronous_commit = off")
        .await?;
    let said = with_store(&provider, &server.url()).await?;
    said.names("warning", "store-durability", "synchronous_commit")
}
