//! **For testing relying parties**: makes the provider misbehave, so that a test can show that its client notices.
//!
//! Whatever is set here takes effect with the provider's next answer and stays until [`Mischief::clear`]. A closure that
//! panics breaks the connection it was called for. `claims["nonce"] = …` panics if there is no nonce: insert it instead.

mod answer;
mod forgery;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub use self::answer::Answer;
use self::answer::Answers;
pub(crate) use self::answer::Instead;
pub use self::forgery::Forgery;
pub(crate) use self::forgery::signature_of;
use crate::journal::Endpoint;
use crate::jws::JsonObject;

type AlterJson = Arc<dyn Fn(&mut Value) + Send + Sync>;
type AlterJwt = Arc<dyn Fn(&mut JsonObject, &mut JsonObject) + Send + Sync>;
type AlterText = Arc<dyn Fn(&mut String) + Send + Sync>;
type AlterParameters = Arc<dyn Fn(&mut Vec<(String, String)>) + Send + Sync>;

/// The provider's script of misbehaviour. Clones share it.
#[derive(Clone, Default)]
pub struct Mischief {
    script: Arc<Mutex<Script>>,
    answers: Arc<Answers>,
}

#[derive(Default, Clone)]
struct Script {
    metadata: Option<AlterJson>,
    jwks: Option<AlterJson>,
    token_response: Option<AlterJson>,
    userinfo: Option<AlterJson>,
    challenge: Option<AlterText>,
    id_token: Option<AlterJwt>,
    refreshed_id_token: Option<AlterJwt>,
    access_token: Option<AlterJwt>,
    authorization_response: Option<AlterParameters>,
    response_jwt: Option<AlterJwt>,
    response_jwt_forgery: Option<Forgery>,
    id_token_forgery: Option<Forgery>,
    access_token_forgery: Option<Forgery>,
}

impl Mischief {
    /// Changes the discovery document before it is sent.
    pub fn on_metadata(&self, alter: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.script().metadata = Some(Arc::new(alter));
    }

    /// Changes the JWK Set before it is sent.
    pub fn on_jwks(&self, alter: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.script().jwks = Some(Arc::new(alter));
    }

    /// Changes the header and the claims of every ID token before it is signed.
    pub fn on_id_token(
        &self,
        alter: impl Fn(&mut JsonObject, &mut JsonObject) + Send + Sync + 'static,
    ) {
        self.script().id_token = Some(Arc::new(alter));
    }

    /// Changes the header and the claims of ID tokens that answer a refresh, after [`on_id_token`](Self::on_id_token).
    pub fn on_refreshed_id_token(
        &self,
        alter: impl Fn(&mut JsonObject, &mut JsonObject) + Send + Sync + 'static,
    ) {
        self.script().refreshed_id_token = Some(Arc::new(alter));
    }

    /// Changes the header and the claims of every access token before it is signed, to imitate other providers. The
    /// provider's own endpoints use their own record of the token, not its claims.
    pub fn on_access_token(
        &self,
        alter: impl Fn(&mut JsonObject, &mut JsonObject) + Send + Sync + 'static,
    ) {
        self.script().access_token = Some(Arc::new(alter));
    }

    /// Changes the successful answers of the token endpoint before they are sent.
    pub fn on_token_response(&self, alter: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.script().token_response = Some(Arc::new(alter));
    }

    /// Changes the successful answers of the userinfo endpoint before they are sent.
    pub fn on_userinfo(&self, alter: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.script().userinfo = Some(Arc::new(alter));
    }

    /// Changes the `WWW-Authenticate` field of the userinfo endpoint's refusals before they are sent.
    pub fn on_challenge(&self, alter: impl Fn(&mut String) + Send + Sync + 'static) {
        self.script().challenge = Some(Arc::new(alter));
    }

    /// Changes the parameters of every authorization response, errors included: alter, remove or repeat `code`, `state`,
    /// `iss`.
    pub fn on_authorization_response(
        &self,
        alter: impl Fn(&mut Vec<(String, String)>) + Send + Sync + 'static,
    ) {
        self.script().authorization_response = Some(Arc::new(alter));
    }

    /// Changes the header and the claims of authorization responses that are JWTs, before they are signed.
    pub fn on_response_jwt(
        &self,
        alter: impl Fn(&mut JsonObject, &mut JsonObject) + Send + Sync + 'static,
    ) {
        self.script().response_jwt = Some(Arc::new(alter));
    }

    /// Signs authorization responses that are JWTs in a way no relying party may accept.
    pub fn sign_response_jwt_with(&self, forgery: Forgery) {
        self.script().response_jwt_forgery = Some(forgery);
    }

    /// Signs ID tokens in a way no relying party may accept.
    pub fn sign_id_token_with(&self, forgery: Forgery) {
        self.script().id_token_forgery = Some(forgery);
    }

    /// Signs access tokens in a way no reader may accept.
    pub fn sign_access_token_with(&self, forgery: Forgery) {
        self.script().access_token_forgery = Some(forgery);
    }

    /// Replaces what an endpoint answers. The request still counts as a call and is still recorded.
    pub fn answer(&self, endpoint: Endpoint, answer: Answer) {
        self.answers.set(endpoint, answer);
    }

    /// Makes the provider honest again, and lets hanging requests go on to their honest response.
    pub fn clear(&self) {
        *self.script() = Script::default();
        self.answers.clear();
    }

    pub(crate) fn instead(&self, endpoint: Endpoint) -> Instead {
        self.answers.take(endpoint)
    }

    pub(crate) fn id_token_forgery(&self) -> Option<Forgery> {
        self.script().id_token_forgery
    }

    pub(crate) fn access_token_forgery(&self) -> Option<Forgery> {
        self.script().access_token_forgery
    }

    pub(crate) fn response_jwt_forgery(&self) -> Option<Forgery> {
        self.script().response_jwt_forgery
    }

    pub(crate) fn alter_response_jwt(&self, header: &mut JsonObject, claims: &mut JsonObject) {
        alter_jwt(self.read().response_jwt, header, claims);
    }

    pub(crate) fn alter_metadata(&self, metadata: &mut Value) {
        alter_json(self.read().metadata, metadata);
    }

    pub(crate) fn alter_jwks(&self, jwks: &mut Value) {
        alter_json(self.read().jwks, jwks);
    }

    pub(crate) fn alter_token_response(&self, response: &mut Value) {
        alter_json(self.read().token_response, response);
    }

    pub(crate) fn alter_userinfo(&self, userinfo: &mut Value) {
        alter_json(self.read().userinfo, userinfo);
    }

    pub(crate) fn altered_challenge(&self, challenge: &str) -> String {
        let mut challenge = challenge.to_owned();
        if let Some(alter) = self.read().challenge {
            alter(&mut challenge);
        }
        challenge
    }

    pub(crate) fn alter_id_token(&self, header: &mut JsonObject, claims: &mut JsonObject) {
        alter_jwt(self.read().id_token, header, claims);
    }

    pub(crate) fn alter_access_token(&self, header: &mut JsonObject, claims: &mut JsonObject) {
        alter_jwt(self.read().access_token, header, claims);
    }

    pub(crate) fn alter_refreshed_id_token(
        &self,
        header: &mut JsonObject,
        claims: &mut JsonObject,
    ) {
        alter_jwt(self.read().refreshed_id_token, header, claims);
    }

    pub(crate) fn alter_authorization_response(&self, parameters: &mut Vec<(String, String)>) {
        if let Some(alter) = self.read().authorization_response {
            alter(parameters);
        }
    }

    /// A copy of the script, so that what it calls may set the script anew.
    fn read(&self) -> Script {
        self.script().clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mischief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mischief")
            .field("id_token_forgery", &self.id_token_forgery())
            .field("access_token_forgery", &self.access_token_forgery())
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

fn alter_json(alter: Option<AlterJson>, json: &mut Value) {
    if let Some(alter) = alter {
        alter(json);
    }
}

fn alter_jwt(alter: Option<AlterJwt>, header: &mut JsonObject, claims: &mut JsonObject) {
    if let Some(alter) = alter {
        alter(header, claims);
    }
}
