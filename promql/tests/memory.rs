//! A long range query holds its result and one series a thread, not what it reads: 30 days of 1,000 series at 15 s are
//! 172.8 million samples, 2.8 GB as columns.

use std::sync::Arc;

use bedrock::Result;
use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSet, SeriesSource};
use bedrock::time::TimeRange;
use peak_alloc::PeakAlloc;
use promql::engine::Value;
use promql::{Engine, EngineOptions};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SERIES: usize = 1_000;
const EVERY_MS: i64 = 15_000;
const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 30;

/// Counters that are made when they are read.
struct Endless {
    labels: Vec<Labels>,
}

impl SeriesSource for Endless {
    fn select(&self, _: &Select<'_>) -> Result<Box<dyn SeriesSet + '_>> {
        Ok(Box::new(All(&self.labels)))
    }

    fn label_names(&self, _: &Select<'_>, _: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &Select<'_>, _: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

struct All<'s>(&'s [Labels]);

impl SeriesSet for All<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        &self.0[index]
    }

    fn read(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> Result<()> {
        let first = (range.start.max(0) + EVERY_MS - 1) / EVERY_MS;
        let last = range.end.min(DAYS * DAY_MS) / EVERY_MS;
        let floats = &mut columns.floats;
        floats.timestamps_ms = Arc::new((first..=last).map(|number| number * EVERY_MS).collect());
        floats.values.clear();
        floats.values.extend((first..=last).map(|number| number as f64 * (1 + index % 3) as f64));
        Ok(())
    }
}

#[test]
fn a_month_of_a_thousand_series_does_not_lie_in_memory() {
    let series = |number: usize| {
        let (group, number) = ((number % 5).to_string(), number.to_string());
        Labels::from_pairs([("__name__", "endless_total"), ("group", &group), ("number", &number)]).unwrap()
    };
    let mut labels: Vec<Labels> = (0..SERIES).map(series).collect();
    labels.sort();
    let source = Endless { labels };
    let engine = Engine::new(EngineOptions { threads: 2, ..EngineOptions::default() });
    let before = PeakAlloc.current_usage();
    PeakAlloc.reset_peak_usage();
    let query = "sum by (group) (rate(endless_total[5m]))";
    let answer = engine.range(&source, query, 0, DAYS * DAY_MS, 3_600_000).unwrap();
    let peak = PeakAlloc.peak_usage() - before;
    let Value::Matrix(groups) = answer.value else { panic!("a range query gives a matrix") };
    assert_eq!(groups.len(), 5);
    assert!(peak < 32 << 20, "{} MiB at the peak", peak >> 20);
}
