//! What a person decided on the picker page, and the requests that wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;

use super::request::AuthorizationRequest;
use super::response::AuthorizationError;
use crate::jws::JsonObject;
use crate::pages::{FreeFormMistake, picker, refused};
use crate::parameters::Parameters;
use crate::person::Person;
use crate::provider::Provider;
use crate::world::random_token;

/// How long a picker page stays good, in seconds.
const PATIENCE: u64 = 600;

/// Authorization requests whose picker page is being looked at.
#[derive(Default)]
pub(crate) struct Transactions(Mutex<HashMap<String, (u64, AuthorizationRequest)>>);

impl Transactions {
    pub(super) fn open(&self, request: AuthorizationRequest, now: u64) -> String {
        let id = random_token();
        let mut waiting = self.waiting();
        waiting.retain(|_, (until, _)| now < *until);
        waiting.insert(id.clone(), (now + PATIENCE, request));
        id
    }

    fn close(&self, id: &str, now: u64) -> Option<AuthorizationRequest> {
        let (until, request) = self.waiting().remove(id)?;
        (now < until).then_some(request)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, (u64, AuthorizationRequest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `POST /authorize/decide`
///
/// The form has `transaction` and one of: `person`, a `sub` of the list; `name`, anybody's, with `claims`, a JSON object,
/// beside it if wanted; `decision=deny`.
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
        return refused("This sign-in is over or has expired. Go back to the app and start again.");
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

/// The person of the list, or the one typed in, with the claims typed in beside the name.
fn picked(provider: &Provider, parameters: &Parameters) -> Result<Arc<Person>, &'static str> {
    if let Some(sub) = parameters.get("person") {
        let listed = provider.people.iter().find(|person| person.sub == sub);
        return listed.cloned().ok_or("Nobody of that name is on the list.");
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
