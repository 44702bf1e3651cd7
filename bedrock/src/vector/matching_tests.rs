//! Operators between vectors against their definition: a step at a time, every member with every member.

use proptest::prelude::*;

use super::{ABSENT, Matches, Operator, Outcome, SetOperation, SetOperator, is_absent, partners};

/// Members of a side: a key and a column.
type Side = Vec<(usize, Vec<f64>)>;

const STEPS: usize = 4;

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-4i32..4).prop_map(f64::from),
        2 => Just(ABSENT),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)],
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop::collection::vec((0usize..4, prop::collection::vec(value(), STEPS)), 0..6)
}

fn keys(side: &Side) -> Vec<usize> {
    side.iter().map(|(key, _)| *key).collect()
}

/// Members of `side` that have a value at a step, and match `key`.
fn matching(side: &Side, key: usize, step: usize) -> Vec<usize> {
    (0..side.len()).filter(|&place| side[place].0 == key && !is_absent(side[place].1[step])).collect()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan() && is_absent(a) == is_absent(b))
}

const OPERATORS: [Operator; 13] = [
    Operator::Add,
    Operator::Sub,
    Operator::Mul,
    Operator::Div,
    Operator::Mod,
    Operator::Pow,
    Operator::Atan2,
    Operator::Equal,
    Operator::NotEqual,
    Operator::Greater,
    Operator::Less,
    Operator::GreaterOrEqual,
    Operator::LessOrEqual,
];

/// The definition of an operator on two values.
fn defined(operator: Operator, outcome: Outcome, l: f64, r: f64) -> f64 {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = l.partial_cmp(&r);
    let holds = match operator {
        Operator::Add => return l + r,
        Operator::Sub => return l - r,
        Operator::Mul => return l * r,
        Operator::Div => return l / r,
        Operator::Mod => return l % r,
        Operator::Pow => return l.powf(r),
        Operator::Atan2 => return l.atan2(r),
        Operator::Equal => order == Some(Equal),
        Operator::NotEqual => order != Some(Equal),
        Operator::Greater => order == Some(Greater),
        Operator::Less => order == Some(Less),
        Operator::GreaterOrEqual => matches!(order, Some(Greater | Equal)),
        Operator::LessOrEqual => matches!(order, Some(Less | Equal)),
    };
    match (outcome, holds) {
        (Outcome::Truth, holds) => f64::from(u8::from(holds)),
        (Outcome::KeepLeft, true) => l,
        (Outcome::KeepRight, true) => r,
        (_, false) => ABSENT,
    }
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn columns_equal_the_operator_step_by_step(
        left in prop::collection::vec(value(), STEPS),
        right in prop::collection::vec(value(), STEPS),
    ) {
        let mut out = Vec::new();
        for operator in OPERATORS {
            for outcome in [Outcome::KeepLeft, Outcome::KeepRight, Outcome::Truth] {
                operator.columns(&left, &right, outcome, &mut out);
                for step in 0..STEPS {
                    let (l, r) = (left[step], right[step]);
                    let want = if is_absent(l) || is_absent(r) { ABSENT } else { defined(operator, outcome, l, r) };
                    prop_assert!(same(out[step], want), "{l} {operator:?} {r}, {outcome:?}: {} not {want}", out[step]);
                }
            }
        }
    }

    #[test]
    fn set_operations_equal_their_definition(left in side(), right in side()) {
        let matches = Matches::new(&keys(&left), &keys(&right));
        let has = |side: &Side, place: usize, step: usize| !is_absent(side[place].1[step]);
        for operator in [SetOperator::And, SetOperator::Or, SetOperator::Unless] {
            let operation =
                SetOperation::new(operator, &matches, STEPS, |p, s| has(&left, p, s), |p, s| has(&right, p, s));
            for step in 0..STEPS {
                for (place, (key, _)) in left.iter().enumerate() {
                    let is_matched = !matching(&right, *key, step).is_empty();
                    let want = match operator {
                        SetOperator::And => is_matched,
                        SetOperator::Unless => !is_matched,
                        SetOperator::Or => true,
                    };
                    prop_assert_eq!(operation.keeps_left(place, step), want, "{:?} left {} {}", operator, place, step);
                }
                for (place, (key, _)) in right.iter().enumerate() {
                    let want = operator == SetOperator::Or && matching(&left, *key, step).is_empty();
                    prop_assert_eq!(operation.keeps_right(place, step), want, "{:?} right {} {}", operator, place, step);
                }
            }
        }
    }

    /// Many-to-one, and one-to-one where the left side has one as well.
    #[test]
    fn partners_are_the_one_match_of_each_step(left in side(), right in side()) {
        let matches = Matches::new(&keys(&left), &keys(&right));
        for (key, group) in matches.groups().iter().enumerate() {
            prop_assert!(group.left.iter().all(|&place| left[place].0 == key));
            prop_assert!(group.right.iter().all(|&place| right[place].0 == key));
            let found = partners(&group.right, STEPS, |place, step| !is_absent(right[place].1[step]));
            let first_double = (0..STEPS).find(|&step| matching(&right, key, step).len() > 1);
            match found {
                Err(duplicate) => {
                    prop_assert_eq!(Some(duplicate.step), first_double);
                    let both = matching(&right, key, duplicate.step);
                    prop_assert_eq!([duplicate.first, duplicate.second], [both[0], both[1]]);
                }
                Ok(found) => {
                    prop_assert_eq!(first_double, None);
                    for (step, partner) in found.into_iter().enumerate() {
                        prop_assert_eq!(partner, matching(&right, key, step).first().copied());
                    }
                }
            }
        }
        let grouped: usize = matches.groups().iter().map(|group| group.left.len() + group.right.len()).sum();
        prop_assert_eq!(grouped, left.len() + right.len());
    }
}
