//! A login: `begin` redirects to the provider, `finish` answers the callback.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use peer_harness::{ORIGIN, Provider};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::id_token::Verifier;
use crate::seal::Sealer;
use crate::session::{self, Session, now};

const COOKIE: &str = "login";

/// How long a login may take, in seconds.
const LIFETIME: u64 = 900;

pub struct Login {
    pub sealer: Sealer,
    http: reqwest::Client,
    verifier: Verifier,
    /// The authorization request, with all that is the same for every login.
    authorization_request: String,
    token_endpoint: Url,
    client: HeaderValue,
}

/// What the login cookie holds.
#[derive(Serialize, Deserialize)]
struct Pending<'a> {
    expires_at: u64,
    state: &'a str,
    nonce: &'a str,
    code_verifier: &'a str,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    token_type: &'a str,
    access_token: &'a str,
    id_token: &'a str,
    refresh_token: Option<&'a str>,
    expires_in: u64,
}

impl Login {
    pub async fn at(provider: Provider) -> Self {
        let Provider {
            issuer,
            client_id,
            client_secret,
        } = provider;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .expect("an HTTP client");
        let metadata = format!("{issuer}/.well-known/openid-configuration");
        let metadata = fetched(&http, &metadata).await;
        let endpoint = |name: &str| metadata[name].as_str().expect("an endpoint").to_owned();
        let keys = fetched(&http, &endpoint("jwks_uri")).await;
        let mut authorization_request = form_urlencoded::Serializer::new(String::new());
        authorization_request
            .append_pair("response_type", "code")
            .append_pair("client_id", &client_id)
            .append_pair("redirect_uri", &format!("{ORIGIN}/callback"))
            .append_pair("scope", "openid profile email offline_access")
            .append_pair("code_challenge_method", "S256");
        let query = authorization_request.finish();
        // RFC 6749 §2.3.1.
        let [id, secret] = [&client_id, &client_secret]
            .map(|text| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        let client = STANDARD.encode_to_string(format!("{id}:{secret}"));
        Self {
            sealer: Sealer::new(b"by hand, and sealed for measures"),
            http,
            authorization_request: format!("{}?{query}", endpoint("authorization_endpoint")),
            token_endpoint: endpoint("token_endpoint").parse().expect("a URL"),
            client: HeaderValue::try_from(format!("Basic {client}")).expect("a header"),
            verifier: Verifier::new(issuer, client_id, &keys),
        }
    }

    /// Redirects to the provider.
    pub fn begin(&self) -> Response {
        let [state, nonce, code_verifier] = [(); 3].map(|()| random_text());
        let challenge = digest(&SHA256, code_verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode_to_string(challenge);
        let pending = Pending {
            expires_at: now() + LIFETIME,
            state: &state,
            nonce: &nonce,
            code_verifier: &code_verifier,
        };
        let cookie = self.cookie(COOKIE, &pending, LIFETIME);
        let fixed = &self.authorization_request;
        let to = format!("{fixed}&state={state}&nonce={nonce}&code_challenge={challenge}");
        redirect(to, [cookie])
    }

    /// Answers the callback. `None` if anything is wrong.
    pub async fn finish(&self, headers: &HeaderMap, query: &str) -> Option<Response> {
        let opened = self.sealer.open(COOKIE, headers)?;
        let pending: Pending<'_> = postcard::from_bytes(&opened).ok()?;
        let parameter = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(name, value)| (name == wanted).then_some(value))
        };
        let state = parameter("state")?;
        verify_slices_are_equal(state.as_bytes(), pending.state.as_bytes()).ok()?;
        let issuer = parameter("iss");
        if pending.expires_at <= now() || issuer.is_some_and(|iss| iss != self.verifier.issuer) {
            return None;
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", &parameter("code")?)
            .append_pair("redirect_uri", &format!("{ORIGIN}/callback"))
            .append_pair("code_verifier", pending.code_verifier)
            .finish();
        let answer = self
            .http
            .post(self.token_endpoint.clone())
            .header("authorization", self.client.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        let body = answer.bytes().await.ok()?;
        let tokens: Tokens<'_> = serde_json::from_slice(&body).ok()?;
        if !tokens.token_type.eq_ignore_ascii_case("Bearer") {
            return None;
        }
        let now = now();
        let (raw, nonce) = (tokens.id_token, pending.nonce);
        let id_token = self.verifier.verify(raw, tokens.access_token, nonce, now)?;
        let session = Session {
            expires_at: now + session::LIFETIME,
            id_token: id_token.parts(),
            access_token: tokens.access_token,
            access_token_expires_at: now + tokens.expires_in,
            refresh_token: tokens.refresh_token,
        };
        let cookie = self.cookie(session::COOKIE, &session, session::LIFETIME);
        let pending_is_over = HeaderValue::from_static("login=; Max-Age=0; Path=/");
        Some(redirect("/me".to_owned(), [cookie, pending_is_over]))
    }

    fn cookie(&self, name: &str, content: &impl Serialize, max_age: u64) -> HeaderValue {
        let content = postcard::to_allocvec(content).expect("bytes");
        let value = self.sealer.seal(name, content);
        let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}");
        HeaderValue::try_from(line).expect("base64url")
    }
}

async fn fetched(http: &reqwest::Client, url: &str) -> Value {
    let answer = http.get(url).send().await.expect("the provider");
    let body = answer.bytes().await.expect("the provider's answer");
    serde_json::from_slice(&body).expect("JSON")
}

fn redirect<const N: usize>(to: String, cookies: [HeaderValue; N]) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    let headers = answer.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(to).expect("a URL"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    answer
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random numbers");
    bytes
}

fn random_text() -> String {
    URL_SAFE_NO_PAD.encode_to_string(random::<32>())
}
