//! What a case needs of the machine, told by environment variables that `cargo xtask test` sets.

use std::env;
use std::path::PathBuf;

use crate::case::Failure;

/// A real component, or the binaries that meet it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// npm `oidc-provider`, and a Node.js to run it.
    OidcProvider,
    /// Chromium and chromedriver.
    Chromium,
    /// Redis, or Valkey.
    Redis,
    /// A PostgreSQL server's programs.
    Postgresql,
    /// The binaries of the example servers, and the command `latchgate`.
    Examples,
}

impl Need {
    /// What the report and `cargo xtask test --without` call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OidcProvider => "oidc-provider",
            Self::Chromium => "chromium",
            Self::Redis => "redis",
            Self::Postgresql => "postgresql",
            Self::Examples => "examples",
        }
    }

    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::OidcProvider => &["LATCHGATE_TEST_NODE", "LATCHGATE_TEST_OIDC_PROVIDER"],
            Self::Chromium => &["LATCHGATE_TEST_CHROMIUM", "LATCHGATE_TEST_CHROMEDRIVER"],
            Self::Redis => &["LATCHGATE_TEST_REDIS_SERVER"],
            Self::Postgresql => &["LATCHGATE_TEST_POSTGRES_BIN"],
            Self::Examples => &[
                "LATCHGATE_TEST_AXUM_LOGIN",
                "LATCHGATE_TEST_ACTIX_LOGIN",
                "LATCHGATE_TEST_QUICKSTART",
                "LATCHGATE_TEST_CONFORMANCE_RP",
                "LATCHGATE_TEST_CLI",
                "LATCHGATE_TEST_AXUM_SPA",
            ],
        }
    }

    /// Whether it is here.
    pub(crate) fn met(self) -> bool {
        self.variables()
            .iter()
            .all(|variable| env::var_os(variable).is_some())
    }

    /// Whether whoever started the tests chose to go without it.
    pub(crate) fn left_out(self) -> bool {
        env::var("LATCHGATE_TEST_WITHOUT")
            .is_ok_and(|names| names.split(',').any(|name| name == self.name()))
    }
}

/// The place that a variable of ours names.
pub(crate) fn place(variable: &str) -> Result<PathBuf, Failure> {
    Ok(env::var_os(variable)
        .ok_or_else(|| format!("{variable} is not set"))?
        .into())
}
