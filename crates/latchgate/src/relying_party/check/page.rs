//! Reading what a provider shows to a browser: what kind of answer it is, and what the page says.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use http::{Response, header};
use url::Url;

/// A response of the authorization endpoint, as far as it can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Back at our redirect URI, with this `error` if there is one.
    Returned(Option<String>),
    /// An error that names the redirect URI. With what the page says.
    RedirectUriRefused(String),
    /// Another error. With the status and what the page says.
    Refused(u16, String),
    /// The provider has a fault.
    Failed(u16),
    /// A page for people, or a redirect to one.
    Page,
}

/// What pages that refuse a redirect URI call it.
const NAMES: [&str; 9] = [
    "redirect_uri",
    "redirect uri",
    "redirect url",
    "redirection uri",
    "callback url",
    "callback uri",
    "reply url",
    "reply address",
    "return_to",
];

/// What a page says only if it refuses the redirect URI, even where its status is that of success.
const CERTAIN: [&str; 4] = [
    "redirect_uri_mismatch",
    "invalid_redirect_uri",
    "aadsts50011",
    "callback url mismatch",
];

impl Reply {
    /// Reads an answer to a request with this redirect URI.
    pub(super) fn read(answer: &Response<Vec<u8>>, redirect_uri: &str) -> Self {
        let status = answer.status();
        let body = String::from_utf8_lossy(answer.body());
        let location = answer.headers().get(header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        if let Some(location) = location.filter(|_| status.is_redirection()) {
            return Self::redirected(location, redirect_uri);
        }
        let text = body.to_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if status.is_client_error() && names(&NAMES) || names(&CERTAIN) {
            return Self::RedirectUriRefused(gist(&body));
        }
        if status.is_client_error() {
            return Self::Refused(status.as_u16(), gist(&body));
        }
        if status.is_server_error() {
            return Self::Failed(status.as_u16());
        }
        // `response_mode=form_post` (OAuth 2.0 Form Post Response Mode §2).
        if body.contains(&format!("action=\"{redirect_uri}\"")) {
            let error = text.split("name=\"error\"").nth(1);
            let value = error.and_then(|rest| rest.split("value=\"").nth(1)?.split('"').next());
            return Self::Returned(value.map(str::to_owned));
        }
        Self::Page
    }

    fn redirected(location: &str, redirect_uri: &str) -> Self {
        let ours = location
            .strip_prefix(redirect_uri)
            .filter(|rest| rest.is_empty() || rest.starts_with(['?', '#', '&']));
        let base = Url::parse("https://provider.invalid/");
        let Some(url) = base.ok().and_then(|base| base.join(location).ok()) else {
            return Self::Page;
        };
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            let (_, value) = pairs.find(|(found, _)| found == name)?;
            Some(value.into_owned())
        };
        if ours.is_some() {
            return Self::Returned(parameter("error"));
        }
        // A page that says what is wrong: Google's has it in base64.
        let told = parameter("authError").and_then(|text| decoded(&text));
        let told = told.or_else(|| {
            let error = parameter("error")?;
            let description = parameter("error_description").unwrap_or_default();
            Some(format!("{error} {description}"))
        });
        let Some(told) = told else {
            return Self::Page;
        };
        let text = told.to_lowercase();
        match NAMES.iter().any(|name| text.contains(name)) {
            true => Self::RedirectUriRefused(gist(&told)),
            false => Self::Refused(400, gist(&told)),
        }
    }

    /// Whether it is an error that ends the login.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::RedirectUriRefused(_) | Self::Refused(..))
    }
}

fn decoded(text: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text.trim_end_matches('='));
    let bytes = bytes.or_else(|_| STANDARD.decode_to_vec(text)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The most characters of a page that are quoted.
const LONGEST: usize = 160;

/// The text of a page, without markup, and shortened.
pub(super) fn gist(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let lower = tag
            .get(..6)
            .map(str::to_ascii_lowercase)
            .unwrap_or_default();
        let end = match lower.as_str() {
            name if name.starts_with("style") => "</style",
            "script" => "</script",
            name if name.starts_with("title") => "</title",
            _ => ">",
        };
        rest = match tag.find(end) {
            Some(at) if end == ">" => &tag[at + 1..],
            // What is left of the closing tag is one.
            Some(at) => &tag[at..],
            None => "",
        };
    }
    text.push_str(rest);
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let visible: String = visible.collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://app.example/callback";

    fn page(status: u16, body: &str) -> Reply {
        let answer = Response::builder().status(status);
        Reply::read(&answer.body(body.as_bytes().to_vec()).unwrap(), OURS)
    }

    fn redirect(location: &str) -> Reply {
        let answer = Response::builder().status(302).header("location", location);
        Reply::read(&answer.body(Vec::new()).unwrap(), OURS)
    }

    #[test]
    fn pages_are_told_apart() {
        let refused = |text: &str| Reply::RedirectUriRefused(text.to_owned());
        for (status, body, expected) in [
            (
                200,
                "<form>Password</form><input name=redirect_uri>",
                Reply::Page,
            ),
            (
                400,
                "<h1>Error</h1><p>Invalid parameter: redirect_uri</p>",
                refused("Error Invalid parameter: redirect_uri"),
            ),
            (
                200,
                "AADSTS50011: The reply address",
                refused("AADSTS50011: The reply address"),
            ),
            (
                403,
                "{\"error\":\"Callback URL mismatch\"}",
                refused("{\"error\":\"Callback URL mismatch\"}"),
            ),
            (
                400,
                "Client not found",
                Reply::Refused(400, "Client not found".to_owned()),
            ),
            (502, "redirect_uri", Reply::Failed(502)),
            (
                200,
                "<form method=post action=\"https://app.example/callback\"><input name=\"error\" value=\"invalid_scope\">",
                Reply::Returned(Some("invalid_scope".to_owned())),
            ),
        ] {
            assert_eq!(page(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn redirects_are_told_apart() {
        for (location, expected) in [
            (
                "/login?redirect_uri=https://app.example/callback",
                Reply::Page,
            ),
            ("https://login.op.example/u/login?state=x", Reply::Page),
            (
                "https://app.example/callback?error=invalid_scope&state=x",
                Reply::Returned(Some("invalid_scope".to_owned())),
            ),
            ("https://app.example/callback?code=x", Reply::Returned(None)),
            ("https://app.example/callbacks", Reply::Page),
            (
                "https://portal.example/?error=invalid_request&error_description=The+redirect_uri+differs",
                Reply::RedirectUriRefused("invalid_request The redirect_uri differs".to_owned()),
            ),
            (
                "/error?error=invalid_client",
                Reply::Refused(400, "invalid_client".to_owned()),
            ),
            (
                "/signin/oauth/error?authError=ChVyZWRpcmVjdF91cmlfbWlzbWF0Y2g%3D",
                Reply::RedirectUriRefused("redirect_uri_mismatch".to_owned()),
            ),
        ] {
            let found = redirect(location);
            assert_eq!(found, expected, "{location}");
        }
    }

    #[test]
    fn the_gist_of_a_page_is_its_text() {
        for (page, expected) in [
            ("", ""),
            ("plain\n text", "plain text"),
            (
                "<title>No</title><style>p{}</style><p>Not <b>here</b></p><script>x<1</script>",
                "Not here",
            ),
            ("<p unclosed", ""),
            ("a<script>b", "a"),
            ("\u{7}<é>x", "x"),
        ] {
            assert_eq!(gist(page), expected, "{page}");
        }
        assert_eq!(gist(&"x".repeat(1_000)).len(), LONGEST);
    }
}
