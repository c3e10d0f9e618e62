//! What happens in a run, and when. Chance is biased towards the dangerous moments: tokens that are just due, with
//! deaths, outages and logouts in the middle of the refresh.

use std::sync::Arc;
use std::time::Duration;

use crate::browser::{Ask, Wish, ask};
use crate::deeds::{self, any_node};
use crate::invariants::Invariant;
use crate::moments;
use crate::provider::LogoutOf;
use crate::story::tell;
use crate::time::wait;
use crate::world::{Keeping, World};

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Tokens are due, and everybody wants them.
    Storm,
    /// Tokens are due, and the node that refreshes them is cut off from the store for more than a minute.
    Partition,
    /// People use the application.
    Use,
    SignIn,
    End(End),
    /// Nothing happens for a while.
    Rest,
    Death,
    Restart,
    Keys,
    Theft,
    Clock,
    /// Everything is well for a while, and everybody looks whether it is.
    Calm,
}

/// From which side a session ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    User,
    BackChannel,
    BackChannelForAll,
    FrontChannel,
    Everywhere,
    Elsewhere,
}

/// What makes a storm worse.
#[derive(Clone, Copy, Debug)]
enum Weather {
    Fair,
    ProviderSlow,
    ProviderRough,
    ProviderDown,
    StoreDown,
    StoreRough,
    StoreSlow,
    Outside,
}

/// Does something a little later, whatever else happens.
pub(crate) fn later<F>(
    world: &Arc<World>,
    pause: Duration,
    what: impl FnOnce(Arc<World>) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let there = Arc::clone(world);
    world.crowd.add(async move {
        wait(pause).await;
        what(there).await;
    });
}

/// Waits until nothing is under way any more.
async fn everything_ends(world: &World) {
    let everything = async {
        while world.crowd.present() > 0 {
            wait(Duration::from_millis(50)).await;
        }
    };
    let ends = tokio::time::timeout(Duration::from_secs(300), everything);
    if ends.await.is_err() {
        world.broken(Invariant::InTime, "something never ends".to_owned());
    }
}

/// Lets a world live, until something breaks or everything that was to happen has.
pub(crate) async fn run(world: &Arc<World>) {
    world.crowd.with(plan(world)).await;
    if let Some(said) = world.crowd.panicked() {
        world.broken(Invariant::NoPanic, said);
    }
}

async fn plan(world: &Arc<World>) {
    for browser in 0..world.browsers() {
        deeds::sign_in(world, browser).await;
    }
    let may_jump = world.dice.percent(8);
    for _ in 0..world.dice.number(10..26) {
        step(world, may_jump).await;
        settle(world);
        if world.what_broke().is_some() {
            break;
        }
    }
    if world.what_broke().is_none() {
        calm(world).await;
        try_all_stolen(world).await;
    }
}

fn settle(world: &World) {
    let trouble_until = world.store_line.trouble_until();
    world.ledger().settle(world.time.now(), trouble_until);
}

async fn step(world: &Arc<World>, may_jump: bool) {
    let dice = &world.dice;
    let step = dice.weighted(&[
        (36, Step::Storm),
        (4, Step::Partition),
        (14, Step::Use),
        (8, Step::SignIn),
        (4, Step::End(End::User)),
        (4, Step::End(End::BackChannel)),
        (3, Step::End(End::BackChannelForAll)),
        (2, Step::End(End::FrontChannel)),
        (2, Step::End(End::Everywhere)),
        (2, Step::End(End::Elsewhere)),
        (6, Step::Rest),
        (3, Step::Death),
        (2, Step::Restart),
        (3, Step::Keys),
        (6, Step::Theft),
        (if may_jump { 6 } else { 0 }, Step::Clock),
        (8, Step::Calm),
    ]);
    tell!(world.story, "--", "{step:?}");
    let browser = dice.index(world.browsers());
    match step {
        Step::Storm => storm(world, browser).await,
        Step::Partition => moments::partition(world, browser).await,
        Step::Use => {
            for _ in 0..dice.number(1..5) {
                let browser = dice.index(world.browsers());
                visits(world, browser, 400);
            }
        }
        Step::SignIn => deeds::sign_in(world, browser).await,
        Step::End(end) => ends(world, browser, end, Duration::ZERO),
        Step::Rest => wait(dice.millis(1_000..200_000)).await,
        Step::Death => dies(world, Duration::ZERO),
        Step::Restart => {
            let node = any_node(world);
            later(world, Duration::ZERO, move |there| async move {
                deeds::restart(&there, node).await
            });
        }
        Step::Keys => {
            if world.turns_keys() {
                moments::ends_while_keys_turn(world);
                for node in 0..world.node_count() {
                    let pause = dice.millis(0..40_000);
                    later(world, pause, move |there| async move {
                        deeds::restart(&there, node).await
                    });
                }
            }
        }
        Step::Theft => steals(world, browser),
        Step::Clock => jumps(world),
        Step::Calm => calm(world).await,
    }
    if dice.percent(60) {
        wait(dice.millis(0..12_000)).await;
    }
}

/// Tokens are due, many requests want them, and something happens meanwhile.
async fn storm(world: &Arc<World>, browser: usize) {
    let dice = &world.dice;
    let session = world.browser(browser).session.clone();
    let Some(sid) = session else {
        return deeds::sign_in(world, browser).await;
    };
    if let Some(until) = world.provider.tokens_until(&sid) {
        let margin = world.provider.lifetime / 10;
        let due = (until + 4).saturating_sub(dice.number(0..margin + 6));
        let left = due.saturating_sub(world.time.seconds());
        if dice.percent(85) {
            wait(Duration::from_secs(left)).await;
        }
    }
    for _ in 0..dice.pick(&[1, 1, 2]) {
        let weather = dice.weighted(&[
            (30, Weather::Fair),
            (14, Weather::ProviderSlow),
            (10, Weather::ProviderRough),
            (4, Weather::ProviderDown),
            (12, Weather::StoreDown),
            (8, Weather::StoreRough),
            (6, Weather::StoreSlow),
            (6, Weather::Outside),
        ]);
        let pause = dice.pick(&[0, 0, 40, 300, 2_000]);
        let pause = dice.millis(0..pause + 1);
        let lasting = dice.millis(200..30_000);
        later(world, pause, move |there| async move {
            gets(&there, weather, lasting)
        });
    }
    for _ in 0..dice.number(2..7) {
        visits(world, browser, 250);
    }
    for _ in 0..dice.pick(&[0, 0, 1, 1, 2]) {
        let pause = dice.pick(&[60, 300, 4_000, 9_000]);
        let pause = dice.millis(0..pause);
        match dice.weighted(&[(5, 0), (4, 1), (1, 2), (1, 3)]) {
            0 => dies(world, pause),
            1 => {
                let end = dice.pick(&[
                    End::User,
                    End::User,
                    End::BackChannel,
                    End::BackChannelForAll,
                    End::FrontChannel,
                    End::Everywhere,
                    End::Elsewhere,
                ]);
                ends(world, browser, end, pause);
            }
            2 => steals(world, browser),
            _ => {
                later(world, pause, move |there| async move {
                    deeds::sign_in(&there, browser).await
                });
            }
        }
    }
    wait(dice.millis(0..15_000)).await;
}

fn gets(world: &World, weather: Weather, lasting: Duration) {
    let (provider, store) = (&world.provider_line, &world.store_line);
    match weather {
        Weather::Fair => {}
        Weather::ProviderSlow => provider.gets_slow(lasting),
        Weather::ProviderRough => provider.gets_rough(lasting),
        Weather::ProviderDown => provider.goes_down(lasting),
        Weather::StoreDown => store.goes_down(lasting),
        Weather::StoreRough => store.gets_rough(lasting),
        Weather::StoreSlow => store.gets_slow(lasting),
        Weather::Outside => world.roughens_outside(true),
    }
}

/// A request of a browser's, within so many milliseconds; now and then much later.
fn visits(world: &Arc<World>, browser: usize, within: u64) {
    let dice = &world.dice;
    let within = if dice.percent(20) { 4_000 } else { within };
    let what = dice.weighted(&[
        (10, Ask::Token),
        (3, Ask::Write(dice.number(1..1_000_000_000))),
        (3, Ask::Me),
        (1, Ask::Force),
    ]);
    let thinks = if dice.percent(25) {
        dice.number(1..3_000)
    } else {
        0
    };
    let pause = dice.millis(0..within);
    later(world, pause, move |there| async move {
        deeds::visit(&there, browser, what, thinks).await
    });
}

pub(crate) fn ends(world: &Arc<World>, browser: usize, end: End, pause: Duration) {
    later(world, pause, move |there| async move {
        let world = &there;
        let (person, sid) = {
            let browser = world.browser(browser);
            (browser.person.clone(), browser.holds.clone())
        };
        let Some(sid) = sid else {
            return;
        };
        match end {
            End::User => deeds::sign_out(world, browser).await,
            End::BackChannel => deeds::back_channel(world, LogoutOf::Session(sid.clone())).await,
            End::BackChannelForAll => deeds::back_channel(world, LogoutOf::Person(person)).await,
            End::FrontChannel => deeds::front_channel(world, &sid).await,
            End::Everywhere => deeds::end_sessions(world, browser, Ask::Everywhere).await,
            End::Elsewhere => deeds::end_sessions(world, browser, Ask::Elsewhere).await,
        }
        for _ in 0..world.dice.number(0..3) {
            wait(world.dice.millis(0..3_000)).await;
            deeds::try_stolen(world, &sid, Ask::Me).await;
        }
    });
}

fn dies(world: &Arc<World>, pause: Duration) {
    let node = any_node(world);
    let dead_for = world.dice.pick(&[1, 3_000, 15_000]);
    let dead_for = world.dice.millis(0..dead_for);
    later(world, pause, move |there| async move {
        there.kill(node);
        wait(dead_for).await;
        there.revive(node);
    });
}

fn steals(world: &Arc<World>, browser: usize) {
    let holds = world.browser(browser).holds.clone();
    let Some(sid) = holds else {
        return;
    };
    // Old cookies of sealed sessions know old refresh tokens, and only one node knows better.
    let what = match world.keeping {
        Keeping::Stored => world.dice.pick(&[Ask::Me, Ask::Token]),
        Keeping::SealedAlone | Keeping::SealedShared => Ask::Me,
    };
    let pause = world.dice.millis(0..2_000);
    later(world, pause, move |there| async move {
        deeds::try_stolen(&there, &sid, what).await
    });
}

/// A node's clock jumps by minutes or hours, or comes back.
fn jumps(world: &Arc<World>) {
    let dice = &world.dice;
    let node = any_node(world);
    let ahead = match dice.number(0..3) {
        0 => world.small_skew(),
        1 => dice.number(60..7_200) as i64,
        _ => -(dice.number(60..7_200) as i64),
    };
    world.jumps();
    tell!(
        world.story,
        format!("node {node}"),
        "its clock jumps to {ahead} s ahead"
    );
    world.nodes()[node].clock.set(ahead);
}

/// Everything is mended, and everybody who believes to be signed in looks whether they are.
async fn calm(world: &Arc<World>) {
    world.provider_line.heals();
    world.store_line.heals();
    world.roughens_outside(false);
    everything_ends(world).await;
    for node in 0..world.node_count() {
        world.revive(node);
    }
    wait(Duration::from_secs(30)).await;
    settle(world);
    for browser in 0..world.browsers() {
        for what in [Ask::Me, Ask::Token] {
            deeds::visit(world, browser, what, 0).await;
        }
    }
}

/// Whoever has copied cookies of any session tries each of them, on every node.
async fn try_all_stolen(world: &Arc<World>) {
    let sids: Vec<String> = world.ledger().sids().map(str::to_owned).collect();
    for sid in sids {
        let owner = world.ledger().of(&sid).map(|facts| facts.browser);
        let Some(owner) = owner else {
            continue;
        };
        for copy in world.stolen(&sid) {
            for node in 0..world.node_count() {
                let wish = Wish {
                    query: "thinks=0&number=0".to_owned(),
                    stolen: Some(copy.clone()),
                    ..Wish::default()
                };
                ask(world, owner, node, Ask::Me, wish).await;
            }
        }
    }
}
