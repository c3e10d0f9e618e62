use http::HeaderValue;

use super::{Stopwatch, StoreOperation};

pub(crate) fn describe() {}
pub(crate) fn login_started(_provider: &str) {}
pub(crate) fn login_ended(_provider: &str, _outcome: &'static str, _code: Option<&'static str>) {}
pub(crate) fn session_opened(_outcome: &'static str) {}
pub(crate) fn refresh_ended(_outcome: &'static str) {}
pub(crate) fn logged_out(_kind: &'static str) {}
pub(crate) fn access_token_judged(_refused: Option<&'static str>) {}
pub(crate) fn rejected(_code: &'static str, _fault: &'static str) {}
pub(super) fn provider_called(_: &str, _: &'static str, _: &'static str, _: Stopwatch) {}
pub(super) fn store_called(_: StoreOperation, _: bool, _: Stopwatch) {}
pub(crate) fn lease_awaited(_since: Stopwatch) {}
pub(crate) fn cookies_written(_cookies: &[HeaderValue]) {}
