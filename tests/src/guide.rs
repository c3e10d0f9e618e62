//! The guide's code, compiled: each chapter with a block of Rust is here. Hidden lines (`# `) are hidden in the book, too.

macro_rules! chapters {
    ($($name:ident $path:literal),* $(,)?) => {$(
        #[doc = include_str!(concat!("../../docs/src/", $path))]
        pub struct $name;
    )*};
}

chapters! {
    Login "login.md",
    Settings "settings.md",
}
