//! The HTTP clients of a gate: one for all providers, and one for each that the client shows a certificate.

use std::sync::Arc;

use crate::client::Registration;
use crate::config::{Mistake, Problem};
use crate::io::{HttpClient, Reach, ReqwestClient, TraceHook, TracedClient};

/// Where calls to providers come from.
pub(super) struct HttpClients {
    /// The application's, or our own.
    common: Arc<dyn HttpClient>,
    /// Our own client's additional roots; `None` for a client of the application's.
    own: Option<Option<Vec<u8>>>,
    /// Where our own clients may connect to.
    reach: Reach,
    /// What trace a call belongs to, if that is passed on.
    trace_context: Option<TraceHook>,
}

impl HttpClients {
    /// The application's client, or one of our own with these additional roots.
    pub(super) fn new(
        reach: Reach,
        given: Option<Arc<dyn HttpClient>>,
        extra_roots: Option<Vec<u8>>,
    ) -> Result<Self, Mistake> {
        Ok(match given {
            Some(common) => Self {
                common,
                own: None,
                reach,
                trace_context: None,
            },
            None => Self {
                common: own_client(reach, extra_roots.as_deref())?,
                own: Some(extra_roots),
                reach,
                trace_context: None,
            },
        })
    }

    /// The same, which pass on the traces of their calls.
    pub(super) fn passing_on(self, trace_context: Option<TraceHook>) -> Self {
        Self {
            trace_context,
            ..self
        }
    }

    /// The client for calls to one provider.
    pub(super) fn of(&self, registration: &Registration) -> Result<Arc<dyn HttpClient>, Mistake> {
        let client = self.untraced(registration)?;
        Ok(TracedClient::around(client, self.trace_context.as_ref()))
    }

    fn untraced(&self, registration: &Registration) -> Result<Arc<dyn HttpClient>, Mistake> {
        let wrong = |problem| Mistake::new("client_cert_file", problem);
        match (&registration.certificate, &self.own) {
            (Some(certificate), Some(roots)) => {
                let roots = roots.as_deref();
                let client = ReqwestClient::reaching(self.reach, roots, Some(certificate));
                let client = client.map_err(|error| wrong(Problem::ClientCertificate(error)))?;
                Ok(Arc::new(client))
            }
            (Some(_), None) => Err(wrong(Problem::CertificateBesideHttpClient)),
            (None, Some(_)) if registration.needs_certificate() => {
                Err(wrong(Problem::NoClientCertificate))
            }
            (None, _) => Ok(Arc::clone(&self.common)),
        }
    }
}

pub(super) fn own_client(
    reach: Reach,
    extra_roots: Option<&[u8]>,
) -> Result<Arc<dyn HttpClient>, Mistake> {
    match ReqwestClient::reaching(reach, extra_roots, None) {
        Ok(client) => Ok(Arc::new(client)),
        Err(problem) => Err(Mistake::new("ca_file", Problem::HttpClient(problem))),
    }
}
