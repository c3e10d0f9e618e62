//! The nodes: each a gate of its own, with the same keys, and a process that can die.

use std::fmt;
use std::sync::Arc;

use latchgate::{Algorithm, Gate, GateBuilder, Random, RandomError, SessionKey};
use tokio::runtime::Handle;

use crate::application::{Written, router, sid_of};
use crate::dice::Dice;
use crate::line::Life;
use crate::provider::{CLIENT, ISSUER, SECRET, Spender};
use crate::provider_client::ProviderClient;
use crate::store::StoreClient;
use crate::time::NodeClock;
use crate::world::{Keeping, SITE, World};

/// A node, dead or alive.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) clock: NodeClock,
    pub(crate) process: Option<Process>,
    /// It takes no more requests.
    pub(crate) closed: bool,
}

/// One life of a node.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) life: Life,
    pub(crate) gate: Gate,
    pub(crate) router: axum::Router,
    /// Which session key it seals with.
    pub(crate) epoch: u64,
}

impl Process {
    /// Starts a node's process.
    pub(crate) fn start(world: &Arc<World>, node: usize, clock: &NodeClock, epoch: u64) -> Self {
        let life = Life::new();
        let gate = gate(world, node, clock, epoch, &life).build().unwrap();
        Self {
            life,
            router: router(gate.clone()),
            gate,
            epoch,
        }
    }
}

fn gate(
    world: &Arc<World>,
    node: usize,
    clock: &NodeClock,
    epoch: u64,
    life: &Life,
) -> GateBuilder {
    let provider = latchgate::Provider::new(ISSUER, CLIENT)
        .client_secret(SECRET)
        .id_token_alg(Algorithm::Hs256)
        .scopes(["openid", "offline_access"]);
    let client = ProviderClient {
        world: Arc::clone(world),
        node: Spender {
            node,
            life: life.clone(),
        },
    };
    let told = (Arc::clone(world), life.clone());
    let gate = Gate::builder(SITE, provider)
        .session_keys(keys(world, epoch))
        .session_lifetimes(world.lifetimes.idle, world.lifetimes.absolute)
        .http_client(client)
        .clock(clock.clone())
        .random(NodeRandom(world.dice.fork()))
        // Otherwise what it does in the background takes time on another thread.
        .background_runtime(Handle::current())
        .on_login(async |_: latchgate::User| Ok(Written::new()))
        .on_refresh(move |user: latchgate::User| {
            let (world, life) = told.clone();
            async move {
                if !life.is_over() {
                    world.provider.kept(&world, &sid_of(&user), &life);
                }
                Ok::<Option<Written>, fmt::Error>(None)
            }
        });
    let hears = world.dice.percent(70);
    let store = || StoreClient {
        shelf: Arc::clone(&world.shelf),
        line: Arc::clone(&world.store_line),
        life: life.clone(),
        hears,
    };
    match world.keeping {
        Keeping::Stored => gate.store(store()),
        Keeping::SealedAlone => gate,
        Keeping::SealedShared => gate.revocations_in(store()),
    }
}

/// The keys of an epoch: the first seals; the next epoch's opens already, and those of former ones open still.
fn keys(world: &World, epoch: u64) -> Vec<SessionKey> {
    let former = 0..epoch;
    let epochs = [epoch, epoch + 1].into_iter().chain(former.rev());
    epochs
        .map(|epoch| SessionKey::from_bytes(Dice::bytes(world.seed ^ (epoch + 1) << 40)))
        .collect()
}

#[derive(Debug)]
struct NodeRandom(Dice);

impl Random for NodeRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.0.number(0..u64::MAX).to_be_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
        Ok(())
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}
