//! The development provider for all contestants: Alice, who is signed in without a page. It runs until its input ends.

use latchgate_dev_provider::{DevProvider, EmailVerification, Person};
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // With it, the ID token, the access token and the refresh token have about 2.2 KB in all.
    let permission = "p".repeat(130);
    let alice = Person::new("alice")
        .name("Alice Adams")
        .email("alice@example.com", EmailVerification::Verified)
        .roles(["user"])
        .permissions([permission]);
    let provider = DevProvider::builder()
        .person(alice)
        .start()
        .await
        .expect("the development provider");
    provider.auto_sign_in(Some("alice"));
    println!(
        "{}\n{}\n{}",
        provider.issuer(),
        provider.client_id(),
        provider.client_secret()
    );
    let mut input = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut input).await;
}
