//! Access tokens that are bound to the client's key (RFC 9449) or certificate (RFC 8705).

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use latchgate::{AccessTokenBinding, CertificateThumbprint};
use latchgate_tests::{Browser, Failure, Page, Setup, scenarios};
use serde_json::{Value, json};

use super::{Issuer, es256, present, with};
use crate::lying::forger::Forger;

scenarios!(
    a_token_that_is_bound_to_a_key_passes_with_its_proof,
    a_proof_that_does_not_fit_is_refused,
    a_proof_is_used_once,
    a_bound_token_is_no_bearer_token,
    a_token_that_is_bound_to_a_certificate_passes_with_it,
    where_tokens_must_be_bound_no_other_passes,
);

/// A client with a key of its own.
pub(super) struct DpopClient {
    key: Forger,
    jkt: String,
}

impl DpopClient {
    pub(super) fn new() -> Result<Self, Failure> {
        let key = Forger::new()?;
        let jwk = key.jwk("");
        let canonical = format!(
            r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
            jwk["x"], jwk["y"]
        );
        let jkt = hash(&canonical);
        Ok(Self { key, jkt })
    }

    /// The claim that binds a token to the key.
    pub(super) fn cnf(&self) -> Value {
        json!({ "cnf": { "jkt": self.jkt } })
    }

    /// A proof for a token, with these members of header and claims changed.
    pub(super) fn proof(&self, good: &Value, header: &Value, claims: &Value) -> String {
        let head = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.jwk("") });
        let (head, claims) = (with(head, header), with(good.clone(), claims));
        self.key.token(&head.to_string(), &claims.to_string())
    }
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, text.as_bytes()).as_ref())
}

/// The claims of a proof for `GET /me`.
pub(super) fn claims(address: &str, token: &str, jti: &str, now: u64) -> Value {
    json!({ "jti": jti, "htm": "GET", "htu": format!("{address}/me"), "iat": now, "ath": hash(token) })
}

pub(super) async fn prove(
    client: &Browser,
    path: &str,
    token: &str,
    proof: &str,
) -> Result<Page, Failure> {
    let request = client.request("GET", path).header("dpop", proof);
    Ok(request
        .header("authorization", format!("DPoP {token}"))
        .send()
        .await?)
}

async fn a_token_that_is_bound_to_a_key_passes_with_its_proof(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let (client, dpop) = (api.client()?, DpopClient::new()?);
    let token = issuer.token(&dpop.cnf());
    for (number, path) in ["/me", "/me?page=2"].into_iter().enumerate() {
        let good = claims(&api.address, &token, &number.to_string(), world.clock.now());
        let proof = dpop.proof(&good, &json!({}), &json!({}));
        let page = prove(&client, path, &token, &proof).await?;
        assert_eq!(page.json(200)?["sub"], "alice");
    }
    let challenges = client.get("/me").await?;
    let all = challenges.headers.get_all("www-authenticate").into_iter();
    let dpop = all
        .filter(|field| field.as_bytes().starts_with(b"DPoP "))
        .count();
    assert_eq!(dpop, 1, "{challenges}");
    Ok(())
}

async fn a_proof_that_does_not_fit_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let (client, dpop, thief) = (api.client()?, DpopClient::new()?, DpopClient::new()?);
    let token = issuer.token(&dpop.cnf());
    let now = world.clock.now();
    let none = json!({});
    let mut private = dpop.key.jwk("");
    private["d"] = json!("AAAA");
    for (number, (header, change)) in [
        (none.clone(), json!({ "htm": "POST" })),
        (
            none.clone(),
            json!({ "htu": format!("{}/other", api.address) }),
        ),
        (none.clone(), json!({ "htu": "https://api.example.com/me" })),
        (none.clone(), json!({ "ath": hash("another token") })),
        (none.clone(), json!({ "ath": null })),
        (none.clone(), json!({ "iat": now - 91 })),
        (none.clone(), json!({ "iat": now + 31 })),
        (none.clone(), json!({ "jti": null })),
        (json!({ "typ": "JWT" }), none.clone()),
        (json!({ "jwk": null }), none.clone()),
        (json!({ "jwk": private }), none.clone()),
        (json!({ "jwk": thief.key.jwk("") }), none.clone()),
        (json!({ "alg": "none" }), none.clone()),
        (json!({ "alg": "HS256" }), none.clone()),
        (json!({ "crit": ["x"] }), none.clone()),
    ]
    .into_iter()
    .enumerate()
    {
        let good = claims(&api.address, &token, &number.to_string(), now);
        let proof = dpop.proof(&good, &header, &change);
        let page = prove(&client, "/me", &token, &proof).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, "dpop_proof"),
            "{header} {change}"
        );
        let told = page.headers.get_all("www-authenticate").into_iter();
        let told = told.filter(|field| {
            field
                .as_bytes()
                .starts_with(b"DPoP error=\"invalid_dpop_proof\"")
        });
        assert_eq!(told.count(), 1, "{page}");
    }
    // The thief has the token, and only a key of their own.
    let good = claims(&api.address, &token, "thief", now);
    let page = prove(&client, "/me", &token, &thief.proof(&good, &none, &none)).await?;
    assert_eq!((page.status, page.code().as_str()), (401, "dpop_proof"));
    let missing = present(&client, "/me", &format!("DPoP {token}")).await?;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (401, "dpop_proof")
    );
    let proof = dpop.proof(&good, &none, &none);
    let twice = client
        .request("GET", "/me")
        .header("dpop", &proof)
        .header("dpop", &proof);
    let twice = twice
        .header("authorization", format!("DPoP {token}"))
        .send()
        .await?;
    assert_eq!(
        (twice.status, twice.code().as_str()),
        (400, "authorization_header")
    );
    // None of the refusals has used up the real proof.
    assert_eq!(prove(&client, "/me", &token, &proof).await?.status, 200);
    Ok(())
}

async fn a_proof_is_used_once(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let (client, dpop) = (api.client()?, DpopClient::new()?);
    let token = issuer.token(&dpop.cnf());
    let good = claims(&api.address, &token, "once", world.clock.now());
    let proof = dpop.proof(&good, &json!({}), &json!({}));
    assert_eq!(prove(&client, "/me", &token, &proof).await?.status, 200);
    for seconds in [0, 30, 60] {
        world.clock.pass(seconds);
        let page = prove(&client, "/me", &token, &proof).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, "dpop_proof_replayed"),
            "{seconds}"
        );
    }
    world.clock.pass(1);
    let page = prove(&client, "/me", &token, &proof).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "dpop_proof"),
        "it is too old"
    );
    Ok(())
}

async fn a_bound_token_is_no_bearer_token(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let (client, dpop) = (api.client()?, DpopClient::new()?);
    let token = issuer.token(&dpop.cnf());
    let good = claims(&api.address, &token, "1", world.clock.now());
    let proof = dpop.proof(&good, &json!({}), &json!({}));
    let binding = (401, "access_token_binding".to_owned());
    let stripped = present(&client, "/me", &format!("Bearer {token}")).await?;
    assert_eq!((stripped.status, stripped.code()), binding);
    let request = client.request("GET", "/me").header("dpop", &proof);
    let request = request.header("authorization", format!("Bearer {token}"));
    let downgraded = request.send().await?;
    assert_eq!((downgraded.status, downgraded.code()), binding);
    // And the other way round: a proof adds nothing to a token that is bound to nothing.
    let unbound = issuer.token(&json!({}));
    let good = claims(&api.address, &unbound, "2", world.clock.now());
    let proof = dpop.proof(&good, &json!({}), &json!({}));
    let page = prove(&client, "/me", &unbound, &proof).await?;
    assert_eq!((page.status, page.code()), binding);
    Ok(())
}

async fn a_token_that_is_bound_to_a_certificate_passes_with_it(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let client = api.client()?;
    let bound = CertificateThumbprint::of_der(b"the certificate").to_string();
    let token = issuer.token(&json!({ "cnf": { "x5t#S256": bound } }));
    let bearer = format!("Bearer {token}");
    for (certificate, status) in [
        (Some("the certificate"), 200),
        (Some("another"), 401),
        (None, 401),
    ] {
        let mut request = client
            .request("GET", "/me")
            .header("authorization", &bearer);
        if let Some(certificate) = certificate {
            request = request.header("x-certificate", certificate);
        }
        let page = request.send().await?;
        assert_eq!(page.status, status, "{certificate:?} {page}");
        assert!(status == 200 || page.code() == "access_token_binding");
    }
    Ok(())
}

async fn where_tokens_must_be_bound_no_other_passes(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let resource = es256().token_binding(AccessTokenBinding::Required);
    let api = world.api(resource, |api| api).await?;
    let (client, dpop) = (api.client()?, DpopClient::new()?);
    let page = present(
        &client,
        "/me",
        &format!("Bearer {}", issuer.token(&json!({}))),
    )
    .await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "access_token_binding")
    );
    let token = issuer.token(&dpop.cnf());
    let good = claims(&api.address, &token, "1", world.clock.now());
    let proof = dpop.proof(&good, &json!({}), &json!({}));
    assert_eq!(prove(&client, "/me", &token, &proof).await?.status, 200);
    Ok(())
}
