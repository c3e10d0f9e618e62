//! Login on actix-web: a home page, a protected page, a fresh access token, a page for admins, and
//! one that needs a recent login.
//!
//! Run: `cargo run -p latchgate-example-actix`, then open the address it prints.
//! Nothing else is needed: without any `LATCHGATE_…` variable it logs in against a development provider of
//! its own. To use a real provider, set those that the README lists. `PORT` and `RUST_LOG` are read, too.

use std::error::Error;
use std::time::Duration;

use actix_web::web::{self, Html, Json, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use latchgate_actix::{
    AccessToken, Guard, GuardMiddleware, LoginMiddleware, RefreshedAccessToken, Settings, User,
};
use serde_json::{Value, json};

#[path = "../../page.rs"]
mod page;
#[path = "../../start.rs"]
mod start;
#[cfg(test)]
mod tests;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = start::begin()?;
    let (settings, _provider) = start::or_demo(Settings::from_env(), port).await?;
    let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
    let gate = settings.build()?;
    gate.warm_up().await?; // Optional: fail now, not at the first login, if the provider is not there.
    let app = move || {
        App::new()
            .wrap(LoginMiddleware::new(gate.clone()))
            .configure(routes)
    };
    let server = HttpServer::new(app)
        .bind(("127.0.0.1", port))
        .map_err(|error| start::taken(port, error))?;
    println!("Listening on http://127.0.0.1:{port}");
    Ok(server.run().await?)
}

fn routes(config: &mut ServiceConfig) {
    let admins = GuardMiddleware::new(Guard::signed_in().role("admin"));
    let recent = GuardMiddleware::new(Guard::signed_in().max_age(Duration::from_secs(60)));
    config
        .route("/", web::get().to(home))
        .route("/me", web::get().to(me))
        .route("/token", web::get().to(token))
        .route("/refresh", web::post().to(refresh))
        // By a session, or an access token.
        .route("/api", web::get().to(async |user: User| Json(user)))
        .route("/healthz", web::get().to(async || "ok"))
        .service(web::resource("/admin").wrap(admins).to(admitted))
        .service(web::resource("/step-up").wrap(recent).to(admitted));
}

async fn admitted() -> &'static str {
    "You may read this."
}

async fn home(user: Option<User>) -> Html {
    Html::new(page::home(user.as_ref()))
}

async fn me(user: User, request: HttpRequest) -> HttpResponse {
    let accept = format!("{:?}", request.headers().get("accept"));
    let (kind, body) = page::claims(&accept, &user.claims_json());
    HttpResponse::Ok().content_type(kind).body(body)
}

async fn token(token: AccessToken) -> Json<Value> {
    Json(start::token(&token))
}

async fn refresh(token: RefreshedAccessToken) -> Json<Value> {
    Json(json!({ "expires_in": token.expires_in() }))
}
