//! `latchgate doctor`: builds a gate from the application's settings, checks it, and prints what it finds.

mod text;

use std::process::ExitCode;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use latchgate::{ConfigError, Gate, Settings, Severity};
use serde_json::json;

use crate::arguments::{Argument, Arguments};
use crate::failure::Failure;
use crate::terminal::{is_coloured, print};

pub(crate) const HELP: &str = "\
Checks the settings, the provider and the store of an application, from where it is run.

Usage: latchgate doctor [--config FILE [--table NAME] [--with-env]] [OPTIONS]

The settings are those of the application: the LATCHGATE_… variables, or a TOML file. The doctor
makes the requests that a login would make: for the provider's metadata and keys, for the login page
with your redirect URI, and to the token endpoint with a made-up code. Nobody is signed in. A report
contains no secrets, but it describes your setup: do not publish it.

DoctorOptions:
  --config FILE          reads the settings from a TOML file instead of the environment
  --table NAME           the table of the file that has them, such as latchgate or web.login
  --with-env             environment variables override the settings of the file
  --sample-header LINE   a header of a request as it reaches the application through all proxies:
                         'Host: app.internal', 'X-Forwarded-Proto: https'; may be repeated
  --sample-path PATH     the path of that request, such as /shop/cart (default /)
  --fail-on SEVERITY     exits with 1 for findings of this severity or worse: mistake (default) or
                         warning
  --json                 prints the report as JSON
  -v, --verbose          also shows what was seen where all is in order

Stores: cookie, memory, redis://…, postgres://… (LATCHGATE_STORE).
Exit codes: 0 healthy, 1 findings, 2 it could not run: a wrong argument, or invalid settings, which
are all listed.

Examples:
  latchgate doctor
  set -a; . ./.env; set +a
  latchgate doctor --sample-header 'Host: example.com' --sample-header 'X-Forwarded-Proto: https'
  latchgate doctor --config config.toml --table latchgate --json --fail-on warning
";

/// The options.
struct DoctorOptions {
    config: Option<String>,
    table: Option<String>,
    with_env: bool,
    sample: Sample,
    fail_on: Severity,
    json: bool,
    verbose: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let options = DoctorOptions::read(arguments)?;
    let settings = options.settings()?;
    if settings.is_empty() {
        return Err(Failure::usage(
            "there are no settings: no LATCHGATE_… variable is set; set those of the application, or name its file with --config",
            "doctor",
        ));
    }
    let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
    match settings.build() {
        Ok(gate) => options.examine(&gate),
        Err(error) => options.misconfigured(&error),
    }
}

impl DoctorOptions {
    fn read(arguments: Arguments) -> Result<Self, Failure> {
        let mut arguments = arguments.of("doctor");
        let mut options = Self {
            config: None,
            table: None,
            with_env: false,
            sample: Sample::default(),
            fail_on: Severity::Mistake,
            json: false,
            verbose: false,
        };
        while let Some(argument) = arguments.next(HELP)? {
            let name = match argument {
                Argument::Option(name) => name,
                Argument::Value(word) => return Err(arguments.superfluous(&word)),
            };
            match name.as_str() {
                "config" => options.config = Some(arguments.value()?),
                "table" => options.table = Some(arguments.value()?),
                "with-env" => options.with_env = true,
                "sample-header" => options.sample.add(&arguments.value()?)?,
                "sample-path" => options.sample.path = Some(arguments.value()?),
                "fail-on" => options.fail_on = severity(&arguments.value()?)?,
                "json" => options.json = true,
                "v" | "verbose" => options.verbose = true,
                _ => return Err(arguments.unknown(&name)),
            }
        }
        if options.config.is_none() && (options.table.is_some() || options.with_env) {
            return Err(Failure::usage(
                "--table and --with-env are about a file: name it with --config",
                "doctor",
            ));
        }
        Ok(options)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let Some(file) = &self.config else {
            return Ok(Settings::from_env());
        };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::of(format_args!("cannot read {file}"), &error))?;
        let settings = match &self.table {
            Some(table) => Settings::from_toml_table(&text, table),
            None => Settings::from_toml(&text),
        };
        Ok(match self.with_env {
            true => settings.with_env(),
            false => settings,
        })
    }

    fn examine(&self, gate: &Gate) -> Result<ExitCode, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Failure::of("cannot start", &error))?;
        let sample = self.sample.request()?;
        let mut check = gate.check();
        if let Some(sample) = &sample {
            check = check.sample_request(sample);
        }
        let report = runtime.block_on(check.into_future());
        match self.json {
            true => print(&format!("{}\n", json!(report)))?,
            false => print(&text::laid_out(&report, self.verbose, is_coloured()))?,
        }
        let found = report.at_least(self.fail_on).next().is_some();
        Ok(ExitCode::from(u8::from(found)))
    }

    /// Reports settings from which no gate can be built.
    fn misconfigured(&self, error: &ConfigError) -> Result<ExitCode, Failure> {
        if !self.json {
            return Err(Failure::new(error.to_string()));
        }
        let mistakes: Vec<_> = error
            .mistakes()
            .map(|mistake| json!({ "setting": mistake.setting(), "what": format!("{mistake:?}") }))
            .collect();
        print(&format!(
            "{}\n",
            json!({ "severity": "mistake", "mistakes": mistakes })
        ))?;
        Ok(ExitCode::from(2))
    }
}

/// A request as it arrives at the application.
#[derive(Default)]
struct Sample {
    path: Option<String>,
    headers: HeaderMap,
}

impl Sample {
    /// Adds a header field as it is written: `name: value`.
    fn add(&mut self, line: &str) -> Result<(), Failure> {
        let (name, value) = line.split_once(':').unwrap_or_default();
        let name = HeaderName::try_from(name.trim());
        match (name, HeaderValue::try_from(value.trim())) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
                Ok(())
            }
            _ => Err(Failure::usage(
                format!("`{line}` is no header field; write it like 'X-Forwarded-Proto: https'"),
                "doctor",
            )),
        }
    }

    /// The request, if any part of it was given.
    fn request(&self) -> Result<Option<Request<()>>, Failure> {
        if self.path.is_none() && self.headers.is_empty() {
            return Ok(None);
        }
        let path = self.path.as_deref().unwrap_or("/");
        let request = Request::get(path).body(());
        let mut request = request
            .ok()
            .filter(|_| path.starts_with('/'))
            .ok_or_else(|| {
                let sentence = format!("`{path}` is no path; write it like /shop/cart");
                Failure::usage(sentence, "doctor")
            })?;
        request.headers_mut().clone_from(&self.headers);
        Ok(Some(request))
    }
}

fn severity(word: &str) -> Result<Severity, Failure> {
    match word {
        "mistake" => Ok(Severity::Mistake),
        "warning" => Ok(Severity::Warning),
        other => Err(Failure::usage(
            format!("--fail-on is `mistake` or `warning`, not `{other}`"),
            "doctor",
        )),
    }
}
