//! The line between the nodes and something they ask: calls are late, overtake each other and get lost, before what
//! was asked has acted or after; sometimes the line is down.

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use crate::dice::Dice;
use crate::story::{Story, tell};
use crate::time::{Time, wait};

/// Whether a node's process is alive. A node that is killed stops in the middle of everything: each call of its own
/// that is under way, or begins later in a task that nobody could stop, never comes back.
#[derive(Clone, Debug)]
pub(crate) struct Life(Arc<Lived>);

#[derive(Debug, Default)]
struct Lived {
    is_over: AtomicBool,
    // Wakes those who wait in the order in which they came, which a `watch` does not.
    end: Notify,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn end(&self) {
        self.0.is_over.store(true, Ordering::SeqCst);
        self.0.end.notify_waiters();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::SeqCst)
    }

    /// Whether these are the same process.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits for the end of the process.
    pub(crate) async fn over(&self) {
        let end = self.0.end.notified();
        if !self.is_over() {
            end.await;
        }
    }
}

/// What a line leads to, which decides how late is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// The store's client answers or fails within five seconds.
    Store,
    /// The provider may never answer: the gate has a deadline of its own.
    Provider,
}

/// No answer came.
#[derive(Debug)]
pub(crate) struct Lost;

#[derive(Debug)]
pub(crate) struct Line {
    to: To,
    time: Time,
    dice: Dice,
    story: Story,
    weather: Mutex<Weather>,
}

#[derive(Debug, Default)]
struct Weather {
    down_until: Duration,
    rough_until: Duration,
    slow_until: Duration,
    /// Nodes that the line does not reach, although others it does.
    cut_off: Vec<(Life, Duration)>,
}

/// What will happen to one call.
struct Fate {
    there: Duration,
    back: Duration,
    lost: Option<LostOn>,
    /// What a node that died had still in its buffers is sent nevertheless.
    sent_by_the_dead: bool,
    /// When the caller learns that there is no answer; `None` means never.
    complains: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LostOn {
    TheWayThere,
    TheWayBack,
}

impl Line {
    pub(crate) fn new(to: To, time: Time, dice: &Dice, story: &Story) -> Arc<Self> {
        Arc::new(Self {
            to,
            time,
            dice: dice.fork(),
            story: story.clone(),
            weather: Mutex::default(),
        })
    }

    /// Nothing comes through for so long.
    pub(crate) fn goes_down(&self, lasting: Duration) {
        tell!(self.story, self.to, "is down for {lasting:?}");
        self.weather.lock().unwrap().down_until = self.time.now() + lasting;
    }

    /// Nothing comes through from one process for so long, nor back.
    pub(crate) fn cuts_off(&self, life: &Life, lasting: Duration) {
        let until = self.time.now() + lasting;
        let mut weather = self.weather.lock().unwrap();
        weather.cut_off.push((life.clone(), until));
    }

    /// Every other call is lost for so long, on the way there or back.
    pub(crate) fn gets_rough(&self, lasting: Duration) {
        tell!(self.story, self.to, "loses calls for {lasting:?}");
        self.weather.lock().unwrap().rough_until = self.time.now() + lasting;
    }

    /// Calls take seconds for so long.
    pub(crate) fn gets_slow(&self, lasting: Duration) {
        tell!(self.story, self.to, "is slow for {lasting:?}");
        self.weather.lock().unwrap().slow_until = self.time.now() + lasting;
    }

    /// From now on everything is well.
    pub(crate) fn heals(&self) {
        let now = self.time.now();
        let mut weather = self.weather.lock().unwrap();
        let Weather {
            down_until,
            rough_until,
            slow_until,
            cut_off,
        } = &mut *weather;
        let cut_off = cut_off.iter_mut().map(|(_, until)| until);
        for until in [down_until, rough_until, slow_until]
            .into_iter()
            .chain(cut_off)
        {
            *until = (*until).min(now);
        }
    }

    /// When the last trouble of this line ends, or has ended; zero when there was none.
    pub(crate) fn trouble_until(&self) -> Duration {
        let weather = self.weather.lock().unwrap();
        let Weather {
            down_until,
            rough_until,
            slow_until,
            ref cut_off,
        } = *weather;
        let cut_off = cut_off.iter().map(|(_, until)| *until).max();
        let until = down_until.max(rough_until).max(slow_until);
        until.max(cut_off.unwrap_or_default())
    }

    /// Whether calls that were under way since then can have been in trouble.
    pub(crate) fn troubled_since(&self, since: Duration) -> bool {
        let until = self.trouble_until();
        !until.is_zero() && until + LATE >= since
    }

    /// Carries a call of a living node there, and the answer back. What is under way arrives, whether or not somebody
    /// still waits for the answer.
    pub(crate) async fn carry<T: Send + 'static>(
        self: &Arc<Self>,
        life: &Life,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        if life.is_over() {
            pending::<()>().await;
        }
        let fate = self.fate();
        let (send, answer) = oneshot::channel();
        let complains = fate.complains;
        let (line, sender) = (Arc::clone(self), life.clone());
        tokio::spawn(async move {
            wait(fate.there).await;
            let unsent = sender.is_over() && !fate.sent_by_the_dead;
            if unsent || line.is_down_for(&sender) || fate.lost == Some(LostOn::TheWayThere) {
                return;
            }
            let answer = act();
            wait(fate.back).await;
            if !line.is_down_for(&sender) && fate.lost != Some(LostOn::TheWayBack) {
                let _ = send.send(answer);
            }
        });
        let answer = answer.await;
        if answer.is_err() {
            match complains {
                Some(pause) => wait(pause).await,
                None => pending().await,
            }
        }
        if life.is_over() {
            pending::<()>().await;
        }
        answer.map_err(|_| Lost)
    }

    /// Carries an announcement to a living node.
    pub(crate) async fn announce(&self, life: &Life) -> Result<(), Lost> {
        let fate = self.fate();
        wait(fate.back).await;
        if life.is_over() {
            pending::<()>().await;
        }
        if self.is_down_for(life) || fate.lost.is_some() {
            return Err(Lost);
        }
        Ok(())
    }

    fn is_down_for(&self, sender: &Life) -> bool {
        let (weather, now) = (self.weather.lock().unwrap(), self.time.now());
        let mut cut_off = weather.cut_off.iter();
        weather.down_until > now || cut_off.any(|(life, until)| life.is(sender) && *until > now)
    }

    fn fate(&self) -> Fate {
        let dice = &self.dice;
        let now = self.time.now();
        let (slow, rough) = {
            let weather = self.weather.lock().unwrap();
            (weather.slow_until > now, weather.rough_until > now)
        };
        let way = || match (self.to, slow && dice.percent(60)) {
            (To::Store, false) => dice.millis(0..6),
            (To::Store, true) => dice.millis(0..2_000),
            (To::Provider, false) => dice.millis(2..40),
            (To::Provider, true) => dice.millis(0..7_000),
        };
        let lost = rough && dice.percent(50);
        let lost = lost.then(|| dice.pick(&[LostOn::TheWayThere, LostOn::TheWayBack]));
        Fate {
            there: way(),
            back: way(),
            lost,
            sent_by_the_dead: dice.percent(50),
            complains: match self.to {
                To::Store => Some(dice.millis(0..900)),
                To::Provider => dice.percent(50).then(|| dice.millis(0..3_000)),
            },
        }
    }
}

/// How long after the end of some trouble a call may still be in it.
const LATE: Duration = Duration::from_secs(14);

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Store => "store",
            Self::Provider => "provider",
        })
    }
}
