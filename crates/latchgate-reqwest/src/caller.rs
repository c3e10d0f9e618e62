//! Calls to an API as a person, or as the application.

use std::fmt;
use std::sync::Arc;

use http::Method;
use reqwest_middleware::{ClientWithMiddleware, Middleware, RequestBuilder};

use crate::authorization::Authorization;
use crate::base_urls::BaseUrls;

/// Calls an API as one person, or as the application. Made by [`ApiClient::as_user`](crate::ApiClient::as_user) and
/// [`ApiClient::as_application`](crate::ApiClient::as_application).
///
/// A path is one below the API's base URL: `/orders` of `https://api.example.com/v1` is
/// `https://api.example.com/v1/orders`. An absolute URL has to be below a base URL, or the call fails.
#[derive(Clone)]
pub struct ApiCaller {
    client: ClientWithMiddleware,
    urls: Arc<BaseUrls>,
}

impl ApiCaller {
    pub(crate) fn new(
        http: reqwest::Client,
        middleware: &[Arc<dyn Middleware>],
        own: Authorization,
    ) -> Self {
        let urls = Arc::clone(&own.urls);
        let own: Arc<dyn Middleware> = Arc::new(own);
        let stack: Box<[_]> = middleware.iter().cloned().chain([own]).collect();
        Self {
            client: ClientWithMiddleware::new(http, stack),
            urls,
        }
    }

    /// A `GET` request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A `POST` request.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// A `PUT` request.
    pub fn put(&self, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path)
    }

    /// A `PATCH` request.
    pub fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    /// A `DELETE` request.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// A request with any method. It is sent with the access token, which is requested or refreshed first if necessary.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.urls.join(path))
    }

    /// The HTTP client itself, for libraries that make their own requests, such as generated ones. Its requests carry the
    /// token; those to other URLs fail.
    #[must_use]
    pub fn client(&self) -> &ClientWithMiddleware {
        &self.client
    }
}

impl fmt::Debug for ApiCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCaller")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}
