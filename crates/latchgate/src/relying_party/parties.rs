//! The application as the relying party of one provider or several.

use std::sync::Arc;

use super::RelyingParty;

/// The name that no provider can have: `/login/initiate` is where a provider starts a login (OpenID Connect Core 1.0 §4).
pub(crate) const RESERVED_NAME: &str = "initiate";

/// The relying parties of one application: the one that is used unless a request says otherwise, and any others.
///
/// There are few, so they are found by going through them: for the only one that is a single comparison.
#[derive(Clone, Debug)]
pub(crate) struct RelyingParties {
    first: Arc<RelyingParty>,
    others: Vec<Arc<RelyingParty>>,
}

impl RelyingParties {
    pub(crate) fn new(first: RelyingParty, others: impl IntoIterator<Item = RelyingParty>) -> Self {
        Self {
            first: Arc::new(first),
            others: others.into_iter().map(Arc::new).collect(),
        }
    }

    pub(crate) fn first(&self) -> &Arc<RelyingParty> {
        &self.first
    }

    /// The relying party, if there is only one.
    pub(crate) fn only(&self) -> Option<&Arc<RelyingParty>> {
        self.others.is_empty().then_some(&self.first)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<RelyingParty>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The one with this registration: for a session or a pending login, which say where they come from.
    pub(crate) fn registered(&self, id: &str) -> Option<&Arc<RelyingParty>> {
        self.iter().find(|party| party.registration().id == id)
    }

    /// The one with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<RelyingParty>> {
        self.iter().find(|party| party.registration().name == name)
    }

    /// The one at this issuer: for what a provider sends.
    pub(crate) fn at(&self, issuer: &str) -> Option<&Arc<RelyingParty>> {
        self.iter()
            .find(|party| party.registration().issuer.covers(issuer))
    }
}

#[cfg(test)]
mod tests {
    use super::super::RelyingPartyConfig;
    use super::*;
    use crate::authorization::LoginOptions;
    use crate::background::Background;
    use crate::client::Registration;
    use crate::io::scripted::{CountingRandom, ScriptedHttp, StoppedClock};
    use crate::provider::Issuer;

    fn party(id: &str, issuer: &str) -> RelyingParty {
        RelyingParty::new(RelyingPartyConfig {
            registration: Registration {
                id: id.to_owned(),
                issuer: Issuer::parse(issuer).unwrap(),
                ..Registration::example()
            },
            login_options: LoginOptions::new(),
            http: Arc::new(ScriptedHttp::default()),
            leeway: 0,
            background: Arc::new(Background::new(None)),
            clock: Arc::new(StoppedClock(1_000)),
            random: Arc::new(CountingRandom::default()),
        })
    }

    #[test]
    fn each_is_found_by_registration_and_by_issuer() {
        let alone = RelyingParties::new(party("one", "https://one.example"), []);
        assert!(alone.only().is_some());
        let others = [
            party("two", "https://two.example"),
            party("three", "https://three.example"),
        ];
        let several = RelyingParties::new(party("one", "https://one.example"), others);
        assert!(several.only().is_none());
        for id in ["one", "two", "three"] {
            let found = several.registered(id).unwrap();
            assert_eq!(found.issuer(), format!("https://{id}.example"));
            let found = several.at(&format!("https://{id}.example")).unwrap();
            assert_eq!(found.registration().id, id);
        }
        for unknown in ["", "four", "https://one.example"] {
            assert!(several.registered(unknown).is_none(), "{unknown}");
        }
        for unknown in ["", "one", "https://one.example/", "https://ONE.example"] {
            assert!(several.at(unknown).is_none(), "{unknown}");
        }
    }
}
