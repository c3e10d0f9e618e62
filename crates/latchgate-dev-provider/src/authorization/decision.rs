//! What a person decided on the picker page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use crate::authorization_request::AuthorizationError;
use crate::jws::JsonObject;
use crate::pages::{FreeFormMistake, picker, refused};
use crate::parameters::Parameters;
use crate::person::Person;
use crate::provider::Provider;

/// `POST /authorize/decide`
///
/// The form has `transaction` and one of: `person`, a `sub` from the list; `name`, any name, optionally with `claims`, a
/// JSON object; `decision=deny`.
pub(crate) async fn decide(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let parameters = match Parameters::read_once(request).await {
        Ok(parameters) => parameters,
        Err(error) => return refused(&error.to_string()),
    };
    let waiting = parameters
        .get("transaction")
        .and_then(|id| provider.transactions.close(id, provider.now()));
    let Some(request) = waiting else {
        return refused(
            "This sign-in has been completed or has expired. Go back to the app and start again.",
        );
    };
    if parameters.get("decision") == Some("deny") {
        return provider
            .respond_with_error(&request.return_address, AuthorizationError::AccessDenied);
    }
    match picked(&provider, &parameters) {
        Ok(person) => provider.sign_in(&headers, person, &request),
        Err(message) => {
            let mistake = FreeFormMistake {
                message,
                name: parameters.get("name").unwrap_or_default().to_owned(),
                claims: parameters.get("claims").unwrap_or_default().to_owned(),
            };
            let transaction = provider.transactions.open(request.clone(), provider.now());
            picker(&provider, &transaction, &request, Some(&mistake))
        }
    }
}

/// The person from the list, or the one that was typed in, with the claims that were typed in.
fn picked(provider: &Provider, parameters: &Parameters) -> Result<Arc<Person>, &'static str> {
    if let Some(sub) = parameters.get("person") {
        let listed = provider.people.iter().find(|person| person.sub == sub);
        return listed.cloned().ok_or("Nobody on the list has that name.");
    }
    let name = parameters
        .get("name")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .ok_or("Pick somebody, or type a name.")?;
    let person = provider.person_or_free_form(name);
    let claims = parameters.get("claims").unwrap_or_default().trim();
    if claims.is_empty() {
        return Ok(person);
    }
    let claims: JsonObject = serde_json::from_str(claims)
        .map_err(|_| "The claims must be a JSON object, such as {\"roles\": [\"user\"]}.")?;
    let mut person = Person::clone(&person);
    person.extra.extend(claims);
    Ok(Arc::new(person))
}
