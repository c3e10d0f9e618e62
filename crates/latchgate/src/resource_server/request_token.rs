//! The access token of one request, judged once, when somebody asks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;
use tokio::sync::OnceCell;

use super::ResourceServer;
use crate::error::Error;
use crate::head::{CertificateThumbprint, RequestHead};
use crate::resource::{AuthScheme, BearerError, Credentials};
use crate::session::User;
use crate::telemetry;

/// The access token that a request presents, on its way through the application. Cheap to clone.
///
/// Nothing is verified until a handler, an extractor or a guard asks; then it happens once, however many ask.
#[derive(Clone)]
pub struct RequestToken(Arc<Presented>);

struct Presented {
    server: Arc<ResourceServer>,
    credentials: Result<Credentials, BearerError>,
    presentation: Presentation,
    judged: OnceCell<Result<User, Arc<Error>>>,
    asked: AtomicBool,
}

/// How the token was presented.
#[derive(Debug)]
pub(super) struct Presentation {
    /// Of the request; empty unless there has to be a proof, which is about them.
    pub(super) method: String,
    pub(super) path: String,
    pub(super) certificate: Option<CertificateThumbprint>,
    /// The proof has no nonce that is good, or not the newest.
    pub(super) lacks_nonce: AtomicBool,
}

impl RequestToken {
    /// The token of a request, if it presents one by its `Authorization` header, well-formed or not.
    pub(crate) fn of(server: &Arc<ResourceServer>, head: &dyn RequestHead) -> Option<Self> {
        let credentials = Credentials::of(head)?;
        let is_proven = matches!(&credentials, Ok(found) if found.scheme == AuthScheme::Dpop);
        let for_the_proof = |text: &str| match is_proven {
            true => text.to_owned(),
            false => String::new(),
        };
        Some(Self(Arc::new(Presented {
            server: Arc::clone(server),
            credentials,
            presentation: Presentation {
                method: for_the_proof(head.method()),
                path: for_the_proof(head.path()),
                certificate: head.certificate(),
                lacks_nonce: AtomicBool::new(false),
            },
            judged: OnceCell::new(),
            asked: AtomicBool::new(false),
        })))
    }

    /// Whose token it is.
    ///
    /// # Errors
    ///
    /// [`Error::Bearer`] when the token, or its presentation, is refused. Any other: it cannot be judged now, because the
    /// authorization server's keys or answers are unavailable.
    pub async fn user(&self) -> Result<User, Arc<Error>> {
        self.0.asked.store(true, Ordering::Relaxed);
        match self.0.judged.get() {
            Some(judged) => judged.clone(),
            // In a box: a request with a session should not move so much about.
            None => Box::pin(self.judge_once()).await,
        }
    }

    async fn judge_once(&self) -> Result<User, Arc<Error>> {
        let judged = self.0.judged.get_or_init(|| self.judge_and_count());
        judged.await.clone()
    }

    async fn judge_and_count(&self) -> Result<User, Arc<Error>> {
        let judged = self.judge().await;
        telemetry::access_token_judged(judged.as_ref().err().map(|error| error.code()));
        judged
    }

    async fn judge(&self) -> Result<User, Arc<Error>> {
        let Presented {
            server,
            credentials,
            presentation,
            ..
        } = &*self.0;
        let credentials = credentials
            .as_ref()
            .map_err(|refused| Error::Bearer(refused.clone()))?;
        let token = server.access_token(&credentials.token).await?;
        let allowed = server.check_binding(&token, credentials, presentation);
        allowed.await?;
        Ok(User::of_token(token, Arc::clone(&server.claim_paths)))
    }

    pub(crate) fn server(&self) -> &Arc<ResourceServer> {
        &self.0.server
    }

    /// The nonce that the response hands out to the client, if it is due
    /// ([RFC 9449 §8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2)).
    pub(crate) fn next_nonce(&self) -> Option<HeaderValue> {
        let lacks = self.0.presentation.lacks_nonce.load(Ordering::Relaxed);
        lacks.then(|| self.0.server.newest_nonce())?
    }

    /// Whether somebody has asked whose it is.
    pub(crate) fn was_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for RequestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestToken")
            .field("judged", &self.0.judged.get())
            .finish_non_exhaustive()
    }
}
