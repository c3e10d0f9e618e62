//! What happened in a run, line by line, for whoever has to understand a failure.

use std::sync::{Arc, Mutex};
use std::{fmt, io};

use tracing_subscriber::util::SubscriberInitExt;

use crate::time::Time;

/// The story of one run. Clones write the same one.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    time: Time,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Story {
    pub(crate) fn new(time: Time) -> Self {
        Self {
            time,
            lines: Arc::default(),
        }
    }

    /// Adds a line: who, and what.
    pub(crate) fn tell(&self, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        let now = self.time.now().as_millis();
        let (seconds, millis) = (now / 1_000, now % 1_000);
        let line = format!("{seconds:>6}.{millis:03}  {who:<9} {what}");
        self.lines.lock().unwrap().push(line);
    }

    /// Writes what is logged on this thread into the story, too, until the answer is dropped.
    pub(crate) fn listen(&self) -> impl Sized {
        let story = self.clone();
        let log = tracing_subscriber::fmt()
            .with_env_filter("latchgate=debug")
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || LogLine(story.clone()))
            .finish();
        log.set_default()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

/// What is logged, on its way into a story.
struct LogLine(Story);

impl io::Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.tell("log", format_args!("{}", text.trim()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Adds a line to a story.
macro_rules! tell {
    ($story:expr, $who:expr, $($what:tt)+) => {
        $story.tell($who, format_args!($($what)+))
    };
}
pub(crate) use tell;
