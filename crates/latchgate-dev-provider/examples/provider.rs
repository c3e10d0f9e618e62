//! The development provider on its own, for an app that is started separately.
//!
//! Run it with `cargo run -p latchgate-dev-provider --example provider`; `PORT` chooses another port than 9400.

use latchgate_dev_provider::DevProvider;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 9400,
    };
    let provider = DevProvider::builder().port(port).start().await?;
    println!("LATCHGATE_ISSUER={}", provider.issuer());
    println!("LATCHGATE_CLIENT_ID={}", provider.client_id());
    println!("LATCHGATE_CLIENT_SECRET='{}'", provider.client_secret());
    std::future::pending().await
}
