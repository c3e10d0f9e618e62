//! `latchgate dev-provider`: an OpenID Provider on this machine, for an application in any language.

use std::fmt::Write as _;
use std::process::ExitCode;

use latchgate_dev_provider::{Client, DevProvider, DevProviderBuilder, Person, RegisteredUris};

use crate::arguments::{Argument, Arguments};
use crate::failure::Failure;
use crate::terminal::print;

pub(crate) const HELP: &str = "\
Runs an OpenID Provider on this machine, for developing any application in any language.

Usage: latchgate dev-provider [--people FILE] [--port N] [--client-id ID] [--client-secret SECRET]
                              [--redirect-uri URI]… [--sign-in PERSON]

It lets anybody sign in as anybody, so it listens on 127.0.0.1 only. It stops at Ctrl-C.

DevProviderOptions:
  --people FILE           a TOML file of people, in place of Alice and Bob
  --port N                the port (default 9400; 0 takes any that is free)
  --client-id ID          the client id of your application (default dev-client)
  --client-secret SECRET  its secret (default: one with characters that have to be encoded)
  --redirect-uri URI      a redirect URI of your application, compared exactly; may be repeated
                          (default: any on this machine)
  --sign-in PERSON        shows no page: every login signs in this person at once

A file of people has a table for each, named by the subject identifier:

  [alice]
  name = \"Alice Adams\"               # given_name and family_name are made from it
  email = \"alice@example.com\"
  email_verified = true              # the default
  roles = [\"admin\", \"user\"]          # also: permissions, picture, given_name, family_name
  claims.department = \"sales\"        # any further claims, of any JSON type
";

/// The default port.
const PORT: u16 = 9400;

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let options = DevProviderOptions::read(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::of("cannot start", &error))?;
    runtime.block_on(serve(options))
}

/// The options.
struct DevProviderOptions {
    people: Option<Vec<Person>>,
    port: u16,
    client: (Option<String>, Option<String>),
    redirect_uris: Vec<String>,
    sign_in: Option<String>,
}

impl DevProviderOptions {
    fn read(arguments: Arguments) -> Result<Self, Failure> {
        let mut arguments = arguments.of("dev-provider");
        let mut options = Self {
            people: None,
            port: PORT,
            client: (None, None),
            redirect_uris: Vec::new(),
            sign_in: None,
        };
        while let Some(argument) = arguments.next(HELP)? {
            let name = match argument {
                Argument::Option(name) => name,
                Argument::Value(word) => return Err(arguments.superfluous(&word)),
            };
            match name.as_str() {
                "people" => options.people = Some(people(&arguments.value()?)?),
                "port" => options.port = arguments.parsed("a port number such as 9400")?,
                "client-id" => options.client.0 = Some(arguments.value()?),
                "client-secret" => options.client.1 = Some(arguments.value()?),
                "redirect-uri" => options.redirect_uris.push(arguments.value()?),
                "sign-in" => options.sign_in = Some(arguments.value()?),
                _ => return Err(arguments.unknown(&name)),
            }
        }
        Ok(options)
    }
}

fn people(file: &str) -> Result<Vec<Person>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::of(format_args!("cannot read {file}"), &error))?;
    Person::read_toml(&text).map_err(|error| Failure::of(file, &error))
}

async fn serve(options: DevProviderOptions) -> Result<ExitCode, Failure> {
    // Before anything is printed, so that whoever waits for that may stop us.
    let stopped = stop_signal()?;
    let default = DevProvider::builder().port(options.port);
    let (mut id, mut secret) = options.client;
    let mut builder: DevProviderBuilder = default;
    if let Some(people) = options.people {
        builder = builder.people(people);
    }
    let provider = builder.start().await;
    let provider = provider.map_err(|error| Failure::new(format!("{error:?}")))?;
    let id = id.get_or_insert_with(|| provider.client_id().to_owned());
    let secret = secret.get_or_insert_with(|| provider.client_secret().to_owned());
    let mut client = Client::confidential(id.as_str(), secret.as_str());
    if !options.redirect_uris.is_empty() {
        client = client.redirect_uris(RegisteredUris::Exactly(options.redirect_uris.clone()));
    }
    provider.register_client(client);
    provider.auto_sign_in(options.sign_in.as_deref());
    print(&announcement(&provider, id, secret, &options.redirect_uris))?;
    stopped.await;
    provider.stop().await;
    eprintln!("The development provider has stopped.");
    Ok(ExitCode::SUCCESS)
}

/// What to configure in the application.
fn announcement(provider: &DevProvider, id: &str, secret: &str, uris: &[String]) -> String {
    let issuer = provider.issuer();
    let base = uris.iter().find_map(|uri| uri.strip_suffix("/callback"));
    let variables = [
        ("BASE_URL", base.unwrap_or("http://localhost:3000")),
        ("ISSUER", issuer),
        ("CLIENT_ID", id),
        ("CLIENT_SECRET", secret),
    ];
    let mut text = format!(
        "A DEVELOPMENT PROVIDER is at {issuer}: anybody on this machine can sign in as anybody.\n\
         Ctrl-C stops it.\n\nAn application with latchgate:\n"
    );
    for (name, value) in variables {
        let _ = writeln!(text, "  LATCHGATE_{name}={}", quoted(value));
    }
    let redirects = match uris {
        [] => "any http or https URI on this machine".to_owned(),
        uris => uris.join(", "),
    };
    let _ = write!(
        text,
        "\nAny other application:\n  \
         issuer         {issuer}\n  \
         metadata       {issuer}/.well-known/openid-configuration\n  \
         client id      {id}\n  \
         client secret  {secret}\n  \
         redirect URIs  {redirects}\n  \
         flow           authorization code, with PKCE (S256)\n"
    );
    text
}

/// A value as a shell and a `.env` file read it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@%+,=".contains(c);
    match value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}

/// Waits for Ctrl-C, or for a signal to terminate.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let heard = |kind| signal(kind).map_err(|error| Failure::of("cannot wait for signals", &error));
    let (mut interrupt, mut terminate) = (
        heard(SignalKind::interrupt())?,
        heard(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        // An error means that there is nothing to wait for.
        let _ = tokio::signal::ctrl_c().await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_a_shell_would_mind() {
        assert_eq!(quoted("http://127.0.0.1:9400"), "http://127.0.0.1:9400");
        assert_eq!(quoted("a secret"), "'a secret'");
        assert_eq!(quoted("it's $5"), "'it'\\''s $5'");
        assert_eq!(quoted(""), "");
    }
}
