//! The store that the nodes share: one of those that several processes can.

use crate::case::Failure;
use crate::need::Need;
use crate::postgres::server::Postgres;
use crate::redis::server::Redis;

/// Which store.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Redis,
    Postgres,
}

impl Kind {
    pub(super) fn need(self) -> Need {
        match self {
            Self::Redis => Need::Redis,
            Self::Postgres => Need::Postgresql,
        }
    }

    pub(super) fn needs(self) -> &'static [Need] {
        match self {
            Self::Redis => &[Need::Redis, Need::Examples],
            Self::Postgres => &[Need::Postgresql, Need::Examples],
        }
    }
}

/// The store that the nodes share.
pub(super) enum Store {
    Redis(Redis),
    Postgres(Postgres),
}

impl Store {
    pub(super) async fn start(kind: Kind) -> Result<Self, Failure> {
        Ok(match kind {
            Kind::Redis => Self::Redis(Redis::start(&[]).await?),
            Kind::Postgres => Self::Postgres(Postgres::start().await?),
        })
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::Redis(redis) => redis.url(),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    pub(super) fn stop(&mut self) -> Result<(), Failure> {
        match self {
            Self::Redis(redis) => {
                redis.stop();
                Ok(())
            }
            Self::Postgres(postgres) => postgres.stop(),
        }
    }

    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        match self {
            Self::Redis(redis) => redis.run().await,
            Self::Postgres(postgres) => postgres.run().await,
        }
    }
}
