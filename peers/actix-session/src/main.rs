//! actix-session with its encrypted cookie.

use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::test::init_service;
use actix_web::{App, HttpResponse, web};
use peer_harness::on_actix::{Actix, bare};
use peer_harness::{Entry, Record};

async fn begin(session: Session) -> HttpResponse {
    session
        .insert("session", Record::example())
        .expect("a session");
    HttpResponse::NoContent().finish()
}

async fn me(session: Session) -> HttpResponse {
    match session.get::<Record>("session") {
        Ok(Some(record)) => HttpResponse::Ok().json(record.claims),
        _ => HttpResponse::Unauthorized().finish(),
    }
}

fn main() {
    actix_web::rt::System::new().block_on(async {
        let sessions = SessionMiddleware::new(CookieSessionStore::default(), Key::generate());
        let app = App::new()
            .wrap(sessions)
            .route("/begin", web::get().to(begin))
            .route("/me", web::get().to(me));
        peer_harness::run(bare, Actix::new(init_service(app).await), Entry::Begin).await;
    });
}
