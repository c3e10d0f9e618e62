//! latchgate on actix-web: with sealed cookies, or, if `STORE` is `memory`, with its store in memory.

use actix_web::test::init_service;
use actix_web::{App, HttpResponse, web};
use latchgate_actix::{Gate, LoginMiddleware, MemoryStore, Provider, SessionKey, User};
use peer_harness::on_actix::{Actix, bare};
use peer_harness::{Entry, ORIGIN};

async fn me(user: User) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(user.claims_json().into_owned())
}

fn main() {
    let at = peer_harness::Provider::from_env();
    let provider = Provider::new(&at.issuer, &at.client_id)
        .client_secret(at.client_secret)
        .scopes(["openid", "profile", "email", "offline_access"]);
    let gate = Gate::builder(ORIGIN, provider)
        .session_keys([SessionKey::from_bytes(*b"latchgate, sealed while measured")]);
    let gate = match std::env::var("STORE").as_deref() {
        Ok("memory") => gate.store(MemoryStore::default()),
        _ => gate,
    };
    let gate = gate.build().expect("a gate");
    actix_web::rt::System::new().block_on(async move {
        let app = App::new()
            .wrap(LoginMiddleware::new(gate))
            .route("/me", web::get().to(me));
        peer_harness::run(bare, Actix::new(init_service(app).await), Entry::Login).await;
    });
}
