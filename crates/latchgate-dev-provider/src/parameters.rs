//! Request parameters of the OAuth endpoints: the query of a GET, the form body of a POST. Parameters without a value count
//! as omitted and none may appear twice ([RFC 6749 §3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)), except
//! `resource` ([RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2)).

use axum::body::to_bytes;
use axum::extract::Request;
use http::{Method, header};
use url::form_urlencoded;

/// The longest body the provider reads.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// The parameters of one request, in the order they came.
#[derive(Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Why a request's parameters could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParametersError {
    NotAForm,
    TooLong,
    Repeated(String),
}

impl std::fmt::Display for ParametersError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAForm => {
                f.write_str("the body must be sent as application/x-www-form-urlencoded")
            }
            Self::TooLong => f.write_str("the body is longer than one mebibyte"),
            Self::Repeated(name) => write!(f, "the parameter {name} may appear only once"),
        }
    }
}

impl Parameters {
    /// Reads the query of a GET or the form of a POST. Repetition is left for [`Parameters::once`] to find, because the
    /// authorization endpoint can only report it once it knows where to.
    pub(crate) async fn read(request: Request) -> Result<Self, ParametersError> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Ok(Self::parse(head.uri.query().unwrap_or_default().as_bytes()));
        }
        let is_form = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| {
                value
                    .trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form {
            return Err(ParametersError::NotAForm);
        }
        match to_bytes(body, BODY_LIMIT).await {
            Ok(body) => Ok(Self::parse(&body)),
            Err(_) => Err(ParametersError::TooLong),
        }
    }

    /// As [`Parameters::read`], and nothing may be repeated.
    pub(crate) async fn read_once(request: Request) -> Result<Self, ParametersError> {
        Self::read(request).await?.once()
    }

    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(encoded)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// Parameters that came in another form.
    pub(crate) fn of(parameters: Vec<(String, String)>) -> Self {
        Self(parameters)
    }

    /// Passes the parameters on if none is there twice.
    pub(crate) fn once(self) -> Result<Self, ParametersError> {
        match self.repeated() {
            Some(name) => Err(ParametersError::Repeated(name.to_owned())),
            None => Ok(self),
        }
    }

    /// The first parameter that is there twice.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.0
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| *name != "resource" && self.count(name) > 1)
    }

    /// The value of a parameter that is there exactly once and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        if self.count(name) != 1 {
            return None;
        }
        self.all(name).next()
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(own, value)| own == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The names, in the order they came.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(own, _)| own == name).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameters, ParametersError};

    #[test]
    fn a_parameter_without_a_value_counts_as_omitted() {
        let parameters = Parameters::parse(b"state=&scope=openid");
        assert_eq!(parameters.get("state"), None);
        assert_eq!(parameters.get("scope"), Some("openid"));
    }

    #[test]
    fn only_resource_may_be_repeated() {
        let resources = Parameters::parse(b"resource=a&resource=b");
        assert_eq!(resources.all("resource").count(), 2);
        assert!(resources.once().is_ok());

        let twice = Parameters::parse(b"state=a&state=b");
        assert_eq!(twice.get("state"), None);
        assert_eq!(
            twice.once().err(),
            Some(ParametersError::Repeated("state".to_owned()))
        );
    }
}
