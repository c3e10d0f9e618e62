//! The guide's code, compiled: each chapter with a block of Rust is here. Hidden lines (`# `) are hidden in the book, too.

macro_rules! chapters {
    ($($name:ident $path:literal),* $(,)?) => {$(
        #[doc = include_str!(concat!("../../docs/src/", $path))]
        pub struct $name;
    )*};
}

chapters! {
    Apis "apis.md",
    BeingAnApi "being-an-api.md",
    Deployment "deployment.md",
    Log "log.md",
    Login "login.md",
    Logout "logout.md",
    SeveralProviders "several-providers.md",
    Sessions "sessions.md",
    Settings "settings.md",
    SinglePageApps "spa.md",
    Testing "testing.md",
    User "user.md",
    Visitors "visitors.md",
    Auth0 "providers/auth0.md",
    Keycloak "providers/keycloak.md",
    EntraId "providers/entra-id.md",
    Okta "providers/okta.md",
    Google "providers/google.md",
    GitLab "providers/gitlab.md",
    Cognito "providers/cognito.md",
    Zitadel "providers/zitadel.md",
    Authentik "providers/authentik.md",
    Authelia "providers/authelia.md",
    Dex "providers/dex.md",
    GitHub "providers/github.md",
    FromAxumLogin "from/axum-login.md",
    FromAxumOidc "from/axum-oidc.md",
    FromActix "from/actix-identity-and-actix-session.md",
    FromTowerSessions "from/tower-sessions.md",
}
