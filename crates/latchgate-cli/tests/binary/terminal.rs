//! The binary as somebody runs it: what it prints where, and its exit codes.

use std::process::{Command, Stdio};

use crate::{latchgate, said};

fn run(command: &mut Command) -> (String, String, Option<i32>) {
    said(command.output().unwrap())
}

#[test]
fn every_command_has_a_help_and_every_mistake_a_sentence() {
    for arguments in [
        &[][..],
        &["help"],
        &["--help"],
        &["-h"],
        &["help", "doctor"],
        &["doctor", "--help"],
        &["keys", "-h"],
        &["keys", "rotate", "--help"],
        &["keys", "client", "--help"],
        &["help", "explain"],
        &["help", "dev-provider"],
        &["dev-provider", "--help"],
    ] {
        let (out, err, code) = run(&mut latchgate(arguments));
        assert!(
            out.contains("Usage: latchgate") && err.is_empty(),
            "{arguments:?}: {err}"
        );
        assert!(
            out.lines().all(|line| line.chars().count() <= 100),
            "{arguments:?}: {out}"
        );
        assert_eq!(code, Some(0), "{arguments:?}");
    }
    let (out, _, code) = run(&mut latchgate(&["--version"]));
    assert!(out.starts_with("latchgate ") && code == Some(0), "{out}");
    for (arguments, expected) in [
        (
            &["docter"][..],
            "there is no command `docter`; did you mean `doctor`?",
        ),
        (
            &["help", "kys"],
            "there is no command `kys`; did you mean `keys`?",
        ),
        (
            &["--what"],
            "there is no option `--what`\n`latchgate help` lists",
        ),
        (
            &["doctor", "--what"],
            "there is no option `--what`\n`latchgate help doctor` explains",
        ),
        (&["doctor", "-x"], "there is no option `-x`"),
        (&["doctor", "now"], "`now` is one argument too many"),
        (
            &["doctor", "--fail-on", "hint"],
            "--fail-on is `mistake` or `warning`, not `hint`",
        ),
        (&["doctor", "--table", "x"], "name it with --config"),
        (
            &["doctor", "--config", "/nowhere.toml"],
            "cannot read /nowhere.toml: ",
        ),
        (
            &["doctor", "--sample-header", "https"],
            "`https` is no header field; write it like",
        ),
        (
            &["doctor"],
            "there are no settings: no LATCHGATE_… variable is set",
        ),
        (
            &["keys", "--count", "many"],
            "`many` is not a number of keys",
        ),
        (&["keys", "--count", "0"], "--count is from 1 to 100"),
        (&["keys", "rotate"], "there is no session key to rotate"),
        (&["keys", "rotate", "--step", "3"], "there is no step `3`"),
        (&["keys", "client"], "`--out FILE` is missing"),
        (
            &["explain", "sate_missing"],
            "did you mean `state_missing`?",
        ),
        (&["explain", "a", "b"], "`b` is one argument too many"),
        (
            &["dev-provider", "--port", "99999"],
            "`99999` is not a port number",
        ),
        (
            &["dev-provider", "--people", "/nowhere"],
            "cannot read /nowhere: ",
        ),
    ] {
        let (out, err, code) = run(&mut latchgate(arguments));
        assert!(
            err.starts_with("latchgate: ") && err.contains(expected),
            "{arguments:?}: {err}"
        );
        assert!(out.is_empty() && code == Some(2), "{arguments:?}: {out}");
    }
}

#[test]
fn keys_are_lines_for_a_shell_and_rotations_tell_no_key() {
    let (out, err, code) = run(&mut latchgate(&["keys"]));
    let first = out
        .trim_end()
        .strip_prefix("LATCHGATE_SESSION_KEYS=")
        .unwrap();
    assert!(
        first.len() == 43 && err.is_empty() && code == Some(0),
        "{out} {err}"
    );

    let mut rotation = latchgate(&["keys", "rotate", "--bare"]);
    let (out, err, code) = run(rotation.env("LATCHGATE_SESSION_KEYS", first));
    let keys: Vec<&str> = out.trim_end().split(',').collect();
    assert!(
        keys.len() == 2 && keys[1] == first && code == Some(0),
        "{out}"
    );
    assert!(
        err.contains("--step 1") && err.contains("--step 2"),
        "{err}"
    );
    assert!(keys.iter().all(|key| !err.contains(key)), "{err}");

    let mut rotation = latchgate(&["keys", "rotate", "--step", "1", "--quiet", "-"]);
    let mut child = rotation.stdin(Stdio::piped()).stdout(Stdio::piped());
    child = child.stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let file = format!("PORT=3000\nLATCHGATE_SESSION_KEYS={first}\n");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), file.as_bytes()).unwrap();
    let (out, err, code) = said(child.wait_with_output().unwrap());
    let begins = format!("LATCHGATE_SESSION_KEYS={first},");
    assert!(
        out.starts_with(&begins) && err.is_empty() && code == Some(0),
        "{out} {err}"
    );

    let wrong = &first[..30];
    let (_, err, code) = run(latchgate(&["keys", "rotate"]).env("LATCHGATE_SESSION_KEYS", wrong));
    assert!(
        err.contains("key 1 of 1: the session key") && !err.contains(wrong),
        "{err}"
    );
    assert_eq!(code, Some(2));
}

#[test]
fn the_key_of_a_client_is_its_owner_s_alone() {
    let file = format!("{}/client-key.pem", env!("CARGO_TARGET_TMPDIR"));
    drop(std::fs::remove_file(&file));
    let arguments = ["keys", "client", "--out", &file, "--kid", "2026-11"];
    let (out, err, code) = run(&mut latchgate(&arguments));
    assert_eq!(code, Some(0), "{err}");
    let jwks: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(jwks["keys"][0]["kid"], "2026-11");
    let pem = std::fs::read_to_string(&file).unwrap();
    assert!(latchgate::ClientKey::from_pem(&pem).is_ok());
    assert!(
        !err.contains("BEGIN") && err.contains("LATCHGATE_CLIENT_KEY_ID=2026-11"),
        "{err}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    // What is there is not overwritten.
    let (_, err, code) = run(&mut latchgate(&arguments));
    assert!(err.contains("cannot write") && code == Some(2), "{err}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), pem);
}

#[test]
fn codes_are_explained_and_listed() {
    let (out, _, code) = run(&mut latchgate(&["explain", "no_login_under_way"]));
    assert!(
        out.contains("What to do      Start again") && code == Some(0),
        "{out}"
    );
    let (out, _, code) = run(&mut latchgate(&["explain", "redirect-uri"]));
    assert!(
        out.contains("doctor.html#redirect-uri") && code == Some(0),
        "{out}"
    );
    let (out, _, _) = run(&mut latchgate(&["explain"]));
    assert!(
        out.contains("\nstate_missing ") && out.contains("\nredirect-uri "),
        "{out}"
    );
}
