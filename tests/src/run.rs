//! Running a scenario on a framework.

use std::fmt::Write as _;
use std::time::Duration;

use crate::failure::Failure;
use crate::setup::Setup;

/// No scenario takes longer than this.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What serves the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// axum, by `latchgate-tower`.
    Tower,
    /// actix-web, by `latchgate-actix`.
    Actix,
}

/// Runs a scenario to its end, on a runtime of its own.
///
/// # Panics
/// The scenario failed, or did not end in time.
#[expect(clippy::panic, reason = "this is how a test tells that it failed")]
pub fn run<F>(setup: Setup, scenario: impl FnOnce(Setup) -> F)
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime: {error}"),
    };
    let ended = runtime.block_on(async { tokio::time::timeout(DEADLINE, scenario(setup)).await });
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => panic!("{}", told(failure.as_ref())),
        Err(_) => panic!("not done within {} s", DEADLINE.as_secs()),
    }
}

/// An error with what caused it, one to a line.
fn told(failure: &(dyn std::error::Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let _ = write!(text, "\n    because: {error}");
        cause = error.source();
    }
    text
}

/// Makes tests of scenarios: `tower::name` and `actix::name` of each; of those behind `in either keeping:` also
/// `tower_stored::name` and `actix_stored::name`, whose sessions lie in a store. Once per file.
///
/// A scenario is an `async fn name(setup: Setup) -> Result<(), Failure>` beside the invocation.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        $crate::scenarios!(@module tower, $crate::Setup::new($crate::Framework::Tower), $($name),+);
        $crate::scenarios!(@module actix, $crate::Setup::new($crate::Framework::Actix), $($name),+);
    };
    ($($name:ident),* $(,)? ; in either keeping: $($both:ident),+ $(,)?) => {
        $crate::scenarios!($($name,)* $($both),+);
        $crate::scenarios!(@module tower_stored, $crate::Setup::new($crate::Framework::Tower).stored(), $($both),+);
        $crate::scenarios!(@module actix_stored, $crate::Setup::new($crate::Framework::Actix).stored(), $($both),+);
    };
    (@module $module:ident, $setup:expr, $($name:ident),+) => {
        mod $module {
            $(#[test]
            fn $name() {
                $crate::run($setup, super::$name);
            })+
        }
    };
}
