//! The resolver of tenants.

use super::{Hook, HookError};

impl<T: Send + 'static> Hook<String, Option<T>> {
    /// A resolver: from the name of a tenant to its provider, or to nothing if there is no such tenant.
    pub(crate) fn tenant<F>(resolver: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<T>, HookError>> + Send + 'static,
    {
        Self::new(resolver, |answer| answer)
    }
}
