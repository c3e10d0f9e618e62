//! Metadata documents as known providers publish them
//! ([OpenID Connect Discovery 1.0 §4.2](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationResponse)).
//! Each file says where it comes from.

use http::Response;

use super::discovery::{Discovery, response};
use super::issuer::Issuer;
use super::metadata::{Endpoints, Metadata};

/// The issuer as an application configures it, the document, and the endpoints in it: authorization, token, userinfo, end of
/// session, revocation.
type Recording = (&'static str, &'static str, [Option<&'static str>; 5]);

const RECORDINGS: [Recording; 11] = [
    (
        "https://tenant.eu.auth0.com/",
        include_str!("recorded/auth0.json"),
        [
            Some("https://tenant.eu.auth0.com/authorize"),
            Some("https://tenant.eu.auth0.com/oauth/token"),
            Some("https://tenant.eu.auth0.com/userinfo"),
            Some("https://tenant.eu.auth0.com/oidc/logout"),
            Some("https://tenant.eu.auth0.com/oauth/revoke"),
        ],
    ),
    (
        "https://sso.example.com/realms/staff",
        include_str!("recorded/keycloak.json"),
        [
            Some("https://sso.example.com/realms/staff/protocol/openid-connect/auth"),
            Some("https://sso.example.com/realms/staff/protocol/openid-connect/token"),
            Some("https://sso.example.com/realms/staff/protocol/openid-connect/userinfo"),
            Some("https://sso.example.com/realms/staff/protocol/openid-connect/logout"),
            Some("https://sso.example.com/realms/staff/protocol/openid-connect/revoke"),
        ],
    ),
    (
        "https://accounts.google.com",
        include_str!("recorded/google.json"),
        [
            Some("https://accounts.google.com/o/oauth2/v2/auth"),
            Some("https://oauth2.googleapis.com/token"),
            Some("https://openidconnect.googleapis.com/v1/userinfo"),
            None,
            Some("https://oauth2.googleapis.com/revoke"),
        ],
    ),
    (
        "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a/v2.0",
        include_str!("recorded/entra_id_tenant.json"),
        [
            Some(
                "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a/oauth2/v2.0/authorize",
            ),
            Some(
                "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a/oauth2/v2.0/token",
            ),
            Some("https://graph.microsoft.com/oidc/userinfo"),
            Some(
                "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a/oauth2/v2.0/logout",
            ),
            None,
        ],
    ),
    (
        "https://login.microsoftonline.com/organizations/v2.0",
        include_str!("recorded/entra_id_organizations.json"),
        [
            Some("https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize"),
            Some("https://login.microsoftonline.com/organizations/oauth2/v2.0/token"),
            Some("https://graph.microsoft.com/oidc/userinfo"),
            Some("https://login.microsoftonline.com/organizations/oauth2/v2.0/logout"),
            None,
        ],
    ),
    (
        "https://dev-1234.okta.com/oauth2/default",
        include_str!("recorded/okta.json"),
        [
            Some("https://dev-1234.okta.com/oauth2/default/v1/authorize"),
            Some("https://dev-1234.okta.com/oauth2/default/v1/token"),
            Some("https://dev-1234.okta.com/oauth2/default/v1/userinfo"),
            Some("https://dev-1234.okta.com/oauth2/default/v1/logout"),
            Some("https://dev-1234.okta.com/oauth2/default/v1/revoke"),
        ],
    ),
    (
        "https://gitlab.com",
        include_str!("recorded/gitlab.json"),
        [
            Some("https://gitlab.com/oauth/authorize"),
            Some("https://gitlab.com/oauth/token"),
            Some("https://gitlab.com/oauth/userinfo"),
            None,
            Some("https://gitlab.com/oauth/revoke"),
        ],
    ),
    (
        "https://appleid.apple.com",
        include_str!("recorded/apple.json"),
        [
            Some("https://appleid.apple.com/auth/authorize"),
            Some("https://appleid.apple.com/auth/token"),
            None,
            None,
            Some("https://appleid.apple.com/auth/revoke"),
        ],
    ),
    (
        "https://my-instance.eu1.zitadel.cloud",
        include_str!("recorded/zitadel.json"),
        [
            Some("https://my-instance.eu1.zitadel.cloud/oauth/v2/authorize"),
            Some("https://my-instance.eu1.zitadel.cloud/oauth/v2/token"),
            Some("https://my-instance.eu1.zitadel.cloud/oidc/v1/userinfo"),
            Some("https://my-instance.eu1.zitadel.cloud/oidc/v1/end_session"),
            Some("https://my-instance.eu1.zitadel.cloud/oauth/v2/revoke"),
        ],
    ),
    (
        "https://auth.example.com/application/o/my-app/",
        include_str!("recorded/authentik.json"),
        [
            Some("https://auth.example.com/application/o/authorize/"),
            Some("https://auth.example.com/application/o/token/"),
            Some("https://auth.example.com/application/o/userinfo/"),
            Some("https://auth.example.com/application/o/my-app/end-session/"),
            Some("https://auth.example.com/application/o/revoke/"),
        ],
    ),
    (
        "https://dex.example.com/dex",
        include_str!("recorded/dex.json"),
        [
            Some("https://dex.example.com/dex/auth"),
            Some("https://dex.example.com/dex/token"),
            Some("https://dex.example.com/dex/userinfo"),
            None,
            None,
        ],
    ),
];

fn read(issuer: &str, document: &str) -> Result<Metadata, super::DiscoveryError> {
    let answer = Response::new(document.as_bytes().to_vec());
    response(
        &Issuer::parse(issuer).unwrap(),
        Discovery::OpenId,
        Endpoints::Usual,
        &answer,
    )
}

#[test]
fn every_recorded_document_can_be_used() {
    for (issuer, document, endpoints) in RECORDINGS {
        let metadata = read(issuer, document).unwrap();
        let found = [
            Some(metadata.authorization_endpoint().as_str()),
            metadata.token_endpoint().map(|url| url.as_str()),
            metadata.userinfo_endpoint().map(|url| url.as_str()),
            metadata.end_session_endpoint().map(|url| url.as_str()),
            metadata.revocation_endpoint().map(url::Url::as_str),
        ];
        assert_eq!(found, endpoints, "{issuer}");
    }
}

#[test]
fn no_document_is_taken_for_another_issuers() {
    for (issuer, document, _) in RECORDINGS {
        for (other, ..) in RECORDINGS.iter().filter(|(other, ..)| *other != issuer) {
            let refused = read(other, document);
            assert!(
                matches!(refused, Err(super::DiscoveryError::Issuer { .. })),
                "{issuer} {other}"
            );
        }
        let slashed = match issuer.strip_suffix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("{issuer}/"),
        };
        assert!(read(&slashed, document).is_err(), "{slashed}");
    }
}

/// A tenant of Entra ID is named by the token's `tid` as well as by its `iss`.
#[test]
fn a_tenant_is_the_one_that_the_token_names() {
    let organizations =
        Issuer::parse("https://login.microsoftonline.com/organizations/v2.0").unwrap();
    let tenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
    let other = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    let iss = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    assert!(organizations.issued(&iss(tenant), Some(tenant)));
    assert!(organizations.covers(&iss(tenant)));
    for (iss, tid) in [
        (iss(tenant), Some(other)),
        (iss(tenant), None),
        (iss("{tenantid}"), Some("{tenantid}")),
        (iss("organizations"), Some("organizations")),
        (iss(""), Some("")),
        (
            iss("F8CDEF31-A31E-4B4A-93E4-5F571E91255A"),
            Some("F8CDEF31-A31E-4B4A-93E4-5F571E91255A"),
        ),
        (format!("https://evil.example/{tenant}/v2.0"), Some(tenant)),
        (
            format!("https://login.microsoftonline.com/{tenant}/v1.0"),
            Some(tenant),
        ),
        (
            format!("https://login.microsoftonline.com/x/{tenant}/v2.0"),
            Some(tenant),
        ),
    ] {
        assert!(!organizations.issued(&iss, tid), "{iss} {tid:?}");
    }
    // One tenant is one issuer, whatever `tid` says, and no other host has templates.
    let one = Issuer::parse(&iss(tenant)).unwrap();
    assert!(one.issued(&iss(tenant), None) && !one.issued(&iss(other), Some(other)));
    let elsewhere = Issuer::parse("https://login.example.com/organizations/v2.0").unwrap();
    assert!(!elsewhere.issued(
        &format!("https://login.example.com/{tenant}/v2.0"),
        Some(tenant)
    ));
    assert!(elsewhere.issued("https://login.example.com/organizations/v2.0", None));
}
