//! The OpenID Provider: it rotates refresh tokens and takes a second use of one for theft ([RFC 9700
//! §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)), unless it is a forgiving one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_lc_rs::hmac;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::invariants;
use crate::line::Life;
use crate::story::tell;
use crate::world::World;

pub(crate) const ISSUER: &str = "https://op.example";
pub(crate) const CLIENT: &str = "my-app";
pub(crate) const SECRET: &str = "a secret that is long enough for HMAC";

/// What the provider makes of a refresh token that comes a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It was stolen: every token of the session is revoked.
    Theft,
    /// It cannot be right, but nobody has to suffer for it: what the first use brought stays good.
    Refused,
    /// The answer was lost, as happens: here is another one.
    Forgiven,
}

#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) reuse: Reuse,
    /// How long access tokens are good, in seconds.
    pub(crate) lifetime: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the code that is still to be spent: session and nonce.
    codes: BTreeMap<String, (String, String)>,
    /// By `sid`.
    sessions: BTreeMap<String, OpSession>,
    logout_tokens: u64,
}

/// A session at the provider: one login.
#[derive(Debug)]
struct OpSession {
    person: String,
    revoked: bool,
    /// The refresh tokens, oldest first: how each was spent.
    spent: Vec<Vec<Spending>>,
    tokens_until: u64,
}

/// That a node has spent a refresh token.
#[derive(Clone, Debug)]
pub(crate) struct Spending {
    pub(crate) at: Duration,
    pub(crate) by: Spender,
    /// The access token it got.
    pub(crate) brought: String,
    /// When the answer reached the node.
    pub(crate) answered: Option<Duration>,
    /// When the node gave up waiting for it.
    pub(crate) given_up: Option<Duration>,
    /// When the node said that it is durably kept.
    pub(crate) kept: Option<Duration>,
    /// When a browser got the access token.
    pub(crate) handed_out: Option<Duration>,
}

/// A node's process.
#[derive(Clone, Debug)]
pub(crate) struct Spender {
    pub(crate) node: usize,
    pub(crate) life: Life,
}

impl Provider {
    pub(crate) fn new(reuse: Reuse, lifetime: u64) -> Self {
        Self {
            reuse,
            lifetime,
            state: Mutex::default(),
        }
    }

    /// Somebody signs in: the parameters of the answer to an authorization request, and the new session's `sid`.
    pub(crate) fn authorize(&self, url: &str, person: &str) -> (String, String) {
        let url = url::Url::parse(url).unwrap();
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let mut state = self.state.lock().unwrap();
        let sid = format!("s{}", state.sessions.len() + 1);
        let code = format!("code-{sid}");
        let nonce = query["nonce"].clone();
        state.codes.insert(code.clone(), (sid.clone(), nonce));
        let session = OpSession {
            person: person.to_owned(),
            revoked: false,
            spent: Vec::new(),
            tokens_until: 0,
        };
        state.sessions.insert(sid.clone(), session);
        let mut answer = url::form_urlencoded::Serializer::new(String::new());
        answer
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .append_pair("iss", ISSUER);
        (answer.finish(), sid)
    }

    /// A logout token for one session, or for everything that a person has begun.
    pub(crate) fn logout_token(&self, world: &World, of: &LogoutOf) -> String {
        let mut state = self.state.lock().unwrap();
        state.logout_tokens += 1;
        let now = world.time.seconds();
        let mut claims = json!({
            "iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 120,
            "jti": format!("logout-{}", state.logout_tokens),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        match of {
            LogoutOf::Session(sid) => claims["sid"] = json!(sid),
            LogoutOf::Person(sub) => claims["sub"] = json!(sub),
        }
        signed("logout+jwt", &claims)
    }

    /// When the access token of a session runs out, in seconds since 1970.
    pub(crate) fn tokens_until(&self, sid: &str) -> Option<u64> {
        let state = self.state.lock().unwrap();
        state.sessions.get(sid).map(|session| session.tokens_until)
    }

    /// A node has the answer to a spending.
    pub(crate) fn answered(&self, world: &World, access_token: &str) {
        self.note(access_token, |spending| {
            spending.answered = Some(world.time.now());
        });
    }

    /// A node waits no longer for what it has asked for.
    pub(crate) fn given_up(&self, world: &World, refresh_token: &str, life: &Life) {
        let mut parts = refresh_token.split('-').skip(1);
        let (sid, number) = (parts.next().unwrap(), parts.next().unwrap());
        let mut state = self.state.lock().unwrap();
        let spent = &mut state.sessions.get_mut(sid).unwrap().spent;
        let number: usize = number.parse().unwrap();
        spent[number]
            .iter_mut()
            .filter(|spending| spending.by.life.is(life) && spending.answered.is_none())
            .for_each(|spending| spending.given_up = Some(world.time.now()));
    }

    /// A node says that what it has refreshed is safe.
    pub(crate) fn kept(&self, world: &World, sid: &str, life: &Life) {
        let mut state = self.state.lock().unwrap();
        let spent = state.sessions.get_mut(sid).into_iter();
        let by_it = spent
            .flat_map(|session| session.spent.iter_mut().flatten())
            .filter(|spending| spending.by.life.is(life) && spending.answered.is_some());
        if let Some(last) = by_it.max_by_key(|spending| spending.at) {
            last.kept.get_or_insert(world.time.now());
        }
    }

    /// A browser has got an access token. `false` when there is no such token in its session.
    pub(crate) fn handed_out(&self, world: &World, sid: &str, access_token: &str) -> bool {
        self.note(access_token, |spending| {
            spending.handed_out.get_or_insert(world.time.now());
        });
        access_token.starts_with(&format!("at-{sid}-"))
    }

    fn note(&self, access_token: &str, note: impl Fn(&mut Spending)) {
        let sid = access_token.split('-').nth(1).unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        let session = state.sessions.get_mut(sid).into_iter();
        session
            .flat_map(|session| session.spent.iter_mut().flatten())
            .filter(|spending| spending.brought == access_token)
            .for_each(note);
    }

    /// Answers a request of a node's.
    pub(crate) fn answer(
        &self,
        world: &World,
        request: &Request<Vec<u8>>,
        by: &Spender,
    ) -> Response<Vec<u8>> {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        let answer = match request.uri().path() {
            "/.well-known/openid-configuration" => Ok(metadata()),
            "/jwks" => Ok(json!({ "keys": [unused_key()] })),
            "/token" => match form.get("grant_type").map(String::as_str) {
                Some("authorization_code") => self.exchange(world, &form["code"]),
                _ => self.refresh(world, &form["refresh_token"], by),
            },
            "/revoke" => {
                self.revoke(world, &form["token"]);
                Ok(json!({}))
            }
            other => panic!("nobody should ask for {other}"),
        };
        let (status, body) = match answer {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
        };
        let mut response = Response::new(body.to_string().into_bytes());
        *response.status_mut() = status;
        response
    }

    fn exchange(&self, world: &World, code: &str) -> Result<Value, &'static str> {
        let mut state = self.state.lock().unwrap();
        let (sid, nonce) = state.codes.remove(code).ok_or("invalid_grant")?;
        Ok(self.issue(world, &mut state, &sid, Some(nonce)))
    }

    fn refresh(
        &self,
        world: &World,
        refresh_token: &str,
        by: &Spender,
    ) -> Result<Value, &'static str> {
        let mut state = self.state.lock().unwrap();
        let mut parts = refresh_token.split('-').skip(1);
        let (sid, number) = (parts.next().unwrap(), parts.next().unwrap());
        let number: usize = number.parse().unwrap();
        let session = state.sessions.get_mut(sid).unwrap();
        let spent = session.spent[number].clone();
        if session.revoked {
            tell!(world.story, "provider", "refuses {refresh_token}: revoked");
            return Err("invalid_grant");
        }
        if !spent.is_empty() {
            invariants::spent_again(world, sid, refresh_token, &spent, by);
            match self.reuse {
                Reuse::Theft => {
                    session.revoked = true;
                    return Err("invalid_grant");
                }
                Reuse::Refused => return Err("invalid_grant"),
                Reuse::Forgiven => {}
            }
        }
        let answer = self.issue(world, &mut state, sid, None);
        let brought = answer["access_token"].as_str().unwrap().to_owned();
        tell!(
            world.story,
            "provider",
            "takes {refresh_token} from node {}, gives {brought}",
            by.node
        );
        let session = state.sessions.get_mut(sid).unwrap();
        session.spent[number].push(Spending {
            at: world.time.now(),
            by: by.clone(),
            brought,
            answered: None,
            given_up: None,
            kept: None,
            handed_out: None,
        });
        Ok(answer)
    }

    fn issue(&self, world: &World, state: &mut State, sid: &str, nonce: Option<String>) -> Value {
        let now = world.time.seconds();
        let session = state.sessions.get_mut(sid).unwrap();
        let number = session.spent.len();
        session.spent.push(Vec::new());
        session.tokens_until = now + self.lifetime;
        let mut answer = json!({
            "token_type": "Bearer",
            "access_token": format!("at-{sid}-{number}"),
            "refresh_token": format!("rt-{sid}-{number}"),
            "expires_in": self.lifetime,
        });
        if nonce.is_some() || number.is_multiple_of(2) {
            let mut claims = json!({
                "iss": ISSUER, "aud": CLIENT, "sub": session.person, "sid": sid,
                "iat": now, "exp": now + self.lifetime,
            });
            if let Some(nonce) = nonce {
                claims["nonce"] = json!(nonce);
            }
            answer["id_token"] = json!(signed("JWT", &claims));
        }
        answer
    }

    fn revoke(&self, world: &World, refresh_token: &str) {
        tell!(world.story, "provider", "revokes {refresh_token}");
        let sid = refresh_token.split('-').nth(1).unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        if let Some(session) = state.sessions.get_mut(sid) {
            session.revoked = true;
        }
    }
}

/// Whose sessions a logout token ends.
#[derive(Clone, Debug)]
pub(crate) enum LogoutOf {
    Session(String),
    Person(String),
}

fn metadata() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "revocation_endpoint": format!("{ISSUER}/revoke"),
        "end_session_endpoint": format!("{ISSUER}/logout"),
        "jwks_uri": format!("{ISSUER}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// A provider has a public key, though nothing here is signed with it: that of [RFC 7517 appendix
/// A.1](https://www.rfc-editor.org/rfc/rfc7517#appendix-A.1).
fn unused_key() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    })
}

/// Signed with the client's secret: the cheapest signature there is.
fn signed(kind: &str, claims: &Value) -> String {
    let base64 = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
    let header = json!({ "alg": "HS256", "typ": kind }).to_string();
    let signed = format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(claims.to_string().as_bytes())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64(tag.as_ref()))
}
