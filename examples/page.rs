//! The few HTML pages that the login examples share.

/// The home page: who is signed in, and a button to change that.
pub(crate) fn home(user: Option<&super::User>) -> String {
    whole(&match user {
        None => include_str!("signed-out.html").to_owned(),
        Some(user) => {
            let name = escape(user.name().unwrap_or("friend"));
            include_str!("signed-in.html").replace("{{name}}", &name)
        }
    })
}

/// A person's claims, given as JSON: a page for browsers, and the JSON for everybody else. Comes with
/// its content type.
pub(crate) fn claims(accept: &str, json: &str) -> (&'static str, String) {
    if !accept.contains("text/html") {
        return ("application/json", json.to_owned());
    }
    let claims: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let claims = escape(&format!("{claims:#}"));
    let main = format!(
        "<h1>Your claims</h1><p><a href=\"/\">Home</a></p><pre tabindex=\"0\">{claims}</pre>"
    );
    ("text/html; charset=utf-8", whole(&main))
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
