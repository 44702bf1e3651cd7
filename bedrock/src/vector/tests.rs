use proptest::prelude::*;

use super::{
    ABSENT, Accumulator, Aggregation, Choice, Extreme, ValueCounts, is_absent, quantile_columns, rank_column,
};

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1000i32..1000).prop_map(|v| f64::from(v) / 8.0),
        1 => Just(ABSENT),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

/// The definition, one step at a time.
fn naive(aggregation: Aggregation, members: &[f64]) -> f64 {
    if members.is_empty() {
        return ABSENT;
    }
    let n = members.len() as f64;
    let sum: f64 = members.iter().sum();
    let variance = || {
        let mean = sum / n;
        members.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
    };
    let pick = |best: fn(f64, f64) -> f64| members.iter().copied().fold(f64::NAN, best);
    match aggregation {
        Aggregation::Sum => sum,
        Aggregation::Avg => sum / n,
        Aggregation::Min => pick(f64::min),
        Aggregation::Max => pick(f64::max),
        Aggregation::Count => n,
        Aggregation::Group => 1.0,
        Aggregation::Stdvar => variance(),
        Aggregation::Stddev => variance().sqrt(),
    }
}

fn close(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
        || (a.is_nan() && b.is_nan() && !is_absent(a) && !is_absent(b))
        || a == b
        || (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn aggregates_equal_their_definition(
        columns in prop::collection::vec(prop::collection::vec(value(), 5), 0..8),
    ) {
        use Aggregation::{Avg, Count, Group, Max, Min, Stddev, Stdvar, Sum};
        for aggregation in [Sum, Avg, Min, Max, Count, Group, Stddev, Stdvar] {
            let mut accumulator = Accumulator::new(aggregation, 5);
            columns.iter().for_each(|column| accumulator.add(column));
            let got = accumulator.finish();
            for step in 0..5 {
                let members: Vec<f64> =
                    columns.iter().map(|c| c[step]).filter(|v| !is_absent(*v)).collect();
                let want = naive(aggregation, &members);
                prop_assert!(close(got[step], want), "{aggregation:?} of {members:?}: {} not {want}", got[step]);
            }
        }
    }

    #[test]
    fn rank_equals_a_stable_sort(values in prop::collection::vec(value(), 0..20), k in 0usize..8) {
        for extreme in [Extreme::Largest, Extreme::Smallest] {
            let members: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
            let mut want = members.clone();
            want.sort_by(|a, b| extreme.compare(a.1, b.1));
            want.truncate(k);
            let mut got = members;
            rank_column(extreme, k, &mut got);
            let ids = |list: &[(usize, f64)]| list.iter().map(|(id, _)| *id).collect::<Vec<_>>();
            prop_assert_eq!(ids(&got), ids(&want));
        }
    }

    #[test]
    fn choices_equal_their_definition(
        places in prop::collection::vec((0u32..8).prop_map(|eighths| f64::from(eighths) / 8.0), 0..12),
        k in 0usize..14,
        ratio in (-8i32..=8).prop_map(|eighths| f64::from(eighths) / 8.0),
    ) {
        let all: Vec<(usize, f64)> = (0..places.len()).map(|member| (member, 0.0)).collect();
        let kept = |choice: &Choice, step| {
            let mut members = all.clone();
            choice.keep(step, &mut members, |member| places[member]);
            members.into_iter().map(|(member, _)| member).collect::<Vec<_>>()
        };
        let first: Vec<usize> = (0..places.len()).take(k).collect();
        prop_assert_eq!(kept(&Choice::Limit(vec![0, k]), 1), first);
        prop_assert_eq!(kept(&Choice::Limit(vec![k]), 1), vec![], "a step without parameter keeps nothing");
        let share = |member: &usize| match ratio {
            r if r < 0.0 => places[*member] - 1.0 >= r,
            r => places[*member] < r,
        };
        let inside: Vec<usize> = (0..places.len()).filter(share).collect();
        prop_assert_eq!(kept(&Choice::Ratio(vec![ratio]), 0), inside);
        let rest = if ratio > 0.0 { ratio - 1.0 } else { 1.0 + ratio };
        let both = kept(&Choice::Ratio(vec![ratio]), 0).len() + kept(&Choice::Ratio(vec![rest]), 0).len();
        prop_assert!(ratio == 0.0 || both == places.len(), "a share and its rest hold each member once");
    }

    #[test]
    fn counts_of_values_equal_their_definition(
        columns in prop::collection::vec(prop::collection::vec(value(), 5), 0..8),
    ) {
        let mut counts = ValueCounts::new(5);
        columns.iter().for_each(|column| counts.add(column));
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan() && !is_absent(b));
        let mut counted = 0.0;
        for (value, counts) in counts.finish() {
            for (step, count) in counts.iter().enumerate() {
                let members = columns.iter().filter(|column| same(value, column[step])).count();
                prop_assert_eq!(if is_absent(*count) { 0.0 } else { *count }, members as f64);
            }
            counted += counts.iter().filter(|count| !is_absent(**count)).sum::<f64>();
        }
        prop_assert_eq!(counted as usize, columns.iter().flatten().filter(|v| !is_absent(**v)).count());
    }
}

#[test]
fn quantiles_skip_absent_members() {
    let columns = [vec![1.0, ABSENT], vec![3.0, ABSENT]];
    let got = quantile_columns(&[0.5, 0.5], &columns);
    assert_eq!(got[0], 2.0);
    assert!(is_absent(got[1]));
}

#[test]
fn a_mean_whose_sum_overflows_is_still_found() {
    let mut avg = Accumulator::new(Aggregation::Avg, 1);
    for value in [f64::MAX, f64::MAX, f64::MAX] {
        avg.add(&[value]);
    }
    let got = avg.finish()[0];
    assert!((got / f64::MAX - 1.0).abs() < 1e-15, "{got}");
}
