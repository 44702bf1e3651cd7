//! What a scraper collects from nodes and HTTP services.

use bedrock::labels::Labels;

use super::START_MS;
use super::sample::Sampler;

/// What [`Metrics`] generates. The default is small: 10 targets of 140 series.
#[derive(Clone, Debug)]
pub struct MetricsOptions {
    /// Scraped processes, each of about 140 series.
    pub targets: u32,
    /// Milliseconds between two scrapes.
    pub interval_ms: i64,
    /// Time of the first scrape, before each target's own offset.
    pub start_ms: i64,
    /// Chooses one of the possible workloads.
    pub seed: u64,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        MetricsOptions { targets: 10, interval_ms: 15_000, start_ms: START_MS, seed: 7 }
    }
}

/// One series of the workload.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its labels, the metric name among them.
    pub labels: Labels,
    /// The target that exports it: an index into [`Metrics::timestamps_ms`].
    pub target: u32,
}

/// Scrapes of many targets, one step after the other.
///
/// Values follow what exporters send: counters of integers with resets, CPU seconds with two decimals, gauges in whole
/// pages, load averages, temperatures, constants, histogram buckets that grow together, sparse counters. About 50 ns a
/// sample.
///
/// ```
/// use testkit::generate::{Metrics, MetricsOptions};
///
/// let mut metrics = Metrics::new(MetricsOptions { targets: 2, ..Default::default() });
/// metrics.step();
/// assert_eq!(metrics.values().len(), metrics.series().len());
/// let first = &metrics.series()[0];
/// assert_eq!(first.labels.get("__name__"), Some("node_cpu_seconds_total"));
/// let scraped_ms = metrics.timestamps_ms()[first.target as usize];
/// assert!(scraped_ms >= MetricsOptions::default().start_ms);
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    options: MetricsOptions,
    sampler: Sampler,
    step: i64,
    targets: Vec<Target>,
    timestamps_ms: Vec<i64>,
    series: Vec<Series>,
    sources: Vec<Source>,
    values: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Target {
    offset_ms: i64,
    jitters: bool,
}

/// How the value of a series comes about; `value` is what it stood at.
#[derive(Clone, Debug)]
enum Source {
    Constant(f64),
    CpuSeconds {
        weight: f64,
        value: f64,
    },
    /// A walk in whole pages of 4 KiB.
    Pages {
        deviation: f64,
        value: f64,
    },
    Load {
        deviation: f64,
        value: f64,
    },
    /// A counter of whole numbers that starts over at one step, or never.
    Counter {
        rate: f64,
        value: f64,
        reset_at: Option<i64>,
    },
    /// A whole fraction of the series before, as packets are of bytes.
    OfPrevious {
        divisor: f64,
    },
    FreeBytes {
        value: f64,
    },
    Temperature,
    Goroutines,
    /// The first series of a histogram draws how many requests came; the others follow.
    Bucket {
        rate: Option<f64>,
        share: f64,
        value: f64,
    },
    HistogramCount,
    HistogramSum {
        value: f64,
    },
}

const BUCKETS: [(&str, f64); 9] = [
    ("0.005", 0.1),
    ("0.01", 0.25),
    ("0.025", 0.5),
    ("0.05", 0.7),
    ("0.1", 0.85),
    ("0.25", 0.93),
    ("0.5", 0.97),
    ("1", 0.99),
    ("+Inf", 1.0),
];

impl Metrics {
    /// The workload before its first scrape.
    pub fn new(options: MetricsOptions) -> Self {
        let sampler = Sampler::new(options.seed);
        let mut metrics = Metrics {
            sampler,
            step: 0,
            targets: Vec::new(),
            timestamps_ms: vec![0; options.targets as usize],
            series: Vec::new(),
            sources: Vec::new(),
            values: Vec::new(),
            options,
        };
        for target in 0..metrics.options.targets {
            let offset_ms = metrics.sampler.between(0, metrics.options.interval_ms);
            let jitters = metrics.sampler.chance(0.5);
            metrics.targets.push(Target { offset_ms, jitters });
            metrics.add_node(target);
            metrics.add_network(target);
            metrics.add_process(target);
            metrics.add_http(target);
        }
        metrics.values = vec![0.0; metrics.series.len()];
        metrics
    }

    /// Every series, in an order that does not change.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Scrapes every target once.
    pub fn step(&mut self) {
        let since_ms = self.step * self.options.interval_ms;
        for (time, target) in self.timestamps_ms.iter_mut().zip(&self.targets) {
            let jitter = if target.jitters { self.sampler.between(-4, 5) } else { 0 };
            *time = self.options.start_ms + target.offset_ms + since_ms + jitter;
        }
        let interval = self.options.interval_ms as f64 / 1000.0;
        let day = since_ms as f64 / 86_400_000.0;
        let diurnal = 1.0 + 0.5 * (day * std::f64::consts::TAU).sin();
        let mut scrape =
            Scrape { interval, diurnal, step: self.step, previous: 0.0, requests: 0, highest: 0.0 };
        for (slot, source) in self.values.iter_mut().zip(&mut self.sources) {
            *slot = source.next(&mut self.sampler, &mut scrape);
            scrape.previous = *slot;
        }
        self.step += 1;
    }

    /// The values of the last scrape, in the order of [`Metrics::series`].
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The time of the last scrape of each target.
    pub fn timestamps_ms(&self) -> &[i64] {
        &self.timestamps_ms
    }

    fn add(&mut self, target: u32, name: &str, more: &[(&str, &str)], source: Source) {
        let dc = format!("dc{}", target % 4);
        let instance = format!("host-{target:04}.{dc}.example:9100");
        let common = [("__name__", name), ("instance", &instance), ("job", "node"), ("dc", &dc)];
        let labels = Labels::from_pairs(common.into_iter().chain(more.iter().copied()));
        self.series.push(Series { labels: labels.expect("label names are distinct"), target });
        self.sources.push(source);
    }

    fn add_node(&mut self, target: u32) {
        const MODES: [(&str, f64); 8] = [
            ("idle", 0.8),
            ("user", 0.12),
            ("system", 0.05),
            ("iowait", 0.02),
            ("irq", 0.0),
            ("steal", 0.0),
            ("nice", 0.002),
            ("softirq", 0.008),
        ];
        for cpu in ["0", "1"] {
            for (mode, weight) in MODES {
                let value = self.sampler.between(0, 100_000) as f64;
                let labels = [("cpu", cpu), ("mode", mode)];
                self.add(target, "node_cpu_seconds_total", &labels, Source::CpuSeconds { weight, value });
            }
        }
        for kind in ["MemTotal", "MemFree", "MemAvailable", "Cached", "Buffers", "SwapTotal"] {
            let source = if kind.ends_with("Total") {
                Source::Constant(16e9)
            } else {
                Source::Pages { deviation: 300.0, value: 2e6 }
            };
            self.add(target, &format!("node_memory_{kind}_bytes"), &[], source);
        }
        for minutes in [1u32, 5, 15] {
            let source = Source::Load { deviation: 0.05 / f64::from(minutes), value: 0.0 };
            self.add(target, &format!("node_load{minutes}"), &[], source);
        }
        for mount in ["/", "/data"] {
            let label = [("mountpoint", mount)];
            self.add(target, "node_filesystem_avail_bytes", &label, Source::FreeBytes { value: 25e6 });
            self.add(target, "node_filesystem_size_bytes", &label, Source::Constant(107_374_182_400.0));
        }
        self.add(target, "node_hwmon_temp_celsius", &[("sensor", "cpu")], Source::Temperature);
    }

    fn add_network(&mut self, target: u32) {
        for device in ["eth0", "lo"] {
            for direction in ["receive", "transmit"] {
                let rate = self.sampler.log_normal(9.0, 1.0);
                let reset_at = self.sampler.chance(0.2).then(|| self.sampler.between(1, 1440));
                let label = [("device", device)];
                let name = |unit: &str| format!("node_network_{direction}_{unit}_total");
                self.add(target, &name("bytes"), &label, Source::Counter { rate, value: 0.0, reset_at });
                self.add(target, &name("packets"), &label, Source::OfPrevious { divisor: 700.0 });
                self.add(target, &name("errs"), &label, Source::Constant(0.0));
            }
        }
    }

    fn add_process(&mut self, target: u32) {
        let started = self.options.start_ms as f64 / 1000.0 - 5000.37;
        self.add(target, "process_resident_memory_bytes", &[], Source::Pages { deviation: 20.0, value: 3e4 });
        self.add(target, "process_start_time_seconds", &[], Source::Constant(started));
        self.add(target, "go_goroutines", &[], Source::Goroutines);
        self.add(target, "up", &[], Source::Constant(1.0));
    }

    fn add_http(&mut self, target: u32) {
        const NAME: &str = "http_request_duration_seconds";
        for handler in ["/api/cart", "/api/checkout"] {
            for (code, rate) in [("200", 20.0), ("500", 0.05)] {
                let labels = [("handler", handler), ("code", code)];
                for (i, (le, share)) in BUCKETS.into_iter().enumerate() {
                    let source = Source::Bucket { rate: (i == 0).then_some(rate), share, value: 0.0 };
                    let labels = [labels[0], labels[1], ("le", le)];
                    self.add(target, &format!("{NAME}_bucket"), &labels, source);
                }
                self.add(target, &format!("{NAME}_count"), &labels, Source::HistogramCount);
                self.add(target, &format!("{NAME}_sum"), &labels, Source::HistogramSum { value: 0.0 });
            }
        }
    }
}

/// What the series of one scrape know of each other.
struct Scrape {
    interval: f64,
    diurnal: f64,
    step: i64,
    previous: f64,
    requests: u64,
    highest: f64,
}

impl Source {
    fn next(&mut self, sampler: &mut Sampler, scrape: &mut Scrape) -> f64 {
        match self {
            Source::Constant(value) => *value,
            Source::CpuSeconds { weight, value } => {
                if *weight > 0.0 {
                    *value += sampler.gamma(4, *weight / 4.0) * scrape.interval * scrape.diurnal;
                }
                (*value * 100.0).round() / 100.0
            }
            Source::Pages { deviation, value } => {
                *value += sampler.normal(0.0, *deviation);
                4096.0 * value.abs().round()
            }
            Source::Load { deviation, value } => {
                *value += sampler.normal(0.0, *deviation);
                ((value.abs() + 0.2) * 100.0).round() / 100.0
            }
            Source::Counter { rate, value, reset_at } => {
                if *reset_at == Some(scrape.step) {
                    *value = 0.0;
                }
                *value += sampler.poisson(*rate * scrape.interval * scrape.diurnal) as f64;
                *value
            }
            Source::OfPrevious { divisor } => (scrape.previous / *divisor).floor(),
            Source::FreeBytes { value } => {
                *value -= sampler.poisson(30.0) as f64;
                4096.0 * value.max(0.0)
            }
            Source::Temperature => (45.0 + 5.0 * scrape.diurnal + sampler.normal(0.0, 1.0)).round(),
            Source::Goroutines => 40.0 + sampler.poisson(5.0) as f64,
            Source::Bucket { rate, share, value } => {
                if let Some(rate) = rate {
                    scrape.requests = sampler.poisson(*rate * scrape.interval * scrape.diurnal);
                    scrape.highest = 0.0;
                }
                *value += sampler.binomial(scrape.requests, *share) as f64;
                // Each bucket holds what the ones below it hold.
                scrape.highest = scrape.highest.max(*value);
                scrape.highest
            }
            Source::HistogramCount => scrape.highest,
            Source::HistogramSum { value } => {
                *value += scrape.requests as f64 * sampler.gamma(2, 0.03);
                *value
            }
        }
    }
}

#[cfg(test)]
mod tests;
