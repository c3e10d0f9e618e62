//! Where the layer goes: among routers and scopes, and inside and outside of other people's middleware.

mod actix;
mod stack;
mod tower;

use latchgate::{Gate, SessionKey, Settings};
use latchgate_dev_provider::DevProvider;
use latchgate_tests::{Failure, KEY};

/// Where the applications here live unless they live below.
const SITE: &str = "http://127.0.0.1:3000";

/// A provider, and the gate of an application at `base_url`.
async fn gate(base_url: &str) -> Result<(DevProvider, Gate), Failure> {
    let provider = DevProvider::start().await?;
    let settings = Settings::from_toml(&provider.settings(base_url));
    let builder = settings.builder().cookie_name("door");
    let builder = builder.session_keys([SessionKey::from_bytes(KEY)]);
    Ok((provider, builder.build()?))
}
