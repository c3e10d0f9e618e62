//! `latchgate dev-provider`, from its start to Ctrl-C.

use std::process::Stdio;

use latchgate::Gate;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Starts it on a free port. Returns it with the lines that it has printed so far.
async fn started(arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchgate"));
    command
        .args(["dev-provider", "--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("\n  flow ") {
        said += &lines
            .next_line()
            .await
            .unwrap()
            .expect("it says how to use it");
        said.push('\n');
    }
    (child, said)
}

/// The value after a word at the beginning of a line.
fn after<'a>(said: &'a str, word: &str) -> &'a str {
    let mut lines = said.lines();
    lines
        .find_map(|line| line.trim().strip_prefix(word))
        .unwrap()
        .trim()
}

#[cfg(unix)]
#[tokio::test]
async fn it_serves_those_of_a_file_until_it_is_interrupted() {
    let file = format!("{}/people.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, "[carol]\nname = \"Carol Clark\"\n").unwrap();
    let arguments = [
        "--people",
        &file,
        "--client-id",
        "shop",
        "--client-secret",
        "it's one",
        "--redirect-uri",
        "http://localhost:8080/callback",
        "--sign-in",
        "carol",
    ];
    let (mut child, said) = started(&arguments).await;
    assert!(said.contains("LATCHGATE_CLIENT_ID=shop\n"), "{said}");
    assert!(
        said.contains("LATCHGATE_BASE_URL=http://localhost:8080\n"),
        "{said}"
    );
    assert!(
        said.contains("LATCHGATE_CLIENT_SECRET='it'\\''s one'\n"),
        "{said}"
    );
    let issuer = after(&said, "issuer");
    assert!(issuer.starts_with("http://127.0.0.1:"), "{said}");

    // Who may sign in where is what was asked for.
    let table = |base: &str| {
        format!(
            "base_url = \"{base}\"\nissuer = \"{issuer}\"\nclient_id = \"shop\"\nclient_secret = \"it's one\"\n"
        )
    };
    let wrong = |base| {
        let gate = Gate::from_toml(&table(base)).unwrap();
        async move {
            gate.check()
                .await
                .at_least(latchgate::Severity::Warning)
                .count()
        }
    };
    assert_eq!(wrong("http://localhost:8080").await, 0);
    assert_ne!(wrong("http://localhost:8081").await, 0);

    let pid = child.id().unwrap().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(interrupted.unwrap().success());
    let status = child.wait().await.unwrap();
    assert_eq!(status.code(), Some(0));
    let mut last = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut last).await.unwrap();
    assert_eq!(last, "The development provider has stopped.\n");
}

#[tokio::test]
async fn mistakes_in_a_file_of_people_are_sentences() {
    let file = format!("{}/wrong-people.toml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, "[carol]\nnam = \"Carol\"\n[dave]\nroles = 7\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchgate"));
    let output = command
        .args(["dev-provider", "--people", &file])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "latchgate: {file}: 2 mistakes:\n- carol: `nam` is not a key; did you mean `name`?\n- dave: `roles` must be"
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_sentence() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchgate"));
    let output = command
        .args(["dev-provider", "--port", &port])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("cannot listen on 127.0.0.1:") && said.contains("is the port taken?"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
}
