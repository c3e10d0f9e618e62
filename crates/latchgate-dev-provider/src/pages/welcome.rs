//! The front page: what this is and what to enter into an app's configuration.

use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::html::Html;
use super::{Script, page};
use crate::provider::Provider;

/// `GET /`
pub(crate) async fn welcome(State(provider): State<Arc<Provider>>) -> Response {
    let mut clients = Html::new();
    for client in provider
        .clients
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        clients = clients
            .raw("<li><code>")
            .text(&client.client_id)
            .raw("</code></li>\n");
    }
    let mut people = Html::new();
    for person in &provider.people {
        people = people
            .raw("<li>")
            .text(person.display_name())
            .raw("</li>\n");
    }
    let main = Html::new()
        .raw("<h1>An OpenID Provider for development</h1>\n<p>Issuer <code>")
        .text(&provider.issuer)
        .raw("</code></p>\n<p><a href=\"/.well-known/openid-configuration\">Discovery document</a></p>\n")
        .raw("<h2 id=\"clients\">Clients</h2>\n<ul class=\"scopes\" aria-labelledby=\"clients\">\n")
        .append(clients)
        .raw("</ul>\n<h2 id=\"people\">People</h2>\n<ul class=\"scopes\" aria-labelledby=\"people\">\n")
        .append(people)
        .raw("</ul>\n");
    page(StatusCode::OK, "Welcome", main, &Script::None)
}
