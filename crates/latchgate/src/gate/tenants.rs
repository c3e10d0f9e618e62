//! Tenants: which one a page belongs to, what to register at its provider, and forgetting it.

use std::fmt;
use std::sync::Arc;

use super::Gate;
use crate::error::Error;
use crate::head::RequestHead;
use crate::logout::LogoutTarget;
use crate::relying_party::Asker;

/// Says which tenant the page of a request belongs to, if it is one's.
pub(crate) type TenantOfPage = Arc<dyn Fn(&TenantPage<'_>) -> Option<String> + Send + Sync>;

/// A request, as [`Tenants::of_pages`](crate::Tenants::of_pages) sees it.
pub struct TenantPage<'a>(&'a dyn RequestHead);

impl TenantPage<'_> {
    /// The path as it arrives, percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The first value of a header, by its name in lower case, if it is text. A client can send any header, unless a proxy
    /// removes it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.first(name)
    }
}

impl fmt::Debug for TenantPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPage")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// What to register at the provider of a tenant, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantUris {
    /// The redirect URI.
    pub redirect_uri: String,
    /// The back-channel logout URI.
    pub back_channel_logout_uri: String,
    /// The front-channel logout URI, with `frontchannel_logout_session_required`.
    pub front_channel_logout_uri: String,
    /// The post-logout redirect URI, which all tenants share.
    pub post_logout_redirect_uri: String,
}

impl Gate {
    /// Forgets the application's answer about a tenant ([`Tenants`](crate::Tenants)), because its settings have changed
    /// or it is gone. The application is asked again when the tenant is next needed.
    ///
    /// Sessions of the tenant continue if it still has the same issuer and client id; otherwise they are no longer valid. Other
    /// processes are not told: they ask again when their answer is too old
    /// ([`Tenants::max_age`](crate::Tenants::max_age)).
    pub fn forget_tenant(&self, name: &str) {
        if let Some(tenants) = self.relying_parties().tenants() {
            tenants.forget(name);
        }
    }

    /// What to register at the provider of a tenant: each has its own, so that no provider can pass off its answer as
    /// another's ([RFC 9700 §4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)).
    #[must_use]
    pub fn tenant_uris(&self, name: &str) -> TenantUris {
        TenantUris {
            redirect_uri: format!("{}/{name}", self.0.redirect_uri),
            back_channel_logout_uri: format!("{}/{name}", self.back_channel_logout_uri()),
            front_channel_logout_uri: format!("{}/{name}", self.front_channel_logout_uri()),
            post_logout_redirect_uri: self.post_logout_redirect_uri(),
        }
    }

    /// Ends every session that a person of a tenant has begun so far, as [`Gate::end_sessions_of`] does for other people:
    /// those at the tenant's current provider, because others are no longer valid. The person is identified by
    /// [`User::subject`](crate::User::subject).
    ///
    /// # Errors
    ///
    /// [`TenantError::Unknown`](crate::TenantError::Unknown) when there is no such tenant; [`TenantError::Unavailable`](crate::TenantError::Unavailable) when the application cannot say;
    /// [`Error::Store`] when a store fails: some sessions may not have ended. Call it again.
    pub async fn end_sessions_of_tenant(&self, tenant: &str, subject: &str) -> Result<(), Error> {
        let party = self.relying_parties().find_tenant(tenant, Asker::Session);
        let party = party.await?;
        let subject = subject.to_owned();
        self.run_to_end(|gate| async move {
            let target = LogoutTarget::Person(subject);
            let registration = party.registration();
            let authority = registration.authority(party.issuer());
            gate.sessions().end_named(authority, &target).await?;
            gate.notify_all_ended(party.issuer(), registration.tenant(), &target);
            Ok(())
        })
        .await
    }

    /// The tenant whose page a request is for. Where nothing says so, this is all that it costs.
    pub(super) fn tenant_of_page(&self, head: &dyn RequestHead) -> Option<Box<str>> {
        let rule = self.0.tenant_of_page.as_ref()?;
        rule(&TenantPage(head)).map(String::into_boxed_str)
    }
}
