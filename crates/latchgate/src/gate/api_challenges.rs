//! The challenges of an API in a response, one for each scheme that it accepts.

use bytes::Bytes;
use http::{Response, header};

use crate::resource::challenge::ChallengeParameters;
use crate::resource_server::ResourceServer;

/// Adds a challenge for each scheme that this API accepts.
pub(super) fn add_challenges(
    server: &ResourceServer,
    parameters: ChallengeParameters<'_>,
    answer: &mut Response<Bytes>,
) {
    let metadata = server.metadata();
    let parameters = ChallengeParameters {
        resource_metadata: metadata.map(|metadata| metadata.url.as_str()),
        realm: &server.rules().audience,
        ..parameters
    };
    let headers = answer.headers_mut();
    // RFC 9449 §9: only a proof has a nonce.
    if parameters.error != Some("use_dpop_nonce") {
        headers.append(header::WWW_AUTHENTICATE, parameters.bearer());
    }
    if server.checks_proofs() {
        headers.append(header::WWW_AUTHENTICATE, parameters.dpop());
    }
}
