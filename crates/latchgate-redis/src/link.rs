//! The connection: made at the first call, shared by all calls, replaced when it is lost.

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

/// The time limit of a connection, with its handshakes and its login.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);

/// The time limit of an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// The time limit of a call, with its second try. The contract of stores says five seconds.
const CALL: Duration = Duration::from_millis(4_500);

/// A connection, made or being made, that all calls share.
type Connecting = Shared<BoxFuture<'static, Result<MultiplexedConnection, Reason>>>;

/// The connection to one Redis server.
#[derive(Debug)]
pub(crate) struct Link {
    address: Address,
    connecting: Mutex<Option<Connecting>>,
}

/// What is sent to Redis.
pub(crate) enum Question {
    /// One command.
    Command(Cmd),
    /// One script: also one command, once the server knows the script.
    Script(ScriptInvocation<'static>),
}

/// Which try it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    First,
    /// The connection was lost before the answer: nobody knows whether Redis ran the command.
    Again,
}

impl Link {
    /// Does not connect yet.
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            connecting: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends it, and sends it once more over a new connection when the first is lost.
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

    /// The error of a call to this server.
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

    /// The shared connection, or a new one.
    fn connecting(&self) -> Connecting {
        let mut place = self.place();
        match &*place {
            Some(connecting) => connecting.clone(),
            None => place.insert(connect(&self.address)).clone(),
        }
    }

    /// Lets the next call connect, unless another call has already.
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
