//! Parsing of PromQL: from the smallest query to the one behind a latency panel.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use promql::{ParseOptions, parse};

const QUERIES: [(&str, &str); 4] = [
    ("name", "up"),
    ("rate", "rate(http_requests_total[5m])"),
    ("sum_rate", r#"sum by (job) (rate(http_requests_total{cluster="eu"}[5m]))"#),
    (
        "latency",
        r#"histogram_quantile(0.99, sum by (le, path) (rate(http_request_duration_seconds_bucket{job="api", code!="500"}[5m]))) > 0.5"#,
    ),
];

fn promql_parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("promql_parse");
    let options = ParseOptions::default();
    for (name, query) in QUERIES {
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(query), &options)));
    }
    group.finish();
}

criterion_group!(benches, promql_parse);
criterion_main!(benches);
