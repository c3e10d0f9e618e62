//! `latchgate doctor` as somebody runs it, at a provider that is right or wrong: what it prints, and its exit codes.

use std::process::Command;

use latchgate_dev_provider::{Client, DevProvider, RegisteredUris};

use crate::{latchgate, said};

/// Settings of an application at this provider, as variables.
fn set(command: &mut Command, provider: &DevProvider, more: &[(&str, &str)]) {
    command
        .env("LATCHGATE_BASE_URL", "http://127.0.0.1:3000")
        .env("LATCHGATE_ISSUER", provider.issuer())
        .env("LATCHGATE_CLIENT_ID", provider.client_id())
        .env("LATCHGATE_CLIENT_SECRET", provider.client_secret());
    command.envs(more.iter().copied());
}

/// Runs it while the provider in this process answers.
async fn run_beside(mut command: Command) -> (String, String, Option<i32>) {
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    said(ran.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tells_scripts_by_its_exit_code() {
    let provider = DevProvider::start().await.unwrap();
    let doctor = |arguments: &[&str], more: &[(&str, &str)]| {
        let mut command = latchgate(&[&["doctor"], arguments].concat());
        set(&mut command, &provider, more);
        run_beside(command)
    };
    let (out, err, code) = doctor(&[], &[]).await;
    assert_eq!(code, Some(0), "{out} {err}");
    assert!(
        out.ends_with(" in order\n") && out.contains("0 mistakes"),
        "{out}"
    );
    assert!(!out.contains('\x1b'), "a pipe is not coloured: {out}");

    let (out, _, code) = doctor(&["--json"], &[("LATCHGATE_CLIENT_SECRET", "hunter2")]).await;
    assert_eq!(code, Some(1), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["severity"], "mistake");
    let findings = report["findings"].as_array().unwrap().iter();
    let mut wrong = findings.filter(|finding| finding["severity"] == "mistake");
    assert_eq!(
        wrong.next().unwrap()["code"],
        "client-authentication",
        "{out}"
    );
    assert!(!out.contains("hunter2"), "{out}");

    // A warning is a finding only for whoever says so.
    let mischief = provider.mischief();
    mischief.on_metadata(|metadata| metadata["scopes_supported"] = ["openid"].into());
    let uncertain = [("LATCHGATE_SCOPES", "openid offline_access")];
    let (out, _, code) = doctor(&[], &uncertain).await;
    assert!(
        out.contains("warning  refresh-tokens") && code == Some(0),
        "{out}"
    );
    let (out, _, code) = doctor(&["--fail-on", "warning"], &uncertain).await;
    assert_eq!(code, Some(1), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_settings_are_sentences_all_at_once() {
    let provider = DevProvider::start().await.unwrap();
    let wrong = [
        ("LATCHGATE_CLIENT_ID", ""),
        ("LATCHGATE_CLIENT_SECRET", "hunter2"),
        ("LATCHGATE_ISUER", "x"),
    ];
    let mut command = latchgate(&["doctor"]);
    set(&mut command, &provider, &wrong);
    let (out, err, code) = run_beside(command).await;
    assert!(out.is_empty() && code == Some(2), "{out}");
    let expected = "latchgate: 2 settings are wrong:\n- `LATCHGATE_ISUER` is not a setting of latchgate; did you mean `LATCHGATE_ISSUER`?\n- `client_id` (LATCHGATE_CLIENT_ID) is required";
    assert!(
        err.starts_with(expected) && !err.contains("hunter2"),
        "{err}"
    );

    let mut command = latchgate(&["doctor", "--json"]);
    set(&mut command, &provider, &wrong);
    let (out, _, code) = run_beside(command).await;
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["mistakes"][1]["setting"], "client_id", "{out}");
    assert_eq!(code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_may_be_a_table_of_a_file() {
    let provider = DevProvider::start().await.unwrap();
    let file = format!("{}/doctor.toml", env!("CARGO_TARGET_TMPDIR"));
    let table = provider.settings("http://127.0.0.1:3000");
    std::fs::write(&file, format!("port = 3000\n[web.login]\n{table}")).unwrap();
    let doctor = |more: &[&str]| {
        let mut command = latchgate(&[&["doctor", "--config", &file], more].concat());
        // Of no importance, unless somebody says so.
        command.env("LATCHGATE_CLIENT_SECRET", "hunter2");
        run_beside(command)
    };
    let (out, err, code) = doctor(&["--table", "web.login"]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    let (out, _, code) = doctor(&["--table", "web.login", "--with-env"]).await;
    assert!(
        out.contains("client-authentication") && code == Some(1),
        "{out}"
    );
    let (_, err, code) = doctor(&["--table", "web"]).await;
    assert!(
        err.contains("`login` is not a setting") && code == Some(2),
        "{err}"
    );
    let (_, err, code) = doctor(&["--table", "login"]).await;
    assert!(
        err.contains("has no table `[login]`") && code == Some(2),
        "{err}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unregistered_redirect_uri_is_named_with_its_cure() {
    let client = Client::development();
    let elsewhere = vec!["http://127.0.0.1:3000/back".to_owned()];
    let client = client.redirect_uris(RegisteredUris::Exactly(elsewhere));
    let provider = DevProvider::builder().client(client).start().await.unwrap();
    let mut command = latchgate(&["doctor"]);
    set(&mut command, &provider, &[]);
    let (out, _, code) = run_beside(command).await;
    assert!(out.starts_with("mistake  redirect-uri"), "{out}");
    assert!(out.contains("http://127.0.0.1:3000/callback"), "{out}");
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_are_judged_by_a_request_that_came_through_them() {
    let provider = DevProvider::start().await.unwrap();
    let doctor = |sample: &[&str]| {
        let mut command = latchgate(&[&["doctor"], sample].concat());
        set(&mut command, &provider, &[]);
        run_beside(command)
    };
    let host = ["--sample-header", "Host: 127.0.0.1:3000"];
    let (out, err, code) = doctor(&host).await;
    assert!(
        out.contains("proxy-headers") && code == Some(0),
        "{out}{err}"
    );
    let proto = ["--sample-header", "X-Forwarded-Proto: https"];
    let (out, _, code) = doctor(&[host, proto].concat()).await;
    assert!(
        out.starts_with("mistake  proxy-headers") && code == Some(1),
        "{out}"
    );
    let prefix = ["--sample-header", "X-Forwarded-Prefix: /shop"];
    let (out, _, code) = doctor(&[host, prefix, ["--sample-path", "/cart"]].concat()).await;
    assert!(
        out.starts_with("mistake  base-path") && code == Some(1),
        "{out}"
    );
    let (_, err, code) = doctor(&["--sample-path", "cart"]).await;
    assert!(
        err.contains("`cart` is no path") && code == Some(2),
        "{err}"
    );
}
