//! What can be wrong with the name of a tenant.

use http::StatusCode;

use super::Fault;

/// Why there is no provider for a login.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// There is no tenant of this name.
    #[error("there is no tenant of this name")]
    Unknown,
    /// The tenant's provider could not be found out: the application's function failed, or strangers ask for too many names
    /// that do not exist ([`Tenants`](crate::Tenants)).
    #[error(
        "the tenant's provider is currently unknown: the application's function failed, or was asked for too many names that do not exist"
    )]
    Unavailable,
    /// The gate has no provider of its own, only those of tenants, and no tenant was named.
    #[error("this gate has no provider of its own, only those of tenants; name a tenant")]
    NoProvider,
}

impl TenantError {
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Unknown => Fault::Visitor,
            Self::Unavailable | Self::NoProvider => Fault::Application,
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoProvider => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Unknown => "tenant_unknown",
            Self::Unavailable => "tenant_unavailable",
            Self::NoProvider => "no_provider",
        }
    }
}

debug_with_causes!(TenantError);
