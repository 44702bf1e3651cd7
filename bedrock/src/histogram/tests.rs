use super::{Bucket, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, HistogramSum, Span};

fn exponential(schema: i32, offset: i32, counts: &[f64]) -> Histogram {
    Histogram {
        schema,
        count: counts.iter().sum(),
        sum: 1.0,
        positive_spans: vec![Span { offset, length: counts.len() as u32 }],
        positive_buckets: counts.to_vec(),
        ..Histogram::default()
    }
}

fn custom(bounds: &[f64], counts: &[f64]) -> Histogram {
    Histogram { custom_values: bounds.to_vec(), ..exponential(CUSTOM_BUCKETS_SCHEMA, 0, counts) }
}

#[test]
fn bounds_are_powers_of_two() {
    let bucket = |schema, index| -> (f64, f64) {
        let histogram = exponential(schema, index, &[1.0]);
        histogram.positive().map(|Bucket { lower, upper, .. }| (lower, upper)).next().unwrap()
    };
    assert_eq!(bucket(0, 1), (1.0, 2.0));
    assert_eq!(bucket(0, -1), (0.25, 0.5));
    assert_eq!(bucket(-2, 1), (1.0, 16.0));
    assert_eq!(bucket(1, 2), (2f64.sqrt(), 2.0));
    assert_eq!(bucket(0, 1024), (2f64.powi(1023), f64::MAX));
    assert_eq!(bucket(0, 1025), (f64::MAX, f64::INFINITY));
}

#[test]
fn adding_brings_both_to_the_lower_resolution() {
    let mut fine = exponential(1, 1, &[1.0, 2.0, 3.0]);
    fine.add(&exponential(0, 1, &[10.0])).unwrap();
    fine.compact();
    assert_eq!(fine.schema, 0);
    assert_eq!(fine.positive_buckets, [13.0, 3.0]);
    assert_eq!(fine.positive_spans, [Span { offset: 1, length: 2 }]);
}

#[test]
fn a_zero_bucket_never_cuts_a_populated_bucket() {
    let mut wide = Histogram { zero_threshold: 1.5, zero_count: 1.0, ..exponential(0, 2, &[5.0]) };
    wide.add(&exponential(0, 0, &[1.0, 2.0, 4.0])).unwrap();
    assert_eq!(wide.zero_threshold, 2.0);
    assert_eq!(wide.zero_count, 4.0);
    wide.compact();
    assert_eq!(wide.positive_buckets, [9.0]);
}

#[test]
fn custom_bounds_are_reconciled_to_the_common_ones() {
    let mut a = custom(&[1.0, 2.0, 5.0], &[1.0, 1.0, 1.0, 1.0]);
    let met = a.add(&custom(&[2.0, 3.0], &[10.0, 10.0, 10.0])).unwrap();
    assert!(met.bounds_reconciled);
    assert_eq!(a.custom_values, [2.0]);
    assert_eq!(a.positive_buckets, [12.0, 22.0]);
    assert!(a.add(&exponential(0, 0, &[1.0])).is_err());
}

#[test]
fn resets_are_seen_in_counts_buckets_and_hints() {
    let before = exponential(0, 0, &[1.0, 2.0]);
    let after = exponential(0, 0, &[2.0, 2.0]);
    assert!(!after.detect_reset(&before));
    assert!(before.detect_reset(&after));
    assert!(exponential(0, 0, &[5.0, 1.0]).detect_reset(&before), "a bucket fell");
    assert!(exponential(1, 0, &[5.0, 9.0]).detect_reset(&before), "the resolution rose");
    let hinted = Histogram { counter_reset_hint: CounterResetHint::NotCounterReset, ..before.clone() };
    assert!(!hinted.detect_reset(&after));
}

#[test]
fn compensated_sums_keep_what_plain_sums_lose() {
    let huge = exponential(0, 0, &[1e100]);
    let one = exponential(0, 0, &[1.0]);
    let mut minus = huge.clone();
    minus.multiply(-1.0);
    let mut sum = HistogramSum::new(&huge);
    sum.add(&one).unwrap();
    sum.add(&minus).unwrap();
    let sum = sum.finish();
    assert_eq!(sum.count, 1.0);
    assert_eq!(sum.positive_buckets, [1.0]);
}

#[test]
fn quantile_and_fraction_are_inverse() {
    let histogram = exponential(2, -3, &[3.0, 1.0, 4.0, 1.0, 5.0]);
    for q in [0.05, 0.3, 0.5, 0.77, 0.99] {
        let (value, _) = histogram.quantile(q);
        let (fraction, _) = histogram.fraction(f64::NEG_INFINITY, value);
        assert!((fraction - q).abs() < 1e-9, "{q}: {value} {fraction}");
    }
}

#[test]
fn text_is_as_the_reference_writes_it() {
    let histogram =
        Histogram { zero_count: 2.0, zero_threshold: 1e-128, ..exponential(0, 1, &[1.0, 0.0, 2.5e6]) };
    assert_eq!(
        histogram.to_string(),
        "{count:2.500001e+06, sum:1, [-1e-128,1e-128]:2, (1,2]:1, (4,8]:2.5e+06}"
    );
}

#[test]
fn whole_counts_survive_the_integer_form() {
    let histogram = exponential(3, -7, &[1.0, 0.0, 9e15]);
    let integer = histogram.to_integer().unwrap();
    assert_eq!(Histogram::from(&integer), histogram);
    assert_eq!(exponential(0, 0, &[1.5]).to_integer(), None);
}
