//! A browser and a relying party in one, made of as little as possible.

use std::sync::Mutex;

use http::{HeaderMap, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use latchgate_dev_provider::DevProvider;
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::{self, byte_serialize};

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:3000/callback?tenant=a";
/// The pair of RFC 7636, Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// One answer, read to its end.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> Url {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        Url::parse(self.header(header::LOCATION)).unwrap()
    }

    /// A parameter of the redirect's query.
    pub(crate) fn sent_back(&self, name: &str) -> Option<String> {
        let location = self.location();
        let mut pairs = location.query_pairs();
        pairs
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The value of the first hidden field of this name.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&field).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Somebody at a browser, with one cookie jar for the one provider.
pub(crate) struct Visitor {
    http: reqwest::Client,
    cookie: Mutex<Option<String>>,
}

impl Visitor {
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .unwrap();
        Self {
            http,
            cookie: Mutex::new(None),
        }
    }

    pub(crate) async fn get(&self, url: &str) -> Page {
        self.send(self.http.get(url)).await.unwrap()
    }

    pub(crate) async fn try_get(&self, url: &str) -> Result<Page, reqwest::Error> {
        self.send(self.http.get(url)).await
    }

    pub(crate) async fn get_with(&self, url: &str, name: header::HeaderName, value: &str) -> Page {
        self.send(self.http.get(url).header(name, value))
            .await
            .unwrap()
    }

    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Page {
        self.send(self.http.post(url).form(form)).await.unwrap()
    }

    /// Posts as the default client, authenticated with `client_secret_basic`.
    pub(crate) async fn post_as_client(
        &self,
        provider: &DevProvider,
        path: &str,
        form: &[(&str, &str)],
    ) -> Page {
        let request = self
            .http
            .post(format!("{}{path}", provider.issuer()))
            .header(
                header::AUTHORIZATION,
                basic(provider.client_id(), provider.client_secret()),
            )
            .form(form);
        self.send(request).await.unwrap()
    }

    /// Redeems a code as the default client.
    pub(crate) async fn redeem(&self, provider: &DevProvider, code: &str) -> Page {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.post_as_client(provider, "/token", &form).await
    }

    /// Logs in as whoever the provider signs in automatically and returns the token response.
    pub(crate) async fn log_in(&self, provider: &DevProvider, scope: &str) -> Value {
        let answer = self.get(&authorize(provider, &[("scope", scope)])).await;
        let code = answer.sent_back("code").unwrap();
        let tokens = self.redeem(provider, &code).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
        tokens.json()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Page, reqwest::Error> {
        let cookie = self.cookie.lock().unwrap().clone();
        let request = match cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        };
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        if let Some(set) = headers.get(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            *self.cookie.lock().unwrap() = Some(pair.to_owned());
        }
        let body = response.text().await?;
        Ok(Page {
            status,
            headers,
            body,
        })
    }
}

/// A provider that signs Alice in without a page.
pub(crate) async fn provider_with_alice() -> DevProvider {
    let provider = DevProvider::start().await.unwrap();
    provider.auto_sign_in(Some("alice"));
    provider
}

/// The URL of a good authorization request with some parameters changed, or left out where the new value is empty.
pub(crate) fn authorize(provider: &DevProvider, changes: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", provider.client_id()),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid profile email"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(own, _)| own != name);
        if !value.is_empty() {
            parameters.push((name, value));
        }
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("{}/authorize?{query}", provider.issuer())
}

/// The header of `client_secret_basic`, both halves form-urlencoded.
pub(crate) fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |half: &str| byte_serialize(half.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(client_secret));
    format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair))
}

/// Checks a JWT against the published keys as a strict relying party would and returns its claims.
pub(crate) async fn verified(
    provider: &DevProvider,
    jwt: &str,
    algorithm: Algorithm,
    audience: &str,
) -> Result<Value, String> {
    let header = jsonwebtoken::decode_header(jwt).map_err(|error| error.to_string())?;
    let kid = header.kid.ok_or("no kid")?;
    let jwks = Visitor::new()
        .get(&format!("{}/jwks", provider.issuer()))
        .await
        .json();
    let jwk = jwks["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == *kid && key["use"] == "sig")
        .ok_or("unknown kid")?;
    let jwk = serde_json::from_value(jwk.clone()).map_err(|error| error.to_string())?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[provider.issuer()]);
    validation.set_audience(&[audience]);
    jsonwebtoken::decode(jwt, &key, &validation)
        .map(|decoded| decoded.claims)
        .map_err(|error| error.to_string())
}

/// The header or claims of a JWT, unchecked.
pub(crate) fn part(jwt: &str, index: usize) -> Value {
    let part = jwt.split('.').nth(index).unwrap();
    let json = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(part.as_bytes())
        .unwrap();
    serde_json::from_slice(&json).unwrap()
}
