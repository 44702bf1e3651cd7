//! The engine against the dumbest evaluator that can be right, and against itself.
//!
//! Random queries over random data: the naive evaluator looks at one step and one sample at a time. Then what must hold
//! whatever the answer: an instant query equals a range query of one step, a range query equals its instant queries,
//! and many threads give what one gives, to the last bit. `TRISTORE_ROUNDS` multiplies the number of rounds.

mod data;
mod evaluator;
mod limits;
mod queries;
mod slow;

use bedrock::labels::Labels;
use promql::engine::{Features, QueryResult, SampleValue, Value};
use promql::{Engine, EngineOptions};

use data::{Data, Random};
use queries::Query;
use testkit::rounds::rounds;

const STEP_MS: i64 = 10_000;

fn engine(threads: usize) -> Engine {
    Engine::new(EngineOptions { threads, features: Features::ALL, ..EngineOptions::default() })
}

/// A result as (labels, time, value), sorted.
fn points(result: &QueryResult) -> Vec<(Labels, i64, f64)> {
    let mut points: Vec<(Labels, i64, f64)> = Vec::new();
    match &result.value {
        Value::Matrix(matrix) => {
            for series in matrix {
                points
                    .extend(series.floats.iter().map(|(time, value)| (series.labels.clone(), *time, *value)));
            }
        }
        Value::Vector(vector) => {
            for sample in vector {
                if let SampleValue::Float(value) = sample.value {
                    points.push((sample.labels.clone(), sample.time_ms, value));
                }
            }
        }
        Value::Scalar { time_ms, value } => points.push((Labels::empty(), *time_ms, *value)),
        Value::String(_) => {}
    }
    points.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    points
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

#[test]
fn the_engine_equals_the_naive_evaluator() {
    let mut answers = 0;
    for seed in 0..400 * rounds() {
        let mut random = Random::new(seed);
        let data = Data::random(&mut random);
        let source = data.source();
        let query = Query::random(&mut random, 3);
        let text = query.to_string();
        let (start, steps) = (data::START_MS + random.below(400) as i64 * 1000, 1 + random.below(20) as i64);
        let end = start + (steps - 1) * STEP_MS;
        let want: Result<Vec<_>, ()> = (0..steps)
            .map(|step| {
                let time = start + step * STEP_MS;
                let context = evaluator::Context { data: &data, start, end };
                let vector = context.evaluate(&query, time)?;
                Ok(vector.into_iter().map(move |(labels, value)| (labels, time, value)))
            })
            .collect();
        let got = engine(1).range(&source, &text, start, end, STEP_MS);
        let (Ok(want), Ok(got)) = (&want, &got) else {
            assert_eq!(
                want.is_err(),
                got.is_err(),
                "seed {seed}, {text}: naive {:?}, engine {got:?}",
                want.is_err()
            );
            continue;
        };
        let mut want: Vec<_> = want.iter().cloned().flatten().collect();
        want.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let got = points(got);
        answers += usize::from(!got.is_empty());
        let same = got.len() == want.len()
            && got.iter().zip(&want).all(|(g, w)| g.0 == w.0 && g.1 == w.1 && close(g.2, w.2));
        assert!(same, "seed {seed}, {text} from {start}, {steps} steps:\n got {got:?}\nwant {want:?}");
    }
    assert!(answers > 100, "only {answers} queries had an answer: the generator has become too timid");
}

#[test]
fn an_instant_query_is_a_range_query_of_one_step() {
    for seed in 1000..1000 + 150 * rounds() {
        let mut random = Random::new(seed);
        let data = Data::random(&mut random);
        let source = data.source();
        let query = Query::random(&mut random, 3).to_string();
        let time = data::START_MS + random.below(400) as i64 * 1000;
        let instant = engine(1).instant(&source, &query, time);
        let range = engine(1).range(&source, &query, time, time, STEP_MS);
        match (instant, range) {
            (Ok(instant), Ok(range)) => same_bits(&points(&instant), &points(&range), seed, &query),
            (instant, range) => assert_eq!(instant.is_err(), range.is_err(), "seed {seed}, {query}"),
        }
    }
}

#[test]
fn a_range_query_is_its_instant_queries() {
    for seed in 2000..2000 + 80 * rounds() {
        let mut random = Random::new(seed);
        let data = Data::random(&mut random);
        let source = data.source();
        // `start()` and `end()` mean other times in the instant queries.
        let query = Query::random(&mut random, 3).without_at().to_string();
        let start = data::START_MS + random.below(400) as i64 * 1000;
        let end = start + 7 * STEP_MS;
        let Ok(range) = engine(1).range(&source, &query, start, end, STEP_MS) else { continue };
        let mut single = Vec::new();
        for time in (start..=end).step_by(STEP_MS as usize) {
            single.extend(points(&engine(1).instant(&source, &query, time).expect("no step fails alone")));
        }
        single.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let range = points(&range);
        let same = range.len() == single.len()
            && range.iter().zip(&single).all(|(r, s)| r.0 == s.0 && r.1 == s.1 && close(r.2, s.2));
        assert!(same, "seed {seed}, {query}:\nrange {range:?}\n single {single:?}");
    }
}

#[test]
fn threads_do_not_change_the_answer() {
    let data = Data::wide(&mut Random::new(7), 300);
    let source = data.source();
    let queries = [
        "sum by (a) (rate(wide[1m]))",
        "avg(wide)",
        "stddev by (b) (sum_over_time(wide[2m]))",
        "wide * 2 > 10",
        "quantile(0.3, increase(wide[1m]))",
        "topk by (a) (3, max_over_time(wide[1m]))",
        "wide - on (a, b) min_over_time(wide[30s])",
    ];
    for query in queries {
        let end = data::START_MS + 300_000;
        let one = engine(1).range(&source, query, data::START_MS, end, STEP_MS).expect(query);
        for threads in [2, 5] {
            let slow = slow::Slow::new(&source);
            let many = engine(threads).range(&slow, query, data::START_MS, end, STEP_MS).expect(query);
            assert!(slow.readers() > 1, "{query}: nobody helped");
            assert!(!points(&one).is_empty(), "{query} has an answer");
            same_bits(&points(&one), &points(&many), 7, query);
            assert_eq!(one.annotations, many.annotations, "{query}");
        }
    }
}

fn same_bits(a: &[(Labels, i64, f64)], b: &[(Labels, i64, f64)], seed: u64, query: &str) {
    let bits = |points: &[(Labels, i64, f64)]| -> Vec<(Labels, i64, u64)> {
        points.iter().map(|(labels, time, value)| (labels.clone(), *time, value.to_bits())).collect()
    };
    assert_eq!(bits(a), bits(b), "seed {seed}, {query}");
}
