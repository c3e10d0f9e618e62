//! The few HTML pages that the login examples share.

/// The home page: who is signed in, and a button to change that.
pub(crate) fn home(name: Option<&str>) -> String {
    whole(&match name {
        None => include_str!("signed-out.html").to_owned(),
        Some(name) => include_str!("signed-in.html").replace("{{name}}", &escape(name)),
    })
}

/// A person's claims.
pub(crate) fn claims(json: &str) -> String {
    let json = escape(json);
    whole(&format!(
        "<h1>Your claims</h1><p><a href=\"/\">Home</a></p><pre tabindex=\"0\">{json}</pre>"
    ))
}

fn whole(main: &str) -> String {
    include_str!("page.html").replace("{{main}}", main)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
