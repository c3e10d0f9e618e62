//! The few HTML pages that the login examples share.

/// The home page: who is signed in, and a button to change that.
pub fn home(signed_in: Option<(&str, &str)>) -> String {
    whole(&match signed_in {
        None => include_str!("signed-out.html").to_owned(),
        Some((name, subject)) => include_str!("signed-in.html")
            .replace("{{name}}", &escape(name))
            .replace("{{subject}}", &escape(subject)),
    })
}

/// A person's claims.
pub fn claims(json: &str) -> String {
    let json = escape(json);
    whole(&format!(
        "<h1>Your claims</h1><pre tabindex=\"0\">{json}</pre><p><a href=\"/\">Home</a></p>"
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
