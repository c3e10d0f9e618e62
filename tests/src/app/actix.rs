//! The application on actix-web, in a thread with a runtime of its own.

use std::io;
use std::net::TcpListener;
use std::thread;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::rt::System;
use actix_web::web::{self, Bytes, Json};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Resource};
use futures_util::stream;
use latchgate::{Error, Gate, Guard};
use latchgate_actix::{
    Access, AccessToken, ApiTokens, GuardMiddleware, LoginMiddleware, RefreshedAccessToken,
    Rejection, SessionData, SessionEnded, SignIn, User, Visitor,
};
use serde_json::Value;
use tokio::sync::oneshot;

use super::api_client::Called;
use super::rules::guards;
use super::{
    CHUNKS, Count, Serving, Slow, by_password, by_query, called, granted, impersonated, keep,
    login_options, silent, token_for, told, visitor, why,
};
use crate::failure::Failure;

/// The application's type has no name to return it by.
macro_rules! app {
    ($gate:expr, $slow:expr) => {
        App::new()
            .wrap(LoginMiddleware::new($gate.clone()))
            .app_data(web::Data::new($gate.clone()))
            .app_data(web::Data::new($slow.clone()))
            .configure(|config| {
                for (path, guard) in guards() {
                    config.service(guarded(path, guard));
                }
            })
            .route("/require", web::get().to(required))
            .route("/", web::get().to(home))
            .route("/me", web::get().to(me))
            .route("/token", web::get().to(token))
            .route("/call", web::get().to(call))
            .route("/other", web::get().to(other))
            .route("/another", web::get().to(another))
            .route("/own", web::get().to(own))
            .route("/as-user", web::get().to(as_user))
            .route("/as-application", web::get().to(as_application))
            .route("/refresh", web::post().to(refresh))
            .route("/refresh", web::get().to(refresh))
            .route("/boom", web::get().to(boom))
            .route("/boom-token", web::get().to(boom_token))
            .route("/stream", web::get().to(streamed))
            .route("/cached", web::get().to(cached))
            .route("/public", web::get().to(async || "public"))
            .route("/write", web::post().to(async |_: User| "written"))
            .route("/switch", web::get().to(switch))
            .route("/count", web::get().to(counted))
            .route("/count", web::post().to(count))
            .route("/slowly", web::post().to(slowly))
            .route("/grow", web::post().to(grow))
            .route("/perhaps", web::get().to(perhaps))
            .route("/visitor", web::get().to(of_visitor))
            .route("/visitor", web::post().to(for_visitor))
            .route("/visitor/once", web::get().to(once_of_visitor))
            .route("/keep", web::get().to(keep_signed_in))
            .route("/silent", web::get().to(silently))
            .route("/ended", web::get().to(ended))
            .route("/password", web::post().to(password))
            .route("/impersonate", web::post().to(impersonate))
            .route(
                "/tenant",
                web::get().to(async |user: Option<User>| super::tenant_of(user.as_deref())),
            )
            .route(
                "/actor",
                web::get().to(async |user: User| user.impersonator().unwrap_or("-").to_owned()),
            )
            .route(
                "/granted",
                web::get().to(async |user: User| web::Json(granted(&user))),
            )
            .route("/everywhere", web::post().to(everywhere))
            .route("/elsewhere", web::post().to(elsewhere))
            .service(
                web::scope("/nested")
                    .service(web::scope("/deep").route("/page", web::get().to(page))),
            )
    };
}
pub(super) async fn serve(
    listener: TcpListener,
    gate: Gate,
    slow: Slow,
) -> Result<Serving, Failure> {
    let counts = slow.clone();
    let (tell, told) = oneshot::channel();
    let thread = thread::spawn(move || {
        System::new().block_on(async move {
            let server = HttpServer::new(move || app!(gate, counts))
                .workers(2)
                .disable_signals()
                .listen(listener);
            let server = server.map(HttpServer::run);
            match server {
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
    Ok(Serving::until(slow, move || {
        // The command is sent at once; the future only tells when it has been carried out, as the thread's end does.
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

async fn of_visitor(visitor: Visitor, request: HttpRequest) -> Json<Value> {
    Json(visitor::value(&visitor, request.uri().query()))
}

async fn once_of_visitor(visitor: Visitor, request: HttpRequest) -> Json<Value> {
    Json(visitor::once(&visitor, request.uri().query()))
}

async fn for_visitor(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, Rejection> {
    visitor::change(&visitor, request.uri().query())?;
    Ok(HttpResponse::NoContent().finish())
}

async fn password(
    _: Option<User>,
    sign_in: SignIn,
    gate: web::Data<Gate>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let person = by_password(request.uri().query());
    let signed_in = sign_in.as_person(&gate, person).await?;
    Ok(signed_in.on(HttpResponse::SeeOther()
        .insert_header(("location", "/me"))
        .finish()))
}

async fn impersonate(
    user: User,
    sign_in: SignIn,
    gate: web::Data<Gate>,
    request: HttpRequest,
) -> Result<HttpResponse, Rejection> {
    let person = impersonated(request.uri().query(), &user);
    let signed_in = sign_in.as_person(&gate, person).await?;
    Ok(signed_in.on(HttpResponse::SeeOther()
        .insert_header(("location", "/me"))
        .finish()))
}

async fn required(access: Access, request: HttpRequest) -> Result<String, Rejection> {
    let guard = by_query(Some(request.query_string()));
    let user = access.require(&guard).await?;
    Ok(user.subject().to_owned())
}

async fn home(user: Option<User>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.subject().to_owned())
}

async fn me(user: User) -> Json<User> {
    Json(user)
}

async fn token(token: AccessToken) -> Json<Value> {
    Json(told(&token))
}

async fn call(token: AccessToken, request: HttpRequest) -> HttpResponse {
    match called(&token, Some(request.query_string())).await {
        Ok((status, body)) => HttpResponse::Ok().body(format!("{status} {body}")),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}

async fn other(tokens: ApiTokens, request: HttpRequest) -> Result<Json<Value>, Rejection> {
    let wanted = token_for(Some(request.query_string()));
    Ok(Json(told(&tokens.get(&wanted).await?)))
}

async fn another(tokens: ApiTokens, request: HttpRequest) -> Result<Json<Value>, Rejection> {
    let wanted = token_for(Some(request.query_string()));
    let rejected = tokens.get(&wanted).await?;
    let other = tokens.replace(&wanted, &rejected).await?;
    Ok(Json(told(&other.unwrap_or(rejected))))
}

async fn own(gate: web::Data<Gate>, request: HttpRequest) -> Result<Json<Value>, Rejection> {
    let wanted = token_for(Some(request.query_string()));
    Ok(Json(told(&gate.client_credentials(&wanted).await?)))
}

async fn as_user(tokens: ApiTokens, request: HttpRequest) -> Result<String, Rejection> {
    let called = Called::of(request.uri().query());
    let api = called
        .client()
        .map_err(|error| Error::ApiCall(error.into()))?;
    Ok(called.send(api.as_user(&tokens)).await?)
}

async fn as_application(gate: web::Data<Gate>, request: HttpRequest) -> Result<String, Rejection> {
    let called = Called::of(request.uri().query());
    let api = called
        .client()
        .map_err(|error| Error::ApiCall(error.into()))?;
    Ok(called.send(api.as_application(&gate)).await?)
}

async fn refresh(token: RefreshedAccessToken) -> Json<Value> {
    Json(told(&token))
}

async fn boom(_: User) -> HttpResponse {
    HttpResponse::InternalServerError().finish()
}

async fn boom_token(_: AccessToken) -> HttpResponse {
    HttpResponse::InternalServerError().finish()
}

async fn streamed(_: User) -> HttpResponse {
    let chunks = CHUNKS.map(|chunk| Ok::<_, io::Error>(Bytes::from_static(chunk.as_bytes())));
    HttpResponse::Ok().streaming(stream::iter(chunks))
}

async fn cached(_: User) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, s-maxage=600"))
        .insert_header(("cdn-cache-control", "max-age=600"))
        .body("cached")
}

async fn counted(count: SessionData<Count>) -> Json<SessionData<Count>> {
    Json(count)
}

async fn count(mut count: SessionData<Count>) -> Result<Json<Count>, Rejection> {
    let count = count.update(|count| count.number += 1).await?;
    Ok(Json(count.clone()))
}

async fn slowly(
    mut count: SessionData<Count>,
    slow: web::Data<Slow>,
    body: web::Payload,
) -> Result<Json<Count>, Rejection> {
    slow.begins();
    let _ = body.to_bytes_limited(1_024).await;
    let count = count.update(|count| count.number += 1).await?;
    Ok(Json(count.clone()))
}

async fn grow(
    mut count: SessionData<Count>,
    request: HttpRequest,
) -> Result<Json<Count>, Rejection> {
    let query = Some(request.query_string());
    let count = count.update(|count| count.grow(query)).await?;
    Ok(Json(count.clone()))
}

async fn perhaps(count: Option<SessionData<Count>>) -> String {
    count.map_or_else(|| "nothing".to_owned(), |count| count.number.to_string())
}

async fn switch(sign_in: SignIn) -> Result<HttpResponse, Rejection> {
    match login_options() {
        Ok(options) => Err(sign_in.with(options)),
        Err(error) => Ok(HttpResponse::InternalServerError().body(error.to_string())),
    }
}

async fn keep_signed_in(sign_in: SignIn) -> Result<HttpResponse, Rejection> {
    Err(sign_in.with(keep()))
}

async fn silently(
    user: Option<User>,
    sign_in: SignIn,
    request: HttpRequest,
) -> Result<String, Rejection> {
    match user {
        Some(user) => Ok(user.subject().to_owned()),
        None => Err(sign_in.with(silent(request.uri().query()))),
    }
}

async fn ended(ended: SessionEnded) -> &'static str {
    why(ended.0)
}

async fn everywhere(gate: web::Data<Gate>, user: User) -> HttpResponse {
    match gate.end_sessions_of(user.issuer(), user.subject()).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn elsewhere(gate: web::Data<Gate>, user: User) -> HttpResponse {
    match gate.end_other_sessions_of(&user).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn page(_: User, request: HttpRequest) -> String {
    format!("page {}", request.query_string())
}
