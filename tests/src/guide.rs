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
    Testing "testing.md",
    User "user.md",
}
