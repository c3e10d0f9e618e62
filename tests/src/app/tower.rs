//! The application on axum.

use std::io;
use std::net::TcpListener;

use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use futures_util::stream;
use latchgate::{Error, Gate, Guard};
use latchgate_tower::{
    Access, AccessToken, ApiTokens, GuardLayer, LoginLayer, RefreshedAccessToken, Rejection,
    SessionData, SessionEnded, SignIn, User, Visitor,
};
use serde_json::Value;

use super::api_client::Called;
use super::rules::guards;
use super::{
    CHUNKS, Count, Serving, Slow, by_password, by_query, called, granted, impersonated, keep,
    login_options, silent, token_for, told, visitor, why,
};
use crate::failure::Failure;

pub(super) fn serve(listener: TcpListener, gate: Gate, slow: Slow) -> Result<Serving, Failure> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let guarded = guards()
        .into_iter()
        .map(|(path, guard)| guarded(path, guard));
    let app = guarded
        .fold(Router::new(), Router::merge)
        .route("/require", get(required))
        .route("/", get(home))
        .route("/me", get(me))
        .route("/token", get(token))
        .route("/call", get(call))
        .route("/other", get(other))
        .route("/another", get(another))
        .route("/own", get(own).with_state::<()>(gate.clone()))
        .route("/as-user", get(as_user))
        .route(
            "/as-application",
            get(as_application).with_state::<()>(gate.clone()),
        )
        .route("/refresh", post(refresh).get(refresh))
        .route("/boom", get(boom))
        .route("/boom-token", get(boom_token))
        .route("/stream", get(streamed))
        .route("/cached", get(cached))
        .route("/public", get(|| async { "public" }))
        .route("/write", post(|_: User| async { "written" }))
        .route("/switch", get(switch))
        .route("/count", get(counted).post(count))
        .route("/slowly", post(slowly).with_state::<()>(slow.clone()))
        .route("/grow", post(grow))
        .route("/perhaps", get(perhaps))
        .route("/visitor", get(of_visitor).post(for_visitor))
        .route("/visitor/once", get(once_of_visitor))
        .route(
            "/keep",
            get(|sign_in: SignIn| async { sign_in.with(keep()) }),
        )
        .route("/silent", get(silently))
        .route(
            "/ended",
            get(|ended: SessionEnded| async move { why(ended.0) }),
        )
        .route("/password", post(password).with_state::<()>(gate.clone()))
        .route(
            "/impersonate",
            post(impersonate).with_state::<()>(gate.clone()),
        )
        .route("/granted", get(async |user: User| Json(granted(&user))))
        .route(
            "/tenant",
            get(async |user: Option<User>| super::tenant_of(user.as_deref())),
        )
        .route(
            "/actor",
            get(async |user: User| user.impersonator().unwrap_or("-").to_owned()),
        )
        .route(
            "/everywhere",
            post(everywhere).with_state::<()>(gate.clone()),
        )
        .route("/elsewhere", post(elsewhere).with_state::<()>(gate.clone()))
        .nest("/nested", Router::new().nest("/deep", page("/page")))
        .layer(LoginLayer::new(gate));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let handle = serving.abort_handle();
    Ok(Serving::until(slow, move || handle.abort()))
}

async fn of_visitor(visitor: Visitor, RawQuery(query): RawQuery) -> Json<Value> {
    Json(visitor::value(&visitor, query.as_deref()))
}

async fn once_of_visitor(visitor: Visitor, RawQuery(query): RawQuery) -> Json<Value> {
    Json(visitor::once(&visitor, query.as_deref()))
}

async fn for_visitor(visitor: Visitor, RawQuery(query): RawQuery) -> Result<StatusCode, Rejection> {
    visitor::change(&visitor, query.as_deref())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn password(
    _: Option<User>,
    sign_in: SignIn,
    State(gate): State<Gate>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Rejection> {
    let person = by_password(query.as_deref());
    Ok((sign_in.as_person(&gate, person).await?, Redirect::to("/me")))
}

async fn impersonate(
    user: User,
    sign_in: SignIn,
    State(gate): State<Gate>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Rejection> {
    let person = impersonated(query.as_deref(), &user);
    Ok((sign_in.as_person(&gate, person).await?, Redirect::to("/me")))
}

async fn everywhere(State(gate): State<Gate>, user: User) -> StatusCode {
    match gate.end_sessions_of(user.issuer(), user.subject()).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn elsewhere(State(gate): State<Gate>, user: User) -> StatusCode {
    match gate.end_other_sessions_of(&user).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(error) => error.status(),
    }
}

fn guarded(path: &str, guard: Guard) -> Router {
    let admitted: MethodRouter = get(|| async { "admitted" });
    Router::new()
        .route(path, admitted)
        .route_layer(GuardLayer::new(guard))
}

async fn required(access: Access, RawQuery(query): RawQuery) -> Result<String, Rejection> {
    let user = access.require(&by_query(query.as_deref())).await?;
    Ok(user.subject().to_owned())
}

fn page(path: &str) -> Router {
    let show =
        async |_: User, RawQuery(query): RawQuery| format!("page {}", query.unwrap_or_default());
    Router::new().route(path, get(show))
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

async fn call(token: AccessToken, RawQuery(url): RawQuery) -> Result<String, StatusCode> {
    match called(&token, url.as_deref()).await {
        Ok((status, body)) => Ok(format!("{status} {body}")),
        Err(_) => Err(StatusCode::BAD_GATEWAY),
    }
}

async fn other(tokens: ApiTokens, RawQuery(query): RawQuery) -> Result<Json<Value>, Rejection> {
    Ok(Json(told(&tokens.get(&token_for(query.as_deref())).await?)))
}

async fn another(tokens: ApiTokens, RawQuery(query): RawQuery) -> Result<Json<Value>, Rejection> {
    let wanted = token_for(query.as_deref());
    let rejected = tokens.get(&wanted).await?;
    let other = tokens.replace(&wanted, &rejected).await?;
    Ok(Json(told(&other.unwrap_or(rejected))))
}

async fn own(
    State(gate): State<Gate>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Rejection> {
    let wanted = token_for(query.as_deref());
    Ok(Json(told(&gate.client_credentials(&wanted).await?)))
}

async fn as_user(tokens: ApiTokens, RawQuery(query): RawQuery) -> Result<String, Rejection> {
    let called = Called::of(query.as_deref());
    let api = called
        .client()
        .map_err(|error| Error::ApiCall(error.into()))?;
    Ok(called.send(api.as_user(&tokens)).await?)
}

async fn as_application(
    State(gate): State<Gate>,
    RawQuery(query): RawQuery,
) -> Result<String, Rejection> {
    let called = Called::of(query.as_deref());
    let api = called
        .client()
        .map_err(|error| Error::ApiCall(error.into()))?;
    Ok(called.send(api.as_application(&gate)).await?)
}

async fn refresh(token: RefreshedAccessToken) -> Json<Value> {
    Json(told(&token))
}

async fn boom(_: User) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn boom_token(_: AccessToken) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn streamed(_: User) -> Body {
    Body::from_stream(stream::iter(CHUNKS.map(Ok::<_, io::Error>)))
}

async fn cached(_: User) -> impl IntoResponse {
    let headers = [
        ("cache-control", "public, s-maxage=600"),
        ("cdn-cache-control", "max-age=600"),
    ];
    (headers, "cached")
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
    State(slow): State<Slow>,
    body: Body,
) -> Result<Json<Count>, Rejection> {
    slow.begins();
    let _ = to_bytes(body, 1_024).await;
    let count = count.update(|count| count.number += 1).await?;
    Ok(Json(count.clone()))
}

async fn grow(
    mut count: SessionData<Count>,
    RawQuery(query): RawQuery,
) -> Result<Json<Count>, Rejection> {
    let count = count.update(|count| count.grow(query.as_deref())).await?;
    Ok(Json(count.clone()))
}

async fn perhaps(count: Option<SessionData<Count>>) -> String {
    count.map_or_else(|| "nothing".to_owned(), |count| count.number.to_string())
}

async fn silently(
    user: Option<User>,
    sign_in: SignIn,
    RawQuery(query): RawQuery,
) -> Result<String, Rejection> {
    match user {
        Some(user) => Ok(user.subject().to_owned()),
        None => Err(sign_in.with(silent(query.as_deref()))),
    }
}

async fn switch(sign_in: SignIn) -> Response {
    match login_options() {
        Ok(options) => sign_in.with(options).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
