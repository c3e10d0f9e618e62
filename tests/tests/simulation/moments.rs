//! Moments that chance alone would seldom find.

use std::sync::Arc;
use std::time::Duration;

use crate::browser::Ask;
use crate::deeds::{self, any_node};
use crate::plan::{End, ends, later};
use crate::story::tell;
use crate::time::wait;
use crate::world::{Keeping, World};

/// The node that refreshes a session is cut off from the store, in the middle of it or a little later. Meanwhile the
/// application on another node goes on.
pub(crate) async fn partition(world: &Arc<World>, browser: usize) {
    let dice = &world.dice;
    let session = world.browser(browser).session.clone();
    let (Some(sid), true) = (session, world.keeping == Keeping::Stored) else {
        return;
    };
    if let Some(until) = world.provider.tokens_until(&sid) {
        let left = (until - 1).saturating_sub(world.time.seconds());
        wait(Duration::from_secs(left)).await;
    }
    let (here, there) = (any_node(world), any_node(world));
    // Long enough for the lease to run out, or for the node to go on without the store.
    let is_short = dice.percent(60);
    let lasting = if is_short {
        dice.millis(6_000..9_000)
    } else {
        dice.millis(50_000..90_000)
    };
    later(world, dice.millis(0..80), move |world| async move {
        if let Some(process) = world.process(here) {
            tell!(
                world.story,
                format!("node {here}"),
                "is cut off from the store for {lasting:?}"
            );
            world.store_line.cuts_off(&process.life, lasting);
        }
    });
    let ask = |node, what, pause| {
        later(world, pause, move |world| async move {
            deeds::visit_at(&world, browser, node, what, 0).await;
        });
    };
    ask(here, Ask::Token, Duration::ZERO);
    if is_short {
        // Whose turn it is then waits for the provider, while the first node gets through to the store.
        ask(there, Ask::Token, dice.millis(1_000..7_000));
        later(world, dice.millis(4_000..6_500), |world| async move {
            world.provider_line.gets_slow(Duration::from_secs(5));
        });
    }
    for _ in 0..dice.number(1..4) {
        let what = dice.pick(&[
            Ask::Write(dice.number(1..1_000_000_000)),
            Ask::Token,
            Ask::Me,
        ]);
        ask(there, what, dice.millis(0..90_000));
    }
    wait(lasting).await;
    for node in [here, there] {
        ask(node, Ask::Token, dice.millis(0..4_000));
    }
}

/// While some nodes have the new keys and others do not, and a little after, sessions end in the moment in which they are
/// used and so get names by other keys.
pub(crate) fn ends_while_keys_turn(world: &Arc<World>) {
    for browser in 0..world.browsers() {
        let dice = &world.dice;
        let pause = dice.millis(70_000..125_000);
        let end = dice.pick(&[End::BackChannel, End::BackChannelForAll, End::FrontChannel]);
        ends(world, browser, end, pause);
        for _ in 0..dice.number(1..4) {
            let pause = pause + dice.millis(0..30);
            later(world, pause, move |world| async move {
                deeds::visit(&world, browser, Ask::Me, 0).await;
            });
        }
    }
}
