//! ID tokens and userinfo of every kind that was agreed upon: signed by any algorithm, encrypted or not.

use latchgate::{
    Algorithm, ContentEncryption, DecryptionKey, KeyManagement, Provider, UserinfoPolicy,
};
use latchgate_dev_provider::{
    Answer, Client, ContentAlg, EncryptionAlg, Endpoint, Forgery, SigningAlg,
};
use latchgate_tests::{Failure, Page, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    every_signature_algorithm_logs_in,
    a_signed_answer_of_userinfo_is_not_replaced_by_json,
    every_kind_of_encryption_is_opened,
    a_token_that_is_not_encrypted_as_agreed_is_refused,
    inside_an_encrypted_token_is_one_that_the_provider_signed,
    encrypted_userinfo_is_signed_for_us,
    aggregated_claims_are_handed_on_and_distributed_ones_not_fetched;
    in either keeping:
    an_encrypted_id_token_is_a_hint_once_decrypted,
);

const RSA: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/rsa.pkcs8.pem");
const P256: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p256.sec1.pem");
const P384: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p384.sec1.pem");
const P521: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p521.sec1.pem");

/// Algorithms by which both sides encrypt, as each side calls them, and a key for them.
type Agreement = (
    EncryptionAlg,
    ContentAlg,
    KeyManagement,
    ContentEncryption,
    &'static str,
);

const ON_P256: Agreement = (
    EncryptionAlg::EcdhEsA256Kw,
    ContentAlg::A256Gcm,
    KeyManagement::EcdhEsA256Kw,
    ContentEncryption::A256Gcm,
    P256,
);

fn key(pem: &str) -> Result<DecryptionKey, Failure> {
    Ok(DecryptionKey::from_pem(pem)?.kid("enc-1"))
}

/// The provider encrypts as the change to the client says, for this key.
fn provider_with(
    setup: Setup,
    key: &DecryptionKey,
    change: impl Fn(Client) -> Client + Send + Sync + 'static,
) -> Setup {
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.public_jwk());
    setup
        .provider(move |provider| provider.client(change(Client::development().jwks(jwks.clone()))))
}

/// Both sides agree on encrypted ID tokens.
fn agreed(setup: Setup, agreement: Agreement) -> Result<Setup, Failure> {
    let (theirs, sealed, alg, enc, pem) = agreement;
    let key = key(pem)?;
    let setup = provider_with(setup, &key, move |client| {
        client.id_token_encrypted_response(theirs, sealed)
    });
    Ok(setup.registration(move |registration| {
        registration
            .decryption_key(key.clone())
            .id_token_encryption(alg, enc)
    }))
}

async fn refused(world: &World) -> Result<(u16, String), Failure> {
    let mut browser = world.browser()?;
    let page: Page = browser.open("/me").await?;
    assert_eq!(world.whoami(&browser).await?, None);
    Ok((page.status, page.code()))
}

async fn every_signature_algorithm_logs_in(setup: Setup) -> Result<(), Failure> {
    for (signs, expected) in SigningAlg::ALL.into_iter().zip([
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ]) {
        let signing = |setup: Setup, alg: Algorithm| {
            setup
                .provider(move |provider| {
                    let client = Client::development().userinfo_signed_response_alg(signs);
                    provider.id_token_alg(signs).client(client)
                })
                .registration(move |registration| {
                    registration
                        .id_token_alg(alg)
                        .userinfo(UserinfoPolicy::Always)
                        .userinfo_alg(alg)
                })
        };
        let world = signing(setup.clone(), expected).start().await?;
        let browser = world.signed_in().await?;
        browser.fetch("POST", "/refresh").await?.json(200)?;
        assert_eq!(world.calls(Endpoint::Userinfo), 2, "{expected}");
        // The hint is verified by the provider, whatever it is signed with.
        let logout = browser.request("POST", "/logout").navigation("same-origin");
        let there = logout.send().await?.leads_to()?;
        assert_eq!(browser.get(there.as_str()).await?.status, 303, "{expected}");

        let other = match expected {
            Algorithm::Es256 => Algorithm::Rs256,
            _ => Algorithm::Es256,
        };
        let world = signing(setup.clone(), other).start().await?;
        let found = refused(&world).await?;
        assert_eq!(found, (502, "id_token_signature".to_owned()), "{expected}");
    }
    Ok(())
}

async fn a_signed_answer_of_userinfo_is_not_replaced_by_json(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| {
        registration
            .userinfo(UserinfoPolicy::Always)
            .userinfo_alg(Algorithm::Es256)
    });
    let world = setup.clone().start().await?;
    assert_eq!(refused(&world).await?, (502, "userinfo".to_owned()));
    for (alg, status) in [(SigningAlg::Es256, 200), (SigningAlg::Rs256, 502)] {
        let setup = setup.clone().provider(move |provider| {
            provider.client(Client::development().userinfo_signed_response_alg(alg))
        });
        let world = setup.start().await?;
        let page = world.browser()?.open("/me").await?;
        assert_eq!(page.status, status, "{alg:?}: {page}");
    }
    Ok(())
}

async fn every_kind_of_encryption_is_opened(setup: Setup) -> Result<(), Failure> {
    for agreement in [
        ON_P256,
        (
            EncryptionAlg::RsaOaep,
            ContentAlg::A128CbcHs256,
            KeyManagement::RsaOaep,
            ContentEncryption::A128CbcHs256,
            RSA,
        ),
        (
            EncryptionAlg::RsaOaep256,
            ContentAlg::A192Gcm,
            KeyManagement::RsaOaep256,
            ContentEncryption::A192Gcm,
            RSA,
        ),
        (
            EncryptionAlg::EcdhEs,
            ContentAlg::A256CbcHs512,
            KeyManagement::EcdhEs,
            ContentEncryption::A256CbcHs512,
            P384,
        ),
        (
            EncryptionAlg::EcdhEsA128Kw,
            ContentAlg::A192CbcHs384,
            KeyManagement::EcdhEsA128Kw,
            ContentEncryption::A192CbcHs384,
            P521,
        ),
    ] {
        let world = agreed(setup.clone(), agreement)?.start().await?;
        let browser = world.signed_in().await?;
        browser.fetch("POST", "/refresh").await?.json(200)?;
        assert!(world.whoami(&browser).await?.is_some(), "{agreement:?}");
    }
    Ok(())
}

/// OpenID Connect Core 1.0 §3.1.2.1: the client decrypts what it sends as a hint.
async fn an_encrypted_id_token_is_a_hint_once_decrypted(setup: Setup) -> Result<(), Failure> {
    let world = agreed(setup, ON_P256)?.start().await?;
    let browser = world.signed_in().await?;
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    let there = logout.send().await?.leads_to()?;
    let hint = there
        .query_pairs()
        .find(|(name, _)| name == "id_token_hint");
    let parts = hint.map(|(_, hint)| hint.split('.').count());
    assert_eq!(parts, Some(3));
    assert_eq!(browser.get(there.as_str()).await?.status, 303);
    Ok(())
}

async fn a_token_that_is_not_encrypted_as_agreed_is_refused(setup: Setup) -> Result<(), Failure> {
    let (theirs, sealed, alg, enc, pem) = ON_P256;
    let ours = key(pem)?;
    let expecting = move |registration: Provider| {
        registration
            .decryption_key(ours.clone())
            .id_token_encryption(alg, enc)
    };
    let ours = key(pem)?;
    let encrypting = |setup: Setup, key: &DecryptionKey, alg, enc| {
        provider_with(setup, key, move |client| {
            client.id_token_encrypted_response(alg, enc)
        })
    };
    let expected = setup.clone().registration(expecting);
    for (what, setup) in [
        ("not at all", expected.clone()),
        (
            "by another alg",
            encrypting(expected.clone(), &ours, EncryptionAlg::EcdhEs, sealed),
        ),
        (
            "by another enc",
            encrypting(expected.clone(), &ours, theirs, ContentAlg::A128Gcm),
        ),
        (
            "for another key",
            encrypting(expected.clone(), &key(P384)?, theirs, sealed),
        ),
    ] {
        let world = setup.start().await?;
        let found = refused(&world).await?;
        assert_eq!(found, (502, "id_token_encryption".to_owned()), "{what}");
    }
    // And where nothing was agreed upon, nothing is opened.
    let world = encrypting(setup, &ours, theirs, sealed).start().await?;
    assert_eq!(
        refused(&world).await?,
        (502, "id_token_signature".to_owned())
    );
    Ok(())
}

/// Anybody can encrypt with a public key.
async fn inside_an_encrypted_token_is_one_that_the_provider_signed(
    setup: Setup,
) -> Result<(), Failure> {
    let world = agreed(setup, ON_P256)?.start().await?;
    for forgery in [
        Forgery::None,
        Forgery::BrokenSignature,
        Forgery::Hs256WithClientSecret,
        Forgery::Hs256WithPublicKey,
        Forgery::OtherKey,
        Forgery::Es256,
    ] {
        world.mischief().sign_id_token_with(forgery);
        let found = refused(&world).await?;
        assert_eq!(found, (502, "id_token_signature".to_owned()), "{forgery:?}");
    }
    world.mischief().clear();
    world.mischief().on_id_token(|_, claims| {
        claims.insert("aud".to_owned(), json!("somebody else"));
    });
    assert_eq!(refused(&world).await?, (502, "id_token_aud".to_owned()));
    world.mischief().clear();
    world.signed_in().await?;
    Ok(())
}

async fn encrypted_userinfo_is_signed_for_us(setup: Setup) -> Result<(), Failure> {
    let (theirs, sealed, alg, enc, pem) = ON_P256;
    let key = key(pem)?;
    let ours = key.clone();
    let expecting = setup.registration(move |registration| {
        registration
            .userinfo(UserinfoPolicy::Always)
            .decryption_key(ours.clone())
            .userinfo_encryption(alg, enc)
    });
    let right = provider_with(expecting.clone(), &key, move |client| {
        client
            .userinfo_signed_response_alg(SigningAlg::Rs256)
            .userinfo_encrypted_response(theirs, sealed)
    });
    let world = right.start().await?;
    let browser = world.signed_in().await?;
    let claims: Value = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["email"], "alice@example.com", "{claims}");
    assert_eq!(world.calls(Endpoint::Userinfo), 1);
    // An encrypted text that is no signed token.
    let junk = Answer::Status {
        status: http::StatusCode::OK,
        content_type: "application/jwt".to_owned(),
        body: "a.b.c.d.e".to_owned(),
    };
    world.mischief().answer(Endpoint::Userinfo, junk);
    assert_eq!(refused(&world).await?, (502, "userinfo".to_owned()));

    let only_signed = provider_with(expecting.clone(), &key, |client| {
        client.userinfo_signed_response_alg(SigningAlg::Rs256)
    });
    for setup in [only_signed, expecting] {
        let world = setup.start().await?;
        assert_eq!(refused(&world).await?, (502, "userinfo".to_owned()));
    }
    Ok(())
}

/// OpenID Connect Core 1.0 §5.6.2: claims of other providers, with their signature or their address.
async fn aggregated_claims_are_handed_on_and_distributed_ones_not_fetched(
    setup: Setup,
) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always));
    let world = setup.start().await?;
    let elsewhere = format!("{}/introspect", world.provider.issuer());
    let names = json!({ "address": "src1", "credit_score": "src2" });
    let sources = json!({
        "src1": { "JWT": "jwt_header.jwt_part2.jwt_part3" },
        "src2": { "endpoint": elsewhere, "access_token": "ksj3n283dke" },
    });
    let (said_names, said_sources) = (names.clone(), sources.clone());
    world.mischief().on_userinfo(move |claims| {
        claims["_claim_names"] = said_names.clone();
        claims["_claim_sources"] = said_sources.clone();
    });
    let browser = world.signed_in().await?;
    let claims: Value = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(
        (&claims["_claim_names"], &claims["_claim_sources"]),
        (&names, &sources)
    );
    assert_eq!(
        (&claims["address"], &claims["credit_score"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(world.calls(Endpoint::Introspection), 0);
    Ok(())
}
