//! Login on actix-web: a home page, a protected page, a fresh access token, a page for admins.
//!
//! Run: `cargo run -p actix-login`, then open the address it prints. Nothing else is needed: without
//! `LATCHGATE_ISSUER` it logs in against a development provider of its own. To use a real provider,
//! set the `LATCHGATE_*` variables that the README lists.

use std::error::Error;

use actix_web::web::{self, Html, Json};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use latchgate_actix::latchgate::{Guard, Settings};
use latchgate_actix::{AccessToken, Login, RefreshedAccessToken, Require, User};
use latchgate_dev_provider::DevProvider;
use serde_json::{Value, json};

#[path = "../../page.rs"]
mod page;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter("info").init();
    let port: u16 = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let mut demo = None;
    let settings = if std::env::var_os("LATCHGATE_ISSUER").is_some() {
        Settings::from_env()?
    } else {
        let provider = demo.insert(DevProvider::start().await?);
        println!("No LATCHGATE_ISSUER: this is a demo with a DEVELOPMENT PROVIDER.");
        Settings::from_toml(&provider.settings(&format!("http://127.0.0.1:{port}")))?.with_env()?
    };
    let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
    let gate = settings.build()?;
    let app = move || {
        App::new()
            .wrap(Login::new(gate.clone()))
            .route("/", web::get().to(home))
            .route("/me", web::get().to(me))
            .route("/token", web::get().to(token))
            .route("/refresh", web::post().to(refresh))
            .route("/healthz", web::get().to(async || "ok"))
            .service(web::resource("/admin").wrap(admins()).to(admin))
    };
    let server = HttpServer::new(app).bind(("127.0.0.1", port))?;
    println!("actix-login listens on http://127.0.0.1:{port}");
    Ok(server.run().await?)
}

fn admins() -> Require {
    Require::new(Guard::signed_in().role("admin"))
}

async fn admin() -> &'static str {
    "Only admins read this."
}

async fn home(user: Option<User>) -> Html {
    let name = user.as_ref().map(|user| user.name().unwrap_or("friend"));
    Html::new(page::home(name))
}

async fn me(user: User, request: HttpRequest) -> HttpResponse {
    let accept = format!("{:?}", request.headers().get("accept"));
    let (kind, body) = page::claims(&accept, &user.claims_json());
    HttpResponse::Ok().content_type(kind).body(body)
}

async fn token(token: AccessToken) -> Json<Value> {
    Json(
        json!({ "access_token": token.secret(), "expires_in": token.expires_in(), "scope": token.scope() }),
    )
}

async fn refresh(token: RefreshedAccessToken) -> Json<Value> {
    Json(json!({ "expires_in": token.expires_in() }))
}
