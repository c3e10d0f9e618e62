//! The HTTP clients of a gate: one for all providers, and one for each that the client shows a certificate.

use std::sync::Arc;

use crate::client::Registration;
use crate::config::{Mistakes, Problem};
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
        trace_context: Option<TraceHook>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let own = given.is_none().then(|| extra_roots.clone());
        Some(Self {
            common: common_client(reach, given, extra_roots.as_deref(), mistakes)?,
            own,
            reach,
            trace_context,
        })
    }

    /// The client for calls to one provider.
    pub(super) fn of(&self, registration: &Registration) -> Result<Arc<dyn HttpClient>, Problem> {
        let client = self.untraced(registration)?;
        Ok(TracedClient::around(client, self.trace_context.as_ref()))
    }

    fn untraced(&self, registration: &Registration) -> Result<Arc<dyn HttpClient>, Problem> {
        match (&registration.certificate, &self.own) {
            (Some(certificate), Some(roots)) => {
                let roots = roots.as_deref();
                let client = ReqwestClient::reaching(self.reach, roots, Some(certificate));
                Ok(Arc::new(client.map_err(Problem::ClientCertificate)?))
            }
            (Some(_), None) => Err(Problem::CertificateBesideHttpClient),
            (None, Some(_)) if registration.needs_certificate() => {
                Err(Problem::NoClientCertificate)
            }
            (None, _) => Ok(Arc::clone(&self.common)),
        }
    }
}

/// The application's client, or one of our own with these additional roots.
pub(super) fn common_client(
    reach: Reach,
    given: Option<Arc<dyn HttpClient>>,
    extra_roots: Option<&[u8]>,
    mistakes: &mut Mistakes,
) -> Option<Arc<dyn HttpClient>> {
    given.or_else(|| {
        let client = ReqwestClient::reaching(reach, extra_roots, None);
        let client = mistakes.keep_of("ca_file", client.map_err(Problem::HttpClient))?;
        Some(Arc::new(client))
    })
}
