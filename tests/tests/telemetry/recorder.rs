//! A recorder of everything that this process counts and measures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// What is known of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) kind: &'static str,
    pub(crate) unit: Option<Unit>,
    pub(crate) help: String,
}

/// The labels of a series, with its metric's name.
pub(crate) type Series = (String, BTreeMap<String, String>);

/// Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    described: BTreeMap<String, Known>,
    used: BTreeMap<String, &'static str>,
    /// How often each series was counted or measured, and the sum.
    series: BTreeMap<Series, (u64, f64)>,
}

/// One series.
struct OneSeries {
    recording: Recording,
    series: Series,
}

impl Recording {
    /// What was described.
    pub(crate) fn described(&self) -> BTreeMap<String, Known> {
        self.recorded().described.clone()
    }

    /// What was used, by its kind.
    pub(crate) fn used(&self) -> BTreeMap<String, &'static str> {
        self.recorded().used.clone()
    }

    /// How often a series was counted or measured so far, of all that have these labels.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.of(name, labels).map(|(count, _)| count).sum()
    }

    /// What was measured, in all.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.of(name, &[]).map(|(_, sum)| sum).sum()
    }

    /// Every series.
    pub(crate) fn series(&self) -> Vec<Series> {
        self.recorded().series.keys().cloned().collect()
    }

    fn of(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = (u64, f64)> {
        let recorded = self.recorded();
        let found = recorded.series.iter().filter(|((found, has), _)| {
            let fits =
                |(label, value): &(&str, &str)| has.get(*label).is_some_and(|is| is == value);
            found == name && labels.iter().all(fits)
        });
        let found: Vec<_> = found.map(|(_, values)| *values).collect();
        found.into_iter()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe(&self, name: KeyName, kind: &'static str, unit: Option<Unit>, help: SharedString) {
        let known = Known {
            kind,
            unit,
            help: help.into_owned(),
        };
        let name = name.as_str().to_owned();
        self.recorded().described.insert(name, known);
    }

    fn one(&self, key: &Key, kind: &'static str) -> Arc<OneSeries> {
        let labels = key.labels().map(|label| {
            let (name, value) = (label.key(), label.value());
            (name.to_owned(), value.to_owned())
        });
        let series = (key.name().to_owned(), labels.collect());
        self.recorded().used.insert(key.name().to_owned(), kind);
        Arc::new(OneSeries {
            recording: self.clone(),
            series,
        })
    }
}

impl OneSeries {
    fn add(&self, count: u64, value: f64) {
        let mut recorded = self.recording.recorded();
        let values = recorded.series.entry(self.series.clone()).or_default();
        values.0 += count;
        values.1 += value;
    }
}

impl CounterFn for OneSeries {
    fn increment(&self, value: u64) {
        self.add(value, 0.0);
    }

    fn absolute(&self, _: u64) {
        unreachable!("nothing is counted elsewhere");
    }
}

impl HistogramFn for OneSeries {
    fn record(&self, value: f64) {
        self.add(1, value);
    }
}

impl Recorder for Recording {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(name, "counter", unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(name, "gauge", unit, help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(name, "histogram", unit, help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key, "counter"))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.one(key, "gauge");
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key, "histogram"))
    }
}
