//! The connection: made when it is needed, shared by all calls, made again once it is lost.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use latchgate::store::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, ScriptInvocation};
use tokio::time::{Instant, timeout, timeout_at};

use crate::address::Address;
use crate::error::{Reason, RedisError};

/// A connection, its handshakes and its login included, takes no longer.
const CONNECT: Duration = Duration::from_secs(2);

/// An answer takes no longer.
const ANSWER: Duration = Duration::from_secs(2);

/// A call takes no longer, its second try included. The contract of stores says five seconds.
const CALL: Duration = Duration::from_millis(4_500);

/// A connection under way or made: all who wait for it get the same.
type Connecting = Shared<BoxFuture<'static, Result<MultiplexedConnection, Reason>>>;

/// The way to one Redis.
#[derive(Debug)]
pub(crate) struct Link {
    address: Address,
    connecting: Mutex<Option<Connecting>>,
}

/// What is asked of Redis.
pub(crate) enum Question {
    /// One command.
    Command(Cmd),
    /// One script: one command too, once the server knows the script.
    Script(ScriptInvocation<'static>),
}

/// Whether a question is asked for the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    First,
    /// The connection was lost before an answer: Redis may have done what it was asked, or not.
    Again,
}

impl Link {
    /// Connects nothing yet.
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            connecting: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Asks, and asks once more over a new connection when the first is lost meanwhile.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        question: impl Fn(Turn) -> Question + Send,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + CALL;
        // The first try has the time limits of the connection: it needs no timer of its own.
        let outcome = match self.once(question(Turn::First)).await {
            Err(reason) if reason.is_of_the_connection() => {
                timeout_at(deadline, self.once(question(Turn::Again)))
                    .await
                    .unwrap_or(Err(Reason::TooSlow))
            }
            outcome => outcome,
        };
        outcome.map_err(|reason| self.error(reason))
    }

    /// The error of a call to this Redis.
    pub(crate) fn error(&self, reason: Reason) -> StoreError {
        StoreError::Unavailable(Box::new(RedisError::new(self.address.clone(), reason)))
    }

    async fn once<T: FromRedisValue>(&self, question: Question) -> Result<T, Reason> {
        let connecting = self.connecting();
        let outcome = match connecting.clone().await {
            Ok(connection) => question.put(connection).await,
            Err(reason) => {
                self.forget(&connecting);
                Err(reason)
            }
        };
        if outcome.as_ref().is_err_and(Reason::is_of_the_connection) {
            self.forget(&connecting);
        }
        outcome
    }

    /// The connection that everybody uses; a new one where there is none.
    fn connecting(&self) -> Connecting {
        let mut place = self.place();
        match &*place {
            Some(connecting) => connecting.clone(),
            None => place.insert(connect(&self.address)).clone(),
        }
    }

    /// Lets the next call connect, unless somebody else has done so since.
    fn forget(&self, lost: &Connecting) {
        self.place().take_if(|connecting| connecting.ptr_eq(lost));
    }

    fn place(&self) -> MutexGuard<'_, Option<Connecting>> {
        self.connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(address: &Address) -> Connecting {
    let client = address.client();
    let connecting = async move {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let made = client.get_multiplexed_async_connection_with_config(&config);
        match timeout(CONNECT, made).await {
            Ok(made) => Ok(made?),
            Err(_) => Err(Reason::TooSlow),
        }
    };
    connecting.boxed().shared()
}

impl Question {
    async fn put<T: FromRedisValue>(
        &self,
        mut connection: MultiplexedConnection,
    ) -> Result<T, Reason> {
        Ok(match self {
            Self::Command(command) => command.query_async(&mut connection).await?,
            // Three commands when the server does not know the script.
            Self::Script(script) => timeout(ANSWER, script.invoke_async(&mut connection))
                .await
                .map_err(|_| Reason::TooSlow)??,
        })
    }
}
