//! The application's hooks: what it adds to a login and to a refresh, and what it does when a session
//! ends. Each runs in its own task and for a limited time, so that a failure stays inside the hook.

mod guard;
mod login;
mod logout;
mod tenant;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tracing::Instrument;

pub use guard::GuardRejection;
pub(crate) use login::LoginHook;
pub use login::LoginRejection;
pub use logout::Logout;

use crate::session::{DataError, User, encode_data};
use crate::visitor::Visitor;

/// How long a hook may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Why a hook of the application failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The application does not admit this person.
    #[error("the application does not admit this person: {reason}")]
    Refused {
        /// The reason that the application gave.
        reason: String,
    },
    /// It returned an error.
    #[error("the application's hook failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took longer than ten seconds.
    #[error("the application's hook took longer than {} seconds", DEADLINE.as_secs())]
    TimedOut,
    /// It panicked.
    #[error("the application's hook panicked")]
    Panicked,
    /// Its value cannot be stored in the session. This becomes [`Error::Data`](crate::Error::Data).
    #[error("the value of the application's hook cannot be stored in the session")]
    Data(#[source] DataError),
}

/// The hooks that the application has set.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) login: Option<LoginHook>,
    pub(crate) refresh: Option<Hook<User, Option<String>>>,
    pub(crate) logout: Option<Hook<Logout, ()>>,
}

/// One hook, whatever types the application wrote it with: its value is already JSON.
pub(crate) struct Hook<A, T>(Arc<Call<A, T>>);

type Call<A, T> = dyn Fn(A) -> Answer<T> + Send + Sync;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, HookError>> + Send>>;

impl<A: Send + 'static, T: Send + 'static> Hook<A, T> {
    /// A hook, and how to read its result.
    fn new<R, F>(
        hook: impl Fn(A) -> F + Send + Sync + 'static,
        read: impl Fn(R) -> Result<T, HookError> + Copy + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
    {
        Self(Arc::new(move |about| {
            let answer = hook(about);
            Box::pin(async move { read(answer.await) })
        }))
    }

    /// Calls the hook and waits for its result, ten seconds at most. If the caller stops waiting, the
    /// hook is cancelled.
    pub(crate) async fn call(&self, about: A) -> Result<T, HookError> {
        let hook = Arc::clone(&self.0);
        let mut task = JoinSet::new();
        task.spawn(async move { hook(about).await }.in_current_span());
        match tokio::time::timeout(DEADLINE, task.join_next()).await {
            Ok(Some(Ok(answer))) => answer,
            Ok(_) => Err(HookError::Panicked),
            Err(_) => Err(HookError::TimedOut),
        }
    }
}

impl Hook<User, String> {
    /// A hook for logins.
    pub(crate) fn login<U, T, F>(hook: impl Fn(U) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        T: Serialize,
        F: Future<Output = Result<T, LoginRejection>> + Send + 'static,
    {
        let hook = move |user: User| hook(user.into());
        Self::new(hook, |answer: Result<T, LoginRejection>| {
            Ok(encode_data(&answer?)?)
        })
    }
}

impl Hook<(User, Visitor), String> {
    /// A hook for logins that takes what the application keeps for visitors.
    pub(crate) fn login_with_visitor<U, V, T, F>(
        hook: impl Fn(U, V) -> F + Send + Sync + 'static,
    ) -> Self
    where
        U: From<User>,
        V: From<Visitor>,
        T: Serialize,
        F: Future<Output = Result<T, LoginRejection>> + Send + 'static,
    {
        let hook = move |(user, visitor): (User, Visitor)| hook(user.into(), visitor.into());
        Self::new(hook, |answer: Result<T, LoginRejection>| {
            Ok(encode_data(&answer?)?)
        })
    }
}

impl Hook<User, Option<String>> {
    /// A hook for refreshes.
    pub(crate) fn refresh<U, T, E, F>(hook: impl Fn(U) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        T: Serialize,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        let hook = move |user: User| hook(user.into());
        Self::new(hook, |answer: Result<Option<T>, E>| {
            let value = answer.map_err(|error| HookError::Failed(error.into()))?;
            Ok(value.as_ref().map(encode_data).transpose()?)
        })
    }
}

impl Hook<User, ()> {
    /// A rule of a guard about a person.
    pub(crate) fn guard<U, F>(rule: impl Fn(U) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        F: Future<Output = Result<(), GuardRejection>> + Send + 'static,
    {
        let rule = move |user: User| rule(user.into());
        Self::new(rule, |answer: Result<(), GuardRejection>| Ok(answer?))
    }

    /// A rule of a guard about a person and the application's value in their session.
    pub(crate) fn guard_with_data<U, T, F>(rule: impl Fn(U, T) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        T: DeserializeOwned,
        F: Future<Output = Result<(), GuardRejection>> + Send + 'static,
    {
        Self(Arc::new(move |user: User| {
            let data = match user.data() {
                Ok(Some(data)) => Ok(data),
                Ok(None) => Err(DataError::Missing),
                Err(error) => Err(error),
            };
            let answer = data.map(|data| rule(user.into(), data));
            Box::pin(async move { Ok(answer?.await?) })
        }))
    }
}

impl Hook<Logout, ()> {
    /// A hook for the ends of sessions.
    pub(crate) fn logout<E, F>(hook: impl Fn(Logout) -> F + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        Self::new(hook, |answer: Result<(), E>| {
            answer.map_err(|error| HookError::Failed(error.into()))
        })
    }
}

impl<A, T> fmt::Debug for Hook<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl<A, T> Clone for Hook<A, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl From<DataError> for HookError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

debug_with_causes!(HookError);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user() -> User {
        User::example(&json!({ "sub": "1", "name": "Jane" }))
    }

    fn chain(error: &HookError) -> String {
        format!("{error:?}")
    }

    #[tokio::test]
    async fn a_login_hook_turns_a_person_into_a_value() {
        let hook = Hook::login(async |user: User| Ok((user.subject().to_owned(), 7)));
        assert_eq!(hook.call(user()).await.unwrap(), r#"["1",7]"#);
    }

    /// A framework's own `User`, as the adapters have one.
    struct Extracted(User);

    impl From<User> for Extracted {
        fn from(user: User) -> Self {
            Self(user)
        }
    }

    #[tokio::test]
    async fn a_hook_takes_what_is_made_from_a_user() {
        let closure = Hook::login(async |Extracted(user): Extracted| Ok(user.subject().to_owned()));
        assert_eq!(closure.call(user()).await.unwrap(), r#""1""#);
        async fn function(user: Extracted) -> Result<Option<String>, HookError> {
            Ok(user.0.name().map(str::to_owned))
        }
        let answer = Hook::refresh(function).call(user()).await.unwrap();
        assert_eq!(answer.as_deref(), Some(r#""Jane""#));
    }

    #[tokio::test]
    async fn a_login_hook_refuses_or_fails() {
        let refuses =
            Hook::login(async |_: User| Err::<(), _>(LoginRejection::forbidden("no customer")));
        let refused = refuses.call(user()).await.unwrap_err();
        assert!(matches!(&refused, HookError::Refused { reason } if reason == "no customer"));
        assert!(refused.to_string().ends_with("no customer"));

        let fails = Hook::login(async |_: User| Ok("no number".parse::<u32>()?));
        let failed = fails.call(user()).await.unwrap_err();
        assert!(chain(&failed).ends_with("invalid digit found in string"));
        assert!(matches!(failed, HookError::Failed(_)));
    }

    #[tokio::test]
    async fn what_is_too_large_is_no_answer() {
        let hook = Hook::login(async |_: User| Ok("x".repeat(70_000)));
        let error = hook.call(user()).await.unwrap_err();
        assert!(matches!(error, HookError::Data(_)), "{error:?}");
    }

    #[tokio::test]
    async fn a_refresh_hook_may_leave_things_as_they_are() {
        let changes = Hook::refresh(async |_: User| Ok::<_, HookError>(Some(1)));
        assert_eq!(changes.call(user()).await.unwrap().as_deref(), Some("1"));
        let leaves = Hook::refresh(async |_: User| Ok::<Option<u8>, HookError>(None));
        assert_eq!(leaves.call(user()).await.unwrap(), None);
        let fails = Hook::refresh(async |_: User| Err::<Option<u8>, _>("the database is down"));
        let chain = chain(&fails.call(user()).await.unwrap_err());
        assert!(chain.ends_with("the database is down"), "{chain}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_hangs_is_given_up_and_cancelled() {
        struct Cancelled(tokio::sync::mpsc::UnboundedSender<()>);
        impl Drop for Cancelled {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (cancelled, mut told) = tokio::sync::mpsc::unbounded_channel();
        let hook = Hook::login(move |_: User| {
            let cancelled = Cancelled(cancelled.clone());
            async move {
                std::future::pending::<()>().await;
                drop(cancelled);
                Ok(())
            }
        });
        let before = tokio::time::Instant::now();
        let error = hook.call(user()).await.unwrap_err();
        assert_eq!(before.elapsed().as_secs(), 10);
        assert!(matches!(error, HookError::TimedOut));
        assert_eq!(told.recv().await, Some(()));
    }

    #[tokio::test]
    async fn a_hook_that_panics_is_an_error_and_may_be_called_again() {
        let hook = Hook::login(async |_: User| -> Result<(), LoginRejection> { panic!("a bug") });
        let before_it_waits = Hook::login(
            |_: User| -> std::future::Ready<Result<(), LoginRejection>> { panic!("a bug") },
        );
        for hook in [&hook, &before_it_waits, &hook] {
            let error = hook.call(user()).await.unwrap_err();
            assert!(matches!(error, HookError::Panicked));
        }
    }
}
