//! Settings that the guide mentions exist, and those that it shows together make a gate.

use std::collections::BTreeSet;

use latchgate::{ConfigError, Problem, Settings};

use super::chapter::{Block, blocks};
use crate::source::{Finding, Source};

/// Variables that are named because they are none of ours.
const MENTIONED: &[&str] = &["LATCHGATE_ISUER", "LATCHGATE_SERVICE_HOST"];

/// What a table gets where it lacks something.
const COMPLETE: &[(&str, &str)] = &[
    ("base_url", "https://app.example.com"),
    ("issuer", "https://login.example.com/"),
    ("client_id", "my-app"),
    ("client_secret", "hunter2-hunter2-hunter2-hunter2!"),
    (
        "session_keys",
        "Zm9yIHRoZSB0ZXN0cyBvZiBzZXR0aW5ncyBvbmx5ISE=",
    ),
];

/// The variables in the table of settings.
pub(crate) fn known(table: &str) -> BTreeSet<&str> {
    let rows = table
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next());
    rows.collect()
}

/// Finds variables that are no settings.
pub(crate) fn unknown(chapter: &Source, known: &BTreeSet<&str>) -> Vec<Finding> {
    let lines = (1..).zip(chapter.text.lines());
    let named = lines.flat_map(|(line, text)| variables(text).map(move |name| (line, name)));
    let wrong = named.filter(|(_, name)| !is_known(name, known) && !MENTIONED.contains(name));
    wrong
        .map(|(line, name)| {
            chapter.finding(line, format!("`{name}` is not a setting of latchgate"))
        })
        .collect()
}

fn variables(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.len() > "LATCHGATE_".len() && word.starts_with("LATCHGATE_"))
}

/// Whether it is a setting, or one of a provider that has a name.
fn is_known(name: &str, known: &BTreeSet<&str>) -> bool {
    let of_a_provider = || {
        let rest = name.strip_prefix("LATCHGATE_PROVIDER_")?;
        let mut ends = rest.match_indices('_').map(|(at, _)| &rest[at..]);
        ends.find(|end| known.contains(format!("LATCHGATE{end}").as_str()))
    };
    known.contains(name) || of_a_provider().is_some()
}

/// Finds tables, and variables that are set together, that make no gate.
pub(crate) fn useless(chapter: &Source) -> Vec<Finding> {
    let wrong = blocks(chapter).into_iter().filter_map(|block| {
        let problem = problem(&table(&block)?)?;
        Some(chapter.finding(
            block.line,
            format!("these settings make no gate: {problem}"),
        ))
    });
    wrong.collect()
}

/// The table of a block of TOML, or of a shell's variables. Manifests of Cargo are none, nor is `toml,people`.
fn table(block: &Block<'_>) -> Option<String> {
    match block.language() {
        "toml" if block.info == "toml" && !is_manifest(&block.code) => Some(block.code.clone()),
        "sh" if block.code.contains("LATCHGATE_") => Some(assignments(&block.code)),
        _ => None,
    }
}

fn is_manifest(code: &str) -> bool {
    let tables = [
        "[dependencies]",
        "[dev-dependencies]",
        "[package]",
        "[workspace",
        "[profile",
    ];
    tables.iter().any(|table| code.contains(table))
}

/// The variables that a shell's commands set, as a table.
fn assignments(code: &str) -> String {
    let mut ours = String::new();
    let mut of_providers = String::new();
    let joined = code.replace("\\\n", " ");
    for line in joined
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        for (name, value) in words(line).iter().filter_map(|word| word.split_once('=')) {
            let Some(name) = name.strip_prefix("LATCHGATE_").map(str::to_lowercase) else {
                continue;
            };
            match name
                .strip_prefix("provider_")
                .and_then(|rest| rest.split_once('_'))
            {
                Some((provider, setting)) => {
                    of_providers.push_str(&format!("[providers.{provider}]\n"));
                    of_providers.push_str(&format!("{setting} = {value:?}\n"));
                }
                None if name == "providers" => {}
                None => ours.push_str(&format!("{name} = {value:?}\n")),
            }
        }
    }
    ours + &merged(&of_providers)
}

/// Lines of tables, each table once.
fn merged(lines: &str) -> String {
    let mut tables: Vec<(&str, String)> = Vec::new();
    let mut at = 0;
    for line in lines.lines() {
        if line.starts_with('[') {
            let found = tables.iter().position(|(table, _)| *table == line);
            at = found.unwrap_or(tables.len());
            if found.is_none() {
                tables.push((line, String::new()));
            }
        } else {
            tables[at].1.push_str(&format!("{line}\n"));
        }
    }
    tables
        .into_iter()
        .map(|(table, lines)| format!("{table}\n{lines}"))
        .collect()
}

/// The words of a command, quotes removed, without a comment at its end.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '#') if words.last().is_some_and(String::is_empty) => break,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, c) if c.is_whitespace() => words.push(String::new()),
            (_, c) => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words
}

/// What is wrong with a table, apart from what it leaves out.
fn problem(table: &str) -> Option<String> {
    let left_out = |text: &str| match build(text) {
        Err(error) => names_left_out(&error),
        Ok(()) => Vec::new(),
    };
    let mut complete = table.to_owned();
    for _ in 0..2 {
        let missing = left_out(&complete);
        let given = COMPLETE
            .iter()
            .filter(|(name, _)| missing.iter().any(|missing| missing == name));
        let given: String = given
            .map(|(name, value)| format!("{name} = {value:?}\n"))
            .collect();
        complete = given + &complete;
    }
    let error = build(&complete).err()?;
    let mistakes = error
        .mistakes()
        .filter(|mistake| !is_excused(mistake.setting(), mistake.problem(), table));
    let mistakes: Vec<String> = mistakes.map(|mistake| format!("{mistake:?}")).collect();
    (!mistakes.is_empty()).then(|| mistakes.join("; "))
}

fn build(table: &str) -> Result<(), ConfigError> {
    let settings = Settings::from_toml(table);
    settings
        .stores(&[latchgate_redis::open, latchgate_postgres::open])
        .build()
        .map(drop)
}

fn names_left_out(error: &ConfigError) -> Vec<String> {
    let missing = error.mistakes().filter(|mistake| {
        matches!(
            mistake.problem(),
            Problem::Missing | Problem::NoSessionKeys | Problem::NoClientAuth
        )
    });
    let names = missing.map(|mistake| match mistake.problem() {
        Problem::NoClientAuth => "client_secret".to_owned(),
        _ => mistake.setting().to_owned(),
    });
    names.collect()
}

/// Files are not there, and what the reader has to fill in is `…`.
fn is_excused(setting: &str, problem: &Problem, table: &str) -> bool {
    let own = setting.rsplit('.').next().unwrap_or(setting);
    let lines = table.lines().filter(|line| line.contains('…'));
    let to_fill_in = lines
        .filter_map(|line| line.split('=').next())
        .any(|name| name.trim() == own);
    to_fill_in || matches!(problem, Problem::File(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(text: &str) -> Source {
        Source::new("docs/src/a.md", text)
    }

    #[test]
    fn variables_that_do_not_exist_are_found() {
        let known =
            known("| `LATCHGATE_ISSUER` | `issuer` |\n| `LATCHGATE_CLIENT_ID` | `client_id` |\n");
        let found = |text: &str| unknown(&chapter(text), &known).len();
        assert_eq!(
            found("`LATCHGATE_ISSUER`, LATCHGATE_PROVIDER_CORP_CLIENT_ID, `LATCHGATE_…`"),
            0
        );
        assert_eq!(found("`LATCHGATE_ISSUERS`"), 1);
        assert_eq!(
            found("```sh\nexport LATCHGATE_PROVIDER_CORP_CLIENT=1 LATCHGATE_X=2\n```"),
            2
        );
    }

    #[test]
    fn tables_that_make_no_gate_are_found() {
        let found = |code: &str| useless(&chapter(&format!("```toml\n{code}\n```"))).len();
        assert_eq!(found("issuer = \"https://login.example.com/\""), 0);
        assert_eq!(
            found("client_auth = \"private_key_jwt\"\nclient_key_file = \"key.pem\""),
            0
        );
        assert_eq!(found("session_keys = \"…\""), 0);
        assert_eq!(
            found(
                "[providers.a]\nissuer = \"https://a.example.com\"\nclient_id = \"a\"\nclient_secret = \"…\""
            ),
            0
        );
        assert_eq!(found("[dependencies]\nlatchgate = \"0.1\""), 0);
        assert_eq!(found("isuer = \"https://login.example.com/\""), 1);
        assert_eq!(found("session_idle = \"1w\""), 1);
        assert_eq!(found("issuer = "), 1);
    }

    #[test]
    fn variables_that_make_no_gate_are_found() {
        let found = |code: &str| useless(&chapter(&format!("```sh\n{code}\n```"))).len();
        assert_eq!(
            found("export LATCHGATE_ISSUER=https://login.example.com/ LATCHGATE_PAR=true # so"),
            0
        );
        assert_eq!(
            found("LATCHGATE_SCOPES='openid offline_access'\nLATCHGATE_STORE=redis://127.0.0.1"),
            0
        );
        assert_eq!(
            found(
                "LATCHGATE_PROVIDERS=a\nLATCHGATE_PROVIDER_A_PRESET=google\nLATCHGATE_PROVIDER_A_CLIENT_ID=a \\\n LATCHGATE_PROVIDER_A_CLIENT_SECRET=s"
            ),
            0
        );
        assert_eq!(found("LATCHGATE_PAR=maybe"), 1);
        assert_eq!(found("LATCHGATE_SESSION_IDLE=30"), 1);
    }
}
