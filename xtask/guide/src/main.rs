//! Builds the guide: `latchgate-guide BOOK OUTPUT` makes HTML of the book in a folder. Whatever mdBook warns of is an error.

mod item_links;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mdbook_driver::MDBook;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

fn main() -> ExitCode {
    let [book, output] = match <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
    {
        Ok(folders) => folders,
        Err(_) => return failure("usage: latchgate-guide BOOK OUTPUT"),
    };
    let warnings = Warnings::default();
    let log = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_filter(LevelFilter::WARN);
    let log = tracing_subscriber::registry()
        .with(log)
        .with(warnings.clone());
    if tracing::subscriber::set_global_default(log).is_err() {
        return failure("the log cannot be heard");
    }
    let built = MDBook::load(book).and_then(|mut book| {
        book.config.build.build_dir = output.into();
        book.with_preprocessor(item_links::ItemLinks);
        book.build()
    });
    match (built, warnings.0.load(Ordering::Relaxed)) {
        (Err(error), _) => failure(&format!("{error:#}")),
        (Ok(()), 0) => ExitCode::SUCCESS,
        (Ok(()), count) => failure(&format!("the guide has {count} warnings, see above")),
    }
}

fn failure(reason: &str) -> ExitCode {
    eprintln!("guide: {reason}");
    ExitCode::FAILURE
}

/// Counts warnings and errors.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() <= Level::WARN {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
