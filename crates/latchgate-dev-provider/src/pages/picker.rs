//! "Who is signing in?": choosing a person is authentication and consent in one.

use axum::response::Response;
use http::StatusCode;

use super::html::Html;
use super::{Script, page};
use crate::authorization_request::AuthorizationRequest;
use crate::person::Person;
use crate::provider::Provider;

/// What was wrong with a person typed in, and what had been typed.
#[derive(Debug, Default)]
pub(crate) struct FreeFormMistake {
    pub(crate) message: &'static str,
    pub(crate) name: String,
    pub(crate) claims: String,
}

/// The page for one authorization request, which is waiting under `transaction`.
pub(crate) fn picker(
    provider: &Provider,
    transaction: &str,
    request: &AuthorizationRequest,
    mistake: Option<&FreeFormMistake>,
) -> Response {
    let hint = request.login_hint.as_deref();
    let mut people = Html::new();
    for person in &provider.people {
        let hinted = hint.is_some_and(|hint| person.answers_to(hint));
        people = people.append(person_button(person, hinted));
    }
    let mut scopes = Html::new();
    for value in request.scope.values() {
        scopes = scopes.raw("<li><code>").text(value).raw("</code></li>\n");
    }
    let unknown_hint =
        hint.filter(|hint| !provider.people.iter().any(|person| person.answers_to(hint)));

    let main = Html::new()
        .raw("<h1>Who is signing in?</h1>\n<p class=\"soft\">to <code>")
        .text(&request.client.client_id)
        .raw("</code></p>\n<form method=\"post\" action=\"/authorize/decide\">\n")
        .hidden("transaction", transaction)
        .raw("<ul class=\"people\">\n")
        .append(people)
        .raw("</ul>\n</form>\n<h2 id=\"asks\">The app asks for</h2>\n<ul class=\"scopes\" aria-labelledby=\"asks\">\n")
        .append(scopes)
        .raw("</ul>\n")
        .append(free_form(transaction, unknown_hint, mistake))
        .raw("<form class=\"foot\" method=\"post\" action=\"/authorize/decide\">\n")
        .hidden("transaction", transaction)
        .raw("<button class=\"wide\" name=\"decision\" value=\"deny\">Deny</button>\n</form>\n");
    let status = match mistake {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    page(status, "Who is signing in?", main, &Script::None)
}

fn person_button(person: &Person, hinted: bool) -> Html {
    let name = person.display_name();
    let initial = name
        .chars()
        .next()
        .unwrap_or('?')
        .to_uppercase()
        .to_string();
    let (autofocus, suggestion) = if hinted {
        (" autofocus", " · suggested by the app")
    } else {
        ("", "")
    };
    let email = person
        .email
        .as_ref()
        .map_or("", |(email, _)| email.as_str());
    Html::new()
        .raw("<li><button class=\"person\" name=\"person\" value=\"")
        .text(&person.sub)
        .raw("\"")
        .raw(autofocus)
        .raw("><span class=\"face\" aria-hidden=\"true\">")
        .text(&initial)
        .raw("</span><span>")
        .text(name)
        .raw("<span class=\"soft\">")
        .text(if email.is_empty() { &person.sub } else { email })
        .raw(suggestion)
        .raw("</span>")
        .append(roles(person))
        .raw("</span></button></li>\n")
}

/// What lets a person into an app, and what is tested most: the reason to pick one of them.
fn roles(person: &Person) -> Html {
    if person.roles.is_empty() {
        return Html::new();
    }
    Html::new()
        .raw("<span class=\"soft\">Roles: ")
        .text(&person.roles.join(", "))
        .raw("</span>")
}

fn free_form(transaction: &str, hint: Option<&str>, mistake: Option<&FreeFormMistake>) -> Html {
    let (name, claims, open) = match mistake {
        Some(mistake) => (mistake.name.as_str(), mistake.claims.as_str(), " open"),
        None => (hint.unwrap_or_default(), "", ""),
    };
    let (described, alert) = match mistake {
        Some(mistake) => (
            " aria-describedby=\"mistake\"",
            Html::new()
                .raw("<p class=\"mistake\" id=\"mistake\" role=\"alert\">")
                .text(mistake.message)
                .raw("</p>\n"),
        ),
        None => ("", Html::new()),
    };
    Html::new()
        .raw("<h2>Somebody else</h2>\n<form method=\"post\" action=\"/authorize/decide\">\n")
        .hidden("transaction", transaction)
        .append(alert)
        .raw("<label for=\"name\">Name</label>\n<input id=\"name\" name=\"name\" autocomplete=\"off\" required maxlength=\"200\" value=\"")
        .text(name)
        .raw("\"")
        .raw(described)
        .raw(">\n<details")
        .raw(open)
        .raw("><summary>More claims</summary>\n<label for=\"claims\">Claims as a JSON object</label>\n")
        .raw("<textarea id=\"claims\" name=\"claims\" spellcheck=\"false\" placeholder='{\"roles\": [\"user\"]}'")
        .raw(described)
        .raw(">\n")
        .text(claims)
        .raw("</textarea>\n</details>\n<button class=\"primary wide\">Sign in</button>\n</form>\n")
}
