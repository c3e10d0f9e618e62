//! The application as the relying party of one provider or several, and of those of its tenants.

use std::sync::Arc;

use super::RelyingParty;
use super::tenants::{Asker, TenantParties};
use crate::client::tenant_of;
use crate::error::{Error, TenantError};
use crate::provider::{ClaimPaths, ProviderPreset};

/// The name that no provider can have: `/login/initiate` is where a provider starts a login (OpenID Connect Core 1.0 §4).
pub(crate) const RESERVED_NAME: &str = "initiate";

/// The relying parties of one application: the one that is used unless a request says otherwise, any others, and those
/// of tenants, which the application finds when they are needed.
///
/// There are few of the former, so they are found one by one: if there is only one, that is a single comparison.
#[derive(Clone, Debug)]
pub(crate) struct RelyingParties {
    own: Vec<Arc<RelyingParty>>,
    tenants: Option<Arc<TenantParties>>,
    /// The claims with roles and permissions of people who come from none of them.
    claim_paths: Arc<ClaimPaths>,
    /// How far clocks of providers may be off, in seconds.
    leeway: u64,
}

impl RelyingParties {
    pub(crate) fn new(own: impl IntoIterator<Item = RelyingParty>, leeway: u64) -> Self {
        let own: Vec<_> = own.into_iter().map(Arc::new).collect();
        let claim_paths = match own.first() {
            Some(first) => Arc::clone(first.claim_paths()),
            None => Arc::new(ClaimPaths::of_preset(ProviderPreset::Plain, "")),
        };
        Self {
            own,
            tenants: None,
            claim_paths,
            leeway,
        }
    }

    /// The same, and those of tenants.
    pub(crate) fn and_of(mut self, tenants: Option<Arc<TenantParties>>) -> Self {
        self.tenants = tenants;
        self
    }

    /// The relying party that is used unless a request says otherwise, if the gate has one of its own.
    pub(crate) fn main(&self) -> Option<&Arc<RelyingParty>> {
        self.own.first()
    }

    /// The relying party, if there is only one.
    pub(crate) fn only(&self) -> Option<&Arc<RelyingParty>> {
        match (&self.own[..], &self.tenants) {
            ([only], None) => Some(only),
            _ => None,
        }
    }

    /// Those that are not of tenants.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<RelyingParty>> {
        self.own.iter()
    }

    pub(crate) fn tenants(&self) -> Option<&Arc<TenantParties>> {
        self.tenants.as_ref()
    }

    /// Whether a name can be that of a tenant.
    pub(crate) fn is_tenant(&self, name: &str) -> bool {
        self.tenants.is_some() && self.named(name).is_none()
    }

    /// How far clocks of providers may be off, in seconds.
    pub(crate) fn leeway(&self) -> u64 {
        self.leeway
    }

    pub(crate) fn default_claim_paths(&self) -> &Arc<ClaimPaths> {
        &self.claim_paths
    }

    /// The one with this registration: for a session or a pending login, which say where they come from. Those of tenants
    /// are not found in this way.
    pub(crate) fn registered(&self, id: &str) -> Option<&Arc<RelyingParty>> {
        self.iter().find(|party| party.registration().id == id)
    }

    /// The one with this name, unless it is a tenant's.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<RelyingParty>> {
        self.iter().find(|party| party.registration().name == name)
    }

    /// The one at this issuer, unless it is a tenant's: for what a provider sends.
    pub(crate) fn at(&self, issuer: &str) -> Option<&Arc<RelyingParty>> {
        self.iter()
            .find(|party| party.registration().issuer.covers(issuer))
    }

    /// The one with this registration. For a tenant's, the application may have to be asked; it has known the name before,
    /// since it was sealed.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unavailable`] when it cannot say.
    pub(crate) async fn find_registered(
        &self,
        id: &str,
    ) -> Result<Option<Arc<RelyingParty>>, Error> {
        if let Some(party) = self.registered(id) {
            return Ok(Some(Arc::clone(party)));
        }
        let (Some(tenants), Some(tenant)) = (&self.tenants, tenant_of(id)) else {
            return Ok(None);
        };
        let found = tenants.find(tenant, Asker::Session).await?;
        Ok(found.filter(|party| party.registration().id == id))
    }

    /// The one with this registration; of a tenant only if it was found before, however long ago.
    pub(crate) fn last_registered(&self, id: &str) -> Option<Arc<RelyingParty>> {
        if let Some(party) = self.registered(id) {
            return Some(Arc::clone(party));
        }
        let found = self.tenants.as_ref()?.last(tenant_of(id)?)?;
        (found.registration().id == id).then_some(found)
    }

    /// The one of the tenant with this name.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unknown`] when there is no such tenant; [`TenantError::Unavailable`] when the application cannot say.
    pub(crate) async fn find_tenant(
        &self,
        name: &str,
        asker: Asker,
    ) -> Result<Arc<RelyingParty>, Error> {
        let found = match &self.tenants {
            Some(tenants) => tenants.find(name, asker).await?,
            None => None,
        };
        Ok(found.ok_or(TenantError::Unknown)?)
    }

    /// The name by which a login at the provider of this registration begins.
    pub(crate) fn name_of<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        match self.registered(id) {
            Some(party) => Some(&party.registration().name),
            None => self.tenants.as_ref().and(tenant_of(id)),
        }
    }
}

#[cfg(test)]
impl RelyingParties {
    /// The one that every test has.
    pub(crate) fn first(&self) -> &Arc<RelyingParty> {
        self.main().unwrap()
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
        let alone = RelyingParties::new([party("one", "https://one.example")], 0);
        assert!(alone.only().is_some());
        let several = RelyingParties::new(
            [
                party("one", "https://one.example"),
                party("two", "https://two.example"),
                party("three", "https://three.example"),
            ],
            0,
        );
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
