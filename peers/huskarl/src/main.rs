//! huskarl-axum with sealed cookies. Its session keeps what the application puts there: here the claims and the tokens.

use axum::response::{IntoResponse, Json};
use axum::{Router, routing::get};
use huskarl::core::client_auth::ClientSecret;
use huskarl::core::crypto::seal::AeadV1Sealer;
use huskarl::core::jwk::{JwksSource, OctBytes};
use huskarl::core::secrets::{ProvidedSecret, Secret as _, SecretBytes, SecretString};
use huskarl::core::server_metadata::AuthorizationServerMetadata;
use huskarl::core::url_mapping::PublicUrlMapping;
use huskarl::grant::authorization_code::AuthorizationCodeGrant;
use huskarl_axum::login::{
    CookieSessionStore, LoginConfig, LoginLayer, LoginSession, SessionLifetime,
};
use huskarl_crypto_native::aead::AesGcmKey;
use huskarl_login::{Session, SessionState};
use huskarl_reqwest::ReqwestClient;
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, ORIGIN, Provider};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    state: SessionState,
    claims: Value,
    access_token: String,
    id_token: Option<String>,
}

impl Session for Kept {
    fn state(&self) -> &SessionState {
        &self.state
    }

    fn set_state(&mut self, state: SessionState) {
        self.state = state;
    }
}

async fn me(session: LoginSession<Kept>) -> impl IntoResponse {
    Json(session.claims.clone())
}

fn main() {
    let application = async {
        let at = Provider::from_env();
        let http = ReqwestClient::builder()
            .mtls(huskarl_reqwest::mtls::NoMtls)
            .build()
            .await
            .expect("an HTTP client");
        let metadata = AuthorizationServerMetadata::oidc_fetch()
            .http_client(&http)
            .issuer(&at.issuer)
            .call()
            .await
            .expect("the provider");
        let redirect_uri = format!("{ORIGIN}/callback");
        let grant = AuthorizationCodeGrant::builder_from_metadata(&metadata)
            .expect("an authorization endpoint")
            .client_id(at.client_id)
            .client_auth(ClientSecret::new(ProvidedSecret::new(SecretString::new(
                at.client_secret,
            ))))
            .http_client(http.clone())
            .redirect_uri(redirect_uri)
            .jws_verifier_factory(JwksSource::builder().http_client(http).build())
            .build()
            .await
            .expect("a grant");
        let key = ProvidedSecret::new(SecretBytes::new(
            b"latchgate, sealed while measured".to_vec(),
        ));
        let key = AesGcmKey::from_secret(key.mapped(OctBytes::new("A256GCM")))
            .await
            .expect("a key");
        let store = CookieSessionStore::<Kept>::builder()
            .sealer(AeadV1Sealer::new(key))
            .cookie_name("huskarl_session".parse().expect("a name"))
            .cookie_path("/".parse().expect("a path"))
            .build_with_claims(|state, completed| {
                let mut claims =
                    serde_json::to_value(completed.id_token_claims()).unwrap_or_default();
                claims["sub"] = completed.subject().into();
                let tokens = completed.token_response();
                Ok(Kept {
                    state,
                    claims,
                    access_token: tokens.access_token().token().expose_secret().to_owned(),
                    id_token: tokens.id_token().map(|token| token.token().to_owned()),
                })
            });
        let config = LoginConfig::builder()
            .url_mapping(PublicUrlMapping::new(ORIGIN, "/").expect("a mapping"))
            .callback_path("/callback".to_owned())
            .scope(
                ["openid", "profile", "email", "offline_access"]
                    .map(str::to_owned)
                    .to_vec(),
            )
            .session_lifetime(SessionLifetime::DelegatedToAuthorizationServer)
            .build()
            .expect("a configuration");
        let login = LoginLayer::builder()
            .config(config)
            .grant(grant)
            .session_store(store)
            .build()
            .expect("a layer");
        let app = Router::new().route("/me", get(me)).layer(login);
        Axum::new(app)
    };
    peer_harness::on_threads(application, |app| {
        peer_harness::run(bare, app, Entry::Login)
    });
}
