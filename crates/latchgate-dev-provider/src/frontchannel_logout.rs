//! The frames of the logout page ([OpenID Connect Front-Channel Logout
//! §3](https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout)).

use url::Url;

use crate::provider::Provider;
use crate::session::OpSession;

impl Provider {
    /// What the clients of an ended session want to see in a frame.
    pub(crate) fn frontchannel_logout_frames(&self, ended: &OpSession) -> Vec<Url> {
        let clients = ended.clients().into_iter();
        clients
            .filter_map(|client_id| self.client(&client_id)?.frontchannel_logout_uri.clone())
            .map(|mut uri| {
                uri.query_pairs_mut()
                    .append_pair("iss", &self.issuer)
                    .append_pair("sid", &ended.sid);
                uri
            })
            .collect()
    }
}
