//! What `/as-user` and `/as-application` call: `base` and `path` of an API, by `method`, with a `body` that is sent as it is or
//! as a `stream`, and a token for `resource` where that is named.

use futures_util::stream;
use http::Method;
use latchgate::TokenFor;
use latchgate_tower::{ApiCaller, ApiClient, ApiClientError};
use url::form_urlencoded;

/// One call.
pub(super) struct Called(Vec<(String, String)>);

impl Called {
    pub(super) fn of(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(super) fn client(&self) -> Result<ApiClient, ApiClientError> {
        let client = ApiClient::builder(self.value("base").unwrap_or_default());
        let client = client.http_client(reqwest::Client::builder().no_proxy());
        match self.value("resource") {
            Some(resource) => client.token_for(TokenFor::resource(resource)),
            None => client,
        }
        .build()
    }

    /// The status and the body of the answer.
    pub(super) async fn send(
        &self,
        caller: ApiCaller,
    ) -> Result<String, reqwest_middleware::Error> {
        let method = self.value("method").unwrap_or("GET").parse();
        let path = self.value("path").unwrap_or_default();
        let mut request = caller
            .request(method.unwrap_or(Method::GET), path)
            .header("authorization", "Basic bWluZTptaW5l")
            .header("dpop", "mine");
        if let Some(body) = self.value("body") {
            request = request.body(body.to_owned());
        }
        if let Some(body) = self.value("stream") {
            let parts = [Ok::<_, std::io::Error>(body.to_owned())];
            request = request.body(reqwest::Body::wrap_stream(stream::iter(parts)));
        }
        let answer = request.send().await?;
        Ok(format!(
            "{} {}",
            answer.status().as_u16(),
            answer.text().await?
        ))
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs.find_map(|(found, value)| (found == name).then_some(value.as_str()))
    }
}
