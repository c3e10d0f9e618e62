//! Two nodes of one application behind one address, with their sessions in Redis. They take turns, print what
//! each of them did, and spend every refresh token once between them.
//!
//! Run: start a Redis or Valkey (`redis-server`), then `cargo run -p latchgate-example-axum-redis-cluster`, open
//! the address it prints, log in and reload. `LATCHGATE_STORE` names another server than
//! `redis://127.0.0.1:6379`, or a PostgreSQL (`postgres://…`). The login is against a development provider
//! of its own, whose settings have the key that both nodes seal with.

use std::error::Error;
use std::net::SocketAddr;

use axum::middleware::{Next, from_fn};
use axum::{Router, extract::Request, http::header::CONNECTION, response::Html, routing::get};
use latchgate_dev_provider::DevProvider;
use latchgate_tower::{AccessToken, LoginLayer, Settings, User};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

#[path = "../../page.rs"]
mod page;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let provider = DevProvider::start().await?;
    let table = provider.settings(&format!("http://127.0.0.1:{port}"));
    let table = table + "store = 'redis://127.0.0.1:6379'";
    let settings = Settings::from_toml(&table).with_env();
    let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
    let nodes = [node("A", &settings).await?, node("B", &settings).await?];
    let front = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("Listening on http://127.0.0.1:{port}");
    for turn in 0.. {
        let (mut visitor, _) = front.accept().await?;
        let mut node = TcpStream::connect(nodes[turn % nodes.len()]).await?;
        tokio::spawn(async move { copy_bidirectional(&mut visitor, &mut node).await });
    }
    Ok(())
}

/// Starts a node: a gate, a store and a memory of its own.
async fn node(name: &'static str, settings: &Settings) -> Result<SocketAddr, Box<dyn Error>> {
    let tell = move |request: Request, next: Next| async move {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let response = next.run(request).await;
        println!("node {name}: {asked} -> {}", response.status().as_u16());
        // So that the next request comes to the other node.
        ([(CONNECTION, "close")], response)
    };
    let app = Router::new()
        .route("/", get(home))
        .route("/me", get(me))
        .route("/token", get(token))
        .layer(LoginLayer::new(settings.build()?))
        .layer(from_fn(tell));
    let own = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = own.local_addr()?;
    tokio::spawn(axum::serve(own, app).into_future());
    Ok(address)
}

async fn home(user: Option<User>) -> Html<String> {
    Html(page::home(user.as_ref()))
}

async fn me(user: User) -> Html<String> {
    Html(page::claims("text/html", &user.claims_json()).1)
}

async fn token(token: AccessToken) -> String {
    format!(
        "good for {} more seconds",
        token.expires_in().unwrap_or_default()
    )
}
