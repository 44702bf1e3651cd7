use super::*;

fn run(options: MetricsOptions, steps: usize) -> (Metrics, Vec<Vec<f64>>) {
    let mut metrics = Metrics::new(options);
    let rows = (0..steps)
        .map(|_| {
            metrics.step();
            metrics.values().to_vec()
        })
        .collect();
    (metrics, rows)
}

#[test]
fn equal_options_give_equal_data() {
    let (first, rows) = run(MetricsOptions::default(), 5);
    let (second, again) = run(MetricsOptions::default(), 5);
    assert_eq!(rows, again);
    assert_eq!(first.timestamps_ms(), second.timestamps_ms());
    assert_ne!(rows, run(MetricsOptions { seed: 8, ..Default::default() }, 5).1);
}

#[test]
fn values_have_the_shape_of_their_metric() {
    let (metrics, rows) = run(MetricsOptions { targets: 4, ..Default::default() }, 1500);
    let mut resets = 0;
    let mut labels: Vec<&Labels> = metrics.series().iter().map(|series| &series.labels).collect();
    for (index, series) in metrics.series().iter().enumerate() {
        let name = series.labels.get("__name__").unwrap();
        let column: Vec<f64> = rows.iter().map(|row| row[index]).collect();
        let falls = column.windows(2).filter(|pair| pair[1] < pair[0]).count();
        if name.contains("_bytes_total") || name.contains("_packets_") {
            assert!(falls <= 1, "{name}: one reset at most");
            resets += falls;
        } else if name.ends_with("_total") || name.contains("_bucket") || name.ends_with("_count") {
            assert_eq!(falls, 0, "{name}");
        }
        if name.starts_with("node_memory") {
            assert!(column.iter().all(|value| value % 4096.0 == 0.0), "{name}");
        }
        if name == "up" {
            assert!(column.iter().all(|value| *value == 1.0));
        }
    }
    assert!(resets > 0);
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), metrics.series().len());
    assert_eq!(metrics.series().len() % 4, 0);
}

#[test]
fn buckets_are_cumulative() {
    let (metrics, rows) = run(MetricsOptions { targets: 1, ..Default::default() }, 100);
    let last = rows.last().unwrap();
    let buckets: Vec<f64> = (metrics.series().iter().zip(last))
        .filter(|(series, _)| series.labels.get("le").is_some())
        .map(|(_, value)| *value)
        .collect();
    assert_eq!(buckets.len(), 36);
    for histogram in buckets.chunks(9) {
        assert!(histogram.is_sorted(), "{histogram:?}");
    }
}
