//! Refreshed ID tokens: [OpenID Connect Core 1.0 §12.2](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse).

use super::*;

/// What comes of a refreshed ID token that differs from the session's by `change`.
fn refresh(before: &Value, change: Value) -> Result<IdToken, IdTokenError> {
    let mut login = login(Algorithm::Rs256);
    login.registration.trusted_audiences = vec!["api".to_owned(), "other".to_owned()];
    let apply = |claims: &mut Value, change: &Value| {
        let claims = claims.as_object_mut().unwrap();
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.clone(), value.clone())),
            }
        }
    };
    apply(&mut login.claims, before);
    let session = login.claims.as_object().unwrap().clone();
    apply(&mut login.claims, &change);
    let subject = "248289761001";
    verify_refreshed(
        &login.rules(),
        &login.token(),
        ACCESS_TOKEN,
        subject,
        &session,
    )
}

#[test]
fn a_refreshed_id_token_says_the_same_of_the_same_person() {
    let plain = json!({});
    let rich = json!({ "aud": ["my-app", "api"], "azp": "my-app", "auth_time": NOW - 9 });
    for (before, change) in [
        (
            &plain,
            json!({ "iat": NOW + 1, "exp": NOW + 9, "email": "new@x.example" }),
        ),
        (&plain, json!({ "nonce": null })),
        (&plain, json!({ "at_hash": AT_HASH })),
        (&plain, json!({ "auth_time": NOW - 9 })),
        (&rich, json!({})),
        (&rich, json!({ "auth_time": null })),
        (&rich, json!({ "aud": ["api", "other", "my-app"] })),
    ] {
        let verified = refresh(before, change.clone());
        assert!(verified.is_ok(), "{change}: {verified:?}");
    }
    for (before, change, reason) in [
        (
            &plain,
            json!({ "sub": "admin" }),
            IdTokenError::Refreshed("sub"),
        ),
        (&plain, json!({ "sub": "" }), IdTokenError::Subject),
        (&plain, json!({ "sub": null }), IdTokenError::Subject),
        (
            &plain,
            json!({ "iss": "https://op.example/" }),
            IdTokenError::Issuer,
        ),
        (&plain, json!({ "aud": "other" }), IdTokenError::Audience),
        (
            &plain,
            json!({ "azp": "my-app" }),
            IdTokenError::Refreshed("azp"),
        ),
        (
            &plain,
            json!({ "nonce": "another" }),
            IdTokenError::Refreshed("nonce"),
        ),
        (
            &plain,
            json!({ "nonce": 7 }),
            IdTokenError::Refreshed("nonce"),
        ),
        (
            &plain,
            json!({ "exp": NOW - LEEWAY }),
            IdTokenError::Expired,
        ),
        (
            &plain,
            json!({ "at_hash": "AAAA" }),
            IdTokenError::AccessTokenHash,
        ),
        (
            &rich,
            json!({ "aud": "my-app" }),
            IdTokenError::Refreshed("aud"),
        ),
        (
            &rich,
            json!({ "aud": "my-app", "azp": null }),
            IdTokenError::Refreshed("aud"),
        ),
        (
            &rich,
            json!({ "auth_time": NOW }),
            IdTokenError::Refreshed("auth_time"),
        ),
    ] {
        let refused = refresh(before, change.clone()).map(|_| ()).unwrap_err();
        assert_eq!(refused, reason, "{change}");
    }
    let azp = json!({ "azp": "my-app" });
    let dropped = refresh(&azp, json!({ "azp": null })).unwrap_err();
    assert_eq!(dropped, IdTokenError::Refreshed("azp"));
    let nameless = refresh(&json!({ "nonce": null }), json!({ "nonce": "new" })).unwrap_err();
    assert_eq!(nameless, IdTokenError::Refreshed("nonce"));
}
