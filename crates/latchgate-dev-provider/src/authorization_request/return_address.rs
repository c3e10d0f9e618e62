//! Where the authorization response goes.

use std::sync::Arc;

use url::Url;

use crate::client::Client;

/// Where a response goes and how. Exists only for a registered redirect URI.
#[derive(Debug, Clone)]
pub(crate) struct ReturnAddress {
    /// As the client wrote it, for comparison at the token endpoint.
    pub(crate) redirect_uri: String,
    pub(crate) parsed: Url,
    pub(crate) response_mode: ResponseMode,
    pub(crate) state: Option<String>,
    pub(crate) client: Arc<Client>,
}

/// How the parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Query,
    FormPost,
    /// In the query, as a JWT.
    QueryJwt,
    /// In a form, as a JWT.
    FormPostJwt,
}

impl ResponseMode {
    pub(crate) fn parse(mode: &str) -> Option<Self> {
        match mode {
            "query" => Some(Self::Query),
            "form_post" => Some(Self::FormPost),
            "jwt" | "query.jwt" => Some(Self::QueryJwt),
            "form_post.jwt" => Some(Self::FormPostJwt),
            _ => None,
        }
    }
}
