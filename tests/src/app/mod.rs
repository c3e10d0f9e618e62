//! The application of the scenarios, once on axum and once on actix-web, with the same routes:
//!
//! | route | asks for | answers |
//! |---|---|---|
//! | `GET /` | `Option<User>` | `anonymous`, or the subject |
//! | `GET /me` | `User` | the claims |
//! | `GET /token`, `GET|POST /refresh` | `AccessToken`, `RefreshedAccessToken` | the token, its lifetime and scope |
//! | `GET /other?…` | `ApiTokens` | a token for what the query names, `by=exchange` or with the refresh token |
//! | `GET /another?…` | `ApiTokens` | another one, as if the API had rejected the first |
//! | `GET /own?…` | nobody | a token of the application itself |
//! | `GET /call?url` | `AccessToken` | the status and the body of that API's answer |
//! | `GET /as-user?…`, `GET /as-application?…` | `ApiTokens`; nobody | the same of an API that an `ApiClient` calls: see `api_client` |
//! | `GET /admin`, `GET /read`, `GET /recent` | the role `admin`, the scope `email`, `max_age` 300 | `admitted` |
//! | `GET /permitted`, `/either`, `/asked`, `/counted`, `/strong`, `/strong-recent`, `/by-method` | what `rules` says | `admitted` |
//! | `GET /require?admin` | `Access`, for the role in the query | the subject |
//! | `GET /boom`, `GET /boom-token` | `User`, `AccessToken` | 500 |
//! | `GET /stream`, `GET /cached` | `User` | chunks; `Cache-Control: public, s-maxage=600`, and `CDN-Cache-Control: max-age=600` |
//! | `GET /public` | nobody | `public` |
//! | `POST /write` | `User` | `written` |
//! | `GET /count`, `POST /count` | `SessionData<Count>` | the value; the value after one more |
//! | `POST /slowly` | `SessionData<Count>`, then the body | the value after one more |
//! | `POST /grow?5` | `SessionData<Count>` | the value, with a padding of so many bytes |
//! | `GET /perhaps` | `Option<SessionData<Count>>` | `nothing`, or the number |
//! | `GET /visitor?name`, `GET /visitor/once?name` | `Visitor` | the visitor's value of that name; the same, and removes it |
//! | `POST /visitor?name=json` | `Visitor` | 204, and the value is another |
//! | `GET /switch` | `SignIn` | a login with options |
//! | `GET /keep` | `SignIn` | a login whose session outlives the browser |
//! | `GET /silent?then=/path` | `Option<User>`, else `SignIn` | the subject, or a silent login |
//! | `GET /ended` | `SessionEnded` | the code of the session's end, or `-` |
//! | `POST /password?42` | `Option<User>`, `SignIn` | 303 to `/me`, in a session without a provider |
//! | `POST /impersonate?bob` | `User`, `SignIn` | 303 to `/me`, as somebody else of the same issuer |
//! | `GET /tenant` | `Option<User>` | the person's tenant and subject, or `-` |
//! | `GET /actor` | `User` | the subject of who acts as the person, or `-` |
//! | `GET /granted` | `User` | the granted `authorization_details`, or `null` |
//! | `POST /everywhere` | `User` | 204, and ends every session of that person |
//! | `POST /elsewhere` | `User` | 204, and ends every other session of that person |
//! | `GET /nested/deep/page` | `User`, inside two nested routers | its query |

mod actix;
pub mod api;
mod api_client;
mod rules;
mod tower;
mod visitor;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use latchgate::{
    AccessToken, AuthorizationDetails, CookiePersistence, Gate, Guard, LoginOptions,
    ParameterError, Person, Prompt, ReturnTo, SessionEnd, TokenFor, User,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::run::Framework;

/// A running application. Dropping it stops it.
pub struct Serving {
    stop: Option<Box<dyn FnOnce() + Send + Sync>>,
    slow: Slow,
}

/// Requests to `/slowly` whose session is open and whose body is still to come.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<AtomicUsize>);

impl Slow {
    fn begins(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the application keeps in a session, where a scenario has hooks that put it there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Whose it is.
    pub who: String,
    /// A number that handlers count up.
    pub number: u64,
    /// As long as `/grow` was told.
    pub padding: String,
}

impl Count {
    /// Nothing counted so far.
    #[must_use]
    pub fn of(who: &str) -> Self {
        Self {
            who: who.to_owned(),
            ..Self::default()
        }
    }

    fn grow(&mut self, query: Option<&str>) {
        let bytes = query.and_then(|query| query.parse().ok()).unwrap_or(0);
        self.padding = "x".repeat(bytes);
    }
}

/// What `/stream` sends, piece by piece.
pub const CHUNKS: [&str; 4] = ["one ", "two ", "three ", "four"];

/// Serves the application on a listener.
///
/// # Errors
/// The framework did not start.
pub async fn serve(
    framework: Framework,
    listener: TcpListener,
    gate: Gate,
) -> Result<Serving, Failure> {
    let slow = Slow::default();
    match framework {
        Framework::Tower => tower::serve(listener, gate, slow),
        Framework::Actix => actix::serve(listener, gate, slow).await,
    }
}

impl Serving {
    fn until(slow: Slow, stop: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            stop: Some(Box::new(stop)),
            slow,
        }
    }

    /// How many requests to `/slowly` have opened their session so far.
    #[must_use]
    pub fn slow_requests(&self) -> usize {
        self.slow.0.load(Ordering::SeqCst)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serving")
    }
}

fn admins() -> Guard {
    Guard::signed_in().role("admin")
}

fn readers() -> Guard {
    Guard::signed_in().scope("email")
}

fn recent() -> Guard {
    Guard::signed_in().max_age(Duration::from_secs(300))
}

/// The guard of `/require`.
fn by_query(query: Option<&str>) -> Guard {
    Guard::signed_in().role(query.unwrap_or_default())
}

/// Every option that a handler can give a login.
fn login_options() -> Result<LoginOptions, ParameterError> {
    LoginOptions::new()
        .prompt(Prompt::Login)
        .login_hint("alice@example.com")
        .ui_locales("de en")
        .acr_values("urn:example:gold")
        .max_age(Duration::from_secs(600))
        .return_to(ReturnTo::parse("/me?switched=1").unwrap_or_else(ReturnTo::root))
        .authorization_details(payment())
        .parameter("organization", "org_123 & more")
}

fn payment() -> AuthorizationDetails {
    AuthorizationDetails::of(&[json!({ "type": "payment", "amount": "1.50" })])
        .unwrap_or_else(|error| unreachable!("{error}"))
}

/// Somebody with a password of the application's own.
fn by_password(query: Option<&str>) -> Person {
    Person::new(query.unwrap_or_default())
        .claim("name", "Jane Doe")
        .claim("roles", vec!["admin"])
}

/// Somebody else, as who this person acts.
fn impersonated(query: Option<&str>, by: &User) -> Person {
    let person = Person::new(query.unwrap_or_default());
    person.issuer(by.issuer()).impersonated_by(by)
}

fn keep() -> LoginOptions {
    LoginOptions::new()
        .remember(CookiePersistence::AcrossRestarts)
        .return_to(ReturnTo::parse("/me").unwrap_or_else(ReturnTo::root))
}

/// A silent login, which leads to the path in the query.
fn silent(query: Option<&str>) -> LoginOptions {
    let options = LoginOptions::new().prompt(Prompt::None);
    let then = query.and_then(|query| query.strip_prefix("then="));
    match then.and_then(ReturnTo::parse) {
        Some(then) => options.return_to(then),
        None => options,
    }
}

fn why(ended: Option<SessionEnd>) -> &'static str {
    ended.map_or("-", SessionEnd::code)
}

/// Calls an API with the token, and returns the status and the body of its answer.
async fn called(token: &AccessToken, url: Option<&str>) -> Result<(u16, String), Failure> {
    let mut client = reqwest::Client::builder().no_proxy();
    if let Some(certificate) = token.certificate() {
        // Which server answers is not what the scenarios are about.
        client = client
            .identity(reqwest::Identity::from_pem(certificate.secret_pem())?)
            .tls_danger_accept_invalid_certs(true);
    }
    let client = client.build()?;
    let mut call = token.call();
    loop {
        let mut request = http::Request::get(url.unwrap_or_default()).body("")?;
        call.authorize(&mut request)?;
        let answer = client.execute(request.try_into()?).await?;
        if !call.wants_repeat(answer.status(), answer.headers()) {
            return Ok((answer.status().as_u16(), answer.text().await?));
        }
    }
}

/// Whose tenant's this is.
fn tenant_of(user: Option<&User>) -> String {
    let Some(user) = user else {
        return "-".to_owned();
    };
    format!("{} {}", user.tenant().unwrap_or("-"), user.subject())
}

/// What a query such as `resource=https://api.example&scope=read&by=exchange` asks for.
fn token_for(query: Option<&str>) -> TokenFor {
    let pairs = || url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let value = |name: &str| {
        pairs()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    };
    let wanted = match value("resource") {
        Some(resource) => TokenFor::resource(resource),
        None => TokenFor::audience(value("audience").unwrap_or_default()),
    };
    let wanted = value("scope").into_iter().fold(wanted, TokenFor::scope);
    match value("by") {
        Some(_) => wanted.by_exchange(),
        None => wanted,
    }
}

fn granted(user: &User) -> Value {
    json!(
        user.authorization_details()
            .map(|granted| granted.list().to_vec())
    )
}

fn told(token: &AccessToken) -> Value {
    json!({
        "access_token": token.secret(),
        "expires_in": token.expires_in(),
        "scope": token.scope(),
        "token_type": token.token_type(),
    })
}
