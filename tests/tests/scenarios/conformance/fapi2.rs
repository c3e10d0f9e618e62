//! What the modules of the two FAPI 2.0 plans do, whichever profile the relying party keeps to.

use latchgate_dev_provider::{DpopNonces, Endpoint, Forgery, JsonObject, RecordedRequest};
use latchgate_tests::{Failure, ensure, jwt_part};
use serde_json::{Value, json};

use super::runs::{ClientAuthType, Run, SenderConstrain, on_id_token, on_response_jwt};
use super::suite::{Suite, append, set};

/// A module that ends with the call of the accounts endpoint, which here is the one for userinfo.
async fn passes(suite: &Suite) -> Result<(), Failure> {
    let world = &suite.world;
    let browser = world.signed_in().await?;
    let asked = world.provider.last_request(Endpoint::Authorize);
    let asked = asked.ok_or("nobody was sent to log in")?.path_and_query;
    let (_, query) = asked.split_once('?').ok_or("there are no parameters")?;
    let names: Vec<&str> = query
        .split('&')
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .collect();
    ensure!(names == ["client_id", "request_uri"], "{names:?}");
    let url = match &suite.front {
        Some(front) => format!("/call?{}/userinfo", front.url()),
        None => format!("/call?{}userinfo", world.provider.issuer()),
    };
    let page = browser.fetch("GET", &url).await?;
    ensure!(
        page.status == 200 && page.body.starts_with("200 ") && page.body.contains("alice"),
        "the accounts endpoint: {page}"
    );
    Ok(())
}

/// The ID token is wrong: no account is asked for.
async fn id_token(
    run: Run,
    code: &str,
    alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = run.start().await?;
    on_id_token(&suite, alter);
    suite.refuses(code, &[Endpoint::Userinfo]).await
}

/// The answer is wrong: no code is redeemed.
async fn response(
    run: Run,
    code: &str,
    alter: impl Fn(&mut Vec<(String, String)>) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = run.start().await?;
    suite.world.mischief().on_authorization_response(alter);
    suite.refuses(code, &[Endpoint::Token]).await
}

/// The JWT that is the answer is wrong: no code is redeemed.
async fn response_jwt(
    run: Run,
    alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = run.start().await?;
    on_response_jwt(&suite, alter);
    suite
        .refuses("authorization_response_jwt", &[Endpoint::Token])
        .await
}

/// Seconds since the epoch at which the suite's expired tokens expired: six minutes ago.
fn expired(claims: &mut JsonObject) {
    let of = claims
        .get("exp")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    // No token of the development provider is valid for longer than an hour.
    set(claims, "exp", json!(of.saturating_sub(3600 + 360)));
}

/// Everything that the suite checks of every request.
pub(super) async fn happy_path(run: Run) -> Result<(), Failure> {
    let (auth, constrain) = run.variant;
    let suite = run.start().await?;
    passes(&suite).await?;
    let world = &suite.world;
    let issuer = world.provider.issuer();
    let last = |endpoint| {
        let request = world.provider.last_request(endpoint);
        request.ok_or_else(|| Failure::from(format!("{endpoint:?} was not called")))
    };
    let pushed = last(Endpoint::PushedAuthorization)?;
    let redeemed = last(Endpoint::Token)?;
    let called = last(Endpoint::Userinfo)?;
    match auth {
        ClientAuthType::PrivateKeyJwt => {
            let ids = [
                assertion_id(&pushed, issuer)?,
                assertion_id(&redeemed, issuer)?,
            ];
            assert_ne!(ids[0], ids[1], "one assertion for two requests");
        }
        ClientAuthType::Mtls => {
            for request in [&pushed, &redeemed] {
                assert!(request.header("client-cert").is_some());
                assert_eq!(request.parameter("client_assertion"), None);
            }
        }
    }
    let asked = match pushed.parameter("request") {
        Some(object) => jwt_part(&object, 1)?,
        None => json!({
            "code_challenge_method": pushed.parameter("code_challenge_method"),
            "scope": pushed.parameter("scope"),
        }),
    };
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["scope"], "openid");
    let authorization = called.header("authorization").unwrap_or_default();
    match constrain {
        SenderConstrain::Dpop => {
            assert!(authorization.starts_with("DPoP "), "{authorization}");
            let proof = redeemed.header("dpop").ok_or("there is no proof")?;
            let (header, claims) = (jwt_part(proof, 0)?, jwt_part(proof, 1)?);
            assert_eq!(header["typ"], "dpop+jwt");
            let htu = claims["htu"].as_str().unwrap_or_default();
            assert!(htu.ends_with("/token"), "{claims}");
            assert!(claims.get("ath").is_none(), "{claims}");
            let proof = called.header("dpop").ok_or("there is no proof")?;
            assert!(jwt_part(proof, 1)?["ath"].is_string());
        }
        SenderConstrain::Mtls => {
            assert!(authorization.starts_with("Bearer "), "{authorization}");
            assert!(redeemed.header("client-cert").is_some());
            assert!(called.header("client-cert").is_some());
        }
    }
    Ok(())
}

/// The `jti` of the assertion in a request, which is for this issuer.
fn assertion_id(request: &RecordedRequest, issuer: &str) -> Result<Value, Failure> {
    let assertion = request.parameter("client_assertion").unwrap_or_default();
    let claims = jwt_part(&assertion, 1)?;
    assert_eq!(claims["aud"], issuer);
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&json!("dev-client"), &json!("dev-client"))
    );
    assert_eq!(jwt_part(&assertion, 0)?["alg"], "ES256");
    Ok(claims["jti"].clone())
}

/// The usual endpoints are where certificates are asked for.
pub(super) async fn no_mtls_endpoint_aliases(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    suite.world.mischief().on_metadata(|metadata| {
        let aliases = metadata["mtls_endpoint_aliases"].take();
        for (name, url) in aliases.as_object().into_iter().flatten() {
            metadata[name] = url.clone();
        }
        if let Some(members) = metadata.as_object_mut() {
            members.remove("mtls_endpoint_aliases");
        }
    });
    passes(&suite).await?;
    let redeemed = suite.world.provider.last_request(Endpoint::Token);
    assert!(redeemed.is_some_and(|request| request.header("client-cert").is_some()));
    Ok(())
}

pub(super) async fn no_dpop_nonce(run: Run) -> Result<(), Failure> {
    let run = run.provider(|provider| provider.dpop_nonces(DpopNonces::Absent));
    passes(&run.start().await?).await
}

pub(super) async fn discovery_issuer_mismatch(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    suite.world.mischief().on_metadata(|metadata| {
        let issuer = metadata["issuer"].as_str().unwrap_or_default();
        metadata["issuer"] = json!(format!("{issuer}INVALID"));
    });
    let silence = [
        Endpoint::PushedAuthorization,
        Endpoint::Authorize,
        Endpoint::Token,
    ];
    suite.refuses("provider_metadata", &silence).await
}

pub(super) async fn invalid_iss(run: Run) -> Result<(), Failure> {
    id_token(run, "id_token_iss", |claims| append(claims, "iss", "1")).await
}

pub(super) async fn missing_iss(run: Run) -> Result<(), Failure> {
    id_token(run, "id_token_iss", |claims| drop(claims.remove("iss"))).await
}

pub(super) async fn invalid_aud(run: Run) -> Result<(), Failure> {
    id_token(run, "id_token_aud", |claims| append(claims, "aud", "1")).await
}

pub(super) async fn missing_aud(run: Run) -> Result<(), Failure> {
    id_token(run, "id_token_aud", |claims| drop(claims.remove("aud"))).await
}

pub(super) async fn invalid_secondary_aud(run: Run) -> Result<(), Failure> {
    let two = json!(["dev-client", "dev-client1"]);
    id_token(run, "id_token_aud", move |claims| {
        set(claims, "aud", two.clone());
    })
    .await
}

pub(super) async fn aud_as_array(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    on_id_token(&suite, |claims| set(claims, "aud", json!(["dev-client"])));
    passes(&suite).await
}

pub(super) async fn expired_exp(run: Run) -> Result<(), Failure> {
    id_token(run, "id_token_exp", expired).await
}

pub(super) async fn missing_exp(run: Run) -> Result<(), Failure> {
    id_token(run, "id_token_exp", |claims| drop(claims.remove("exp"))).await
}

pub(super) async fn invalid_nonce(run: Run) -> Result<(), Failure> {
    let alter = |claims: &mut JsonObject| append(claims, "nonce", "1");
    id_token(run, "id_token_nonce", alter).await
}

pub(super) async fn missing_nonce(run: Run) -> Result<(), Failure> {
    let alter = |claims: &mut JsonObject| drop(claims.remove("nonce"));
    id_token(run, "id_token_nonce", alter).await
}

pub(super) async fn null_alg(run: Run) -> Result<(), Failure> {
    forged(run, Forgery::None).await
}

/// Properly signed by RS256, with a key of the set.
pub(super) async fn alternate_alg(run: Run) -> Result<(), Failure> {
    forged(run, Forgery::Rs256).await
}

async fn forged(run: Run, forgery: Forgery) -> Result<(), Failure> {
    let suite = run.start().await?;
    suite.world.mischief().sign_id_token_with(forgery);
    suite
        .refuses("id_token_signature", &[Endpoint::Userinfo])
        .await
}

pub(super) async fn invalid_response_iss(run: Run) -> Result<(), Failure> {
    response(run, "iss_mismatch", |pairs| {
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == "iss") {
            value.push('1');
        }
    })
    .await
}

pub(super) async fn no_response_iss(run: Run) -> Result<(), Failure> {
    response(run, "iss_missing", |pairs| {
        pairs.retain(|(name, _)| name != "iss")
    })
    .await
}

pub(super) async fn invalid_state(run: Run) -> Result<(), Failure> {
    response(run, "no_login_under_way", |pairs| {
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == "state") {
            value.push('1');
        }
    })
    .await
}

pub(super) async fn missing_state(run: Run) -> Result<(), Failure> {
    response(run, "state_missing", |pairs| {
        pairs.retain(|(name, _)| name != "state")
    })
    .await
}

pub(super) async fn no_expires_in(run: Run) -> Result<(), Failure> {
    let run = run.provider(|provider| provider.omit_expires_in());
    passes(&run.start().await?).await
}

pub(super) async fn token_type_in_other_case(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    suite.world.mischief().on_token_response(|answer| {
        let inverted = |c: char| match c.is_uppercase() {
            true => c.to_ascii_lowercase(),
            false => c.to_ascii_uppercase(),
        };
        let token_type = answer["token_type"].as_str().unwrap_or_default();
        let token_type: String = token_type.chars().map(inverted).collect();
        answer["token_type"] = json!(token_type);
    });
    passes(&suite).await
}

/// The challenge that asks for a nonce names the scheme in another case.
pub(super) async fn scheme_in_other_case(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    let mischief = suite.world.mischief();
    mischief.on_challenge(|challenge| *challenge = challenge.replace("DPoP", "dPoP"));
    passes(&suite).await?;
    assert_eq!(
        suite.world.calls(Endpoint::Userinfo),
        2,
        "a nonce was asked for"
    );
    Ok(())
}

pub(super) async fn jwt_without_iss(run: Run) -> Result<(), Failure> {
    response_jwt(run, |claims| drop(claims.remove("iss"))).await
}

pub(super) async fn jwt_with_invalid_iss(run: Run) -> Result<(), Failure> {
    response_jwt(run, |claims| append(claims, "iss", "1")).await
}

pub(super) async fn jwt_without_aud(run: Run) -> Result<(), Failure> {
    response_jwt(run, |claims| drop(claims.remove("aud"))).await
}

pub(super) async fn jwt_with_invalid_aud(run: Run) -> Result<(), Failure> {
    response_jwt(run, |claims| append(claims, "aud", "1")).await
}

pub(super) async fn jwt_without_exp(run: Run) -> Result<(), Failure> {
    response_jwt(run, |claims| drop(claims.remove("exp"))).await
}

pub(super) async fn jwt_with_expired_exp(run: Run) -> Result<(), Failure> {
    response_jwt(run, expired).await
}

pub(super) async fn jwt_with_invalid_sig(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    let mischief = suite.world.mischief();
    mischief.sign_response_jwt_with(Forgery::BrokenSignature);
    suite
        .refuses("authorization_response_jwt", &[Endpoint::Token])
        .await
}

/// One without a signature does not even name a login.
pub(super) async fn jwt_with_alg_none(run: Run) -> Result<(), Failure> {
    let suite = run.start().await?;
    let mischief = suite.world.mischief();
    mischief.sign_response_jwt_with(Forgery::None);
    suite.refuses("state_missing", &[Endpoint::Token]).await
}
