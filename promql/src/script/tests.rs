use super::points::{Point, parse_series};
use super::*;

fn floats(text: &str) -> Vec<Option<f64>> {
    let (_, points) = parse_series(&format!("m {text}"), 1).unwrap();
    let float = |point: &Point| match point {
        Point::Missing => None,
        Point::Float(value) => Some(*value),
        Point::Histogram { .. } => panic!("no float"),
    };
    points.iter().map(float).collect()
}

#[test]
fn points_in_all_notations() {
    assert_eq!(floats("5 -3.5 1e3 0x1F"), [Some(5.0), Some(-3.5), Some(1e3), Some(31.0)]);
    assert_eq!(floats("_ 1 _x2"), [None, Some(1.0), None, None]);
    assert_eq!(floats("0x3"), [Some(0.0); 4]);
    assert_eq!(floats("1+0.5x2 -1-1x1"), [Some(1.0), Some(1.5), Some(2.0), Some(-1.0), Some(-2.0)]);
    assert_eq!(floats("Inf -Inf +Inf"), [f64::INFINITY, -f64::INFINITY, f64::INFINITY].map(Some));
    assert!(floats("stale")[0].is_some_and(bedrock::series::is_stale));
    assert!(floats("NaN")[0].is_some_and(|value| value.is_nan() && !bedrock::series::is_stale(value)));
    for bad in ["x3", "1x", "1+x3", "5z", "{{", "{{a:1}}", "{{sum:1 sum:2}}", "1x99999999"] {
        assert!(parse_series(&format!("m {bad}"), 1).is_err(), "{bad}");
    }
}

#[test]
fn histograms_in_all_notations() {
    let text = "{{schema:1 sum:-0.3 count:4 z_bucket:1 z_bucket_w:0.1 offset:-2 buckets:[1 2] n_offset:3 n_buckets:[ 1 ] counter_reset_hint:gauge}}x1 {{}}+{{count:2}}x1";
    let (_, points) = parse_series(&format!("{{\"m\"}} {text}"), 1).unwrap();
    assert_eq!(points.len(), 4);
    let Point::Histogram { histogram, hint_given: true } = &points[1] else { panic!("no hint") };
    assert_eq!((histogram.schema, histogram.sum, histogram.positive_spans[0].offset), (1, -0.3, -2));
    let Point::Histogram { histogram, hint_given: false } = &points[3] else { panic!("a hint") };
    assert_eq!(histogram.count, 2.0);
}

#[test]
fn a_store_tells_resets_of_histograms() {
    let script = "load 1m\n m {{count:3 buckets:[3]}} {{count:4 buckets:[4]}} {{count:2 buckets:[2]}} _ stale {{count:5 buckets:[5]}}";
    let source = Script::parse(script).load(0).unwrap();
    let set = bedrock::series::SeriesSource::select(
        &source,
        &bedrock::series::Select { matchers: &[], range: bedrock::time::TimeRange::ALL },
    )
    .unwrap();
    let mut columns = bedrock::series::SeriesColumns::default();
    set.read(0, bedrock::time::TimeRange::ALL, &mut columns).unwrap();
    let hints: Vec<_> = columns.histograms.values.iter().map(|one| one.counter_reset_hint).collect();
    use bedrock::histogram::CounterResetHint::{NotCounterReset, Unknown};
    assert_eq!(hints, [Unknown, NotCounterReset, Unknown, Unknown, Unknown]);
    assert!(bedrock::series::is_stale(columns.histograms.values[3].sum));
}

#[test]
fn start_times_belong_to_their_points() {
    let script = "load 1m\n m{a=\"b c\"}@st -1m _ -30s-10sx1\n m{a=\"b c\"} 1 2 3 4\n";
    assert_eq!(Script::parse(script).load(5).map(|source| source.sample_count()), Ok(4));
    let odd = "load 1m\n m@st -1m\n m 1 2\n";
    assert!(Script::parse(odd).check().unwrap_err().problem.contains("@st"));
}

#[test]
fn classic_histograms_become_native() {
    let script = "load_with_nhcb 1m\n h_bucket{le=\"1\",a=\"x\"} 1 2\n h_bucket{le=\"+Inf\",a=\"x\"} 3 3\n h_sum{a=\"x\"} 7 8\n";
    let source = Script::parse(script).load(0).unwrap();
    assert_eq!((source.series_count(), source.sample_count()), (4, 8));
}

#[test]
fn broken_commands_are_told_and_do_not_hide_others() {
    let script = Script::parse(
        "load 1x\n m 1\n\neval instant at 1m up{\n 1\n\neval instant at 1m 1 + 1\n 2\n\nnonsense\n",
    );
    assert_eq!(script.eval_count(), 2);
    assert_eq!(script.check().unwrap_err().line, 1);
    let report = script.run(&test_engine());
    assert_eq!(report.errors.len(), 2);
    assert_eq!(report.evals.len(), 2);
    assert!(!report.passed());
}

#[test]
fn values_are_compared_as_the_reference_does() {
    assert!(almost_equal(-0.0, 0.0, 1e-6));
    assert!(almost_equal(f64::NAN, -f64::NAN, 1e-6));
    assert!(!almost_equal(f64::NAN, f64::from_bits(bedrock::series::STALE_NAN_BITS), 1e-6));
    assert!(!almost_equal(f64::INFINITY, f64::MAX, 1e-6));
    assert!(!almost_equal(1.0, 1.000_01, 1e-6));
}

#[test]
fn a_sample_may_come_twice_but_not_with_another_value() {
    let twice = "load 1m\n m 1 2\n h {{count:1}}\n\nload 2m\n m _ 3\n\nload 4m\n h {{count:1}}\n";
    assert_eq!(Script::parse(twice).load(0).map(|source| source.sample_count()), Ok(4));
    for other in ["load 1m\n m 1\n\nload 1m\n m 2\n", "load 1m\n m 1 2\n\nload 1m\n m 1\n"] {
        assert!(Script::parse(other).load(0).unwrap_err().problem.contains("does not come after"), "{other}");
    }
}
