//! The API on actix-web, in a thread with a runtime of its own.

use std::net::TcpListener;
use std::thread;

use actix_web::dev::Service as _;
use actix_web::rt::System;
use actix_web::web::{self, Json};
use actix_web::{App, HttpMessage, HttpServer, Resource};
use latchgate::{Api, Guard};
use latchgate_actix::{AccessToken, ApiMiddleware, GuardMiddleware, User};
use tokio::sync::oneshot;

use super::super::{Serving, Slow, admins, readers, recent};
use super::{thumbprint, who};
use crate::failure::Failure;

/// The application's type has no name to return it by.
macro_rules! app {
    ($api:expr) => {
        App::new()
            .wrap(ApiMiddleware::new($api.clone()))
            .wrap_fn(|request, service| {
                let seen = request.headers().get("x-certificate");
                if let Some(seen) = seen.map(|seen| thumbprint(seen.as_bytes())) {
                    request.extensions_mut().insert(seen);
                }
                service.call(request)
            })
            .service(guarded("/admin", admins()))
            .service(guarded("/read", readers()))
            .service(guarded("/recent", recent()))
            .route("/", web::get().to(home))
            .route("/me", web::get().to(me))
            .route("/me", web::post().to(me))
            .route("/who", web::get().to(async |user: User| Json(who(&user))))
            .route("/token", web::get().to(async |_: AccessToken| "token"))
    };
}

pub(super) async fn serve(listener: TcpListener, api: Api) -> Result<Serving, Failure> {
    let (tell, told) = oneshot::channel();
    let thread = thread::spawn(move || {
        System::new().block_on(async move {
            let server = HttpServer::new(move || app!(api))
                .workers(2)
                .disable_signals()
                .listen(listener);
            match server.map(HttpServer::run) {
                Ok(server) => {
                    let _ = tell.send(Ok(server.handle()));
                    let _ = server.await;
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            }
        });
    });
    let handle = told.await??;
    Ok(Serving::until(Slow::default(), move || {
        // As in the application with a login.
        drop(handle.stop(false));
        let _ = thread.join();
    }))
}

fn guarded(path: &str, guard: Guard) -> impl actix_web::dev::HttpServiceFactory + 'static {
    let resource: Resource = web::resource(path);
    resource
        .wrap(GuardMiddleware::new(guard))
        .route(web::get().to(async || "admitted"))
}

async fn home(user: Option<User>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.subject().to_owned())
}

async fn me(user: User) -> Json<User> {
    Json(user)
}
