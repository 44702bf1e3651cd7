//! Pages give back every bit, whatever encoding was chosen; damage gives errors, never a panic.

use bedrock::series::{STALE_NAN_BITS, is_stale};
use proptest::prelude::*;

use super::*;

fn encode(values: &[f64]) -> Vec<u8> {
    let mut page = Vec::new();
    encode_floats(values, &mut Scratch::default(), &mut page);
    page
}

fn check(values: &[f64]) -> Vec<u8> {
    let page = encode(values);
    let mut decoded = vec![-1.0];
    let count = values.len();
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
    for wanted in [0..count, count / 3..count / 2, count - 1..count, 0..1, count..count] {
        decoded.truncate(1);
        let scratch = &mut Scratch::default();
        decode_floats(&page, count, wanted.clone(), Content::Values, scratch, &mut decoded).unwrap();
        assert_eq!(bits(&decoded[1..]), bits(&values[wanted.clone()]));
        decoded.truncate(1);
        decode_floats(&page, count, wanted.clone(), Content::Presence, scratch, &mut decoded).unwrap();
        let stale = |values: &[f64]| values.iter().map(|value| is_stale(*value)).collect::<Vec<bool>>();
        assert_eq!(stale(&decoded[1..]), stale(&values[wanted]));
    }
    page
}

fn check_integers(values: &[i64]) -> Vec<u8> {
    let mut page = Vec::new();
    encode_integers(values, &mut Scratch::default(), &mut page);
    let mut decoded = vec![7];
    let mut scratch = vec![3];
    decode_integers(&page, values.len(), &mut scratch, &mut decoded).unwrap();
    assert_eq!(decoded, values);
    let wanted = values.len() / 3..values.len() / 2;
    decoded.clear();
    decode_some_integers(&page, values.len(), wanted.clone(), &mut scratch, |value| value, &mut decoded)
        .unwrap();
    assert_eq!(decoded, values[wanted]);
    page
}

/// A column in one of the shapes that exporters produce, with strays.
fn any_column() -> impl Strategy<Value = Vec<f64>> {
    let stray = prop_oneof![
        Just(f64::from_bits(STALE_NAN_BITS)),
        Just(f64::from_bits(0xfff8_0000_0000_0123)),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(5e-324),
        Just(1e300),
        any::<u64>().prop_map(f64::from_bits),
    ];
    let shape = 0_u8..7;
    let steps = prop::collection::vec(0_i64..1000, 1..400);
    (shape, steps, prop::collection::vec((any::<prop::sample::Index>(), stray), 0..4)).prop_map(
        |(shape, steps, strays)| {
            let mut sum = 0_i64;
            let mut values: Vec<f64> = steps
                .iter()
                .map(|&step| {
                    sum += step;
                    match shape {
                        0 => 42.5,
                        1 => sum as f64,
                        2 => sum as f64 / 100.0,
                        3 => (4096 * (step - 500)) as f64,
                        4 => (step as f64).sqrt(),
                        5 => (sum / 5000) as f64,
                        _ => f64::from_bits((step as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                    }
                })
                .collect();
            for (index, stray) in strays {
                let index = index.index(values.len());
                values[index] = stray;
            }
            values
        },
    )
}

proptest! {
    #![proptest_config(testkit::rounds::cases(256))]

    #[test]
    fn floats_come_back_bit_by_bit(values in any_column()) {
        check(&values);
    }

    #[test]
    fn any_integers_come_back(values in prop::collection::vec(any::<i64>(), 1..300)) {
        check_integers(&values);
    }

    #[test]
    fn stepped_integers_come_back(
        first in any::<i64>(), step in 1_i64..5000, steps in prop::collection::vec(-9_i64..9, 1..300)
    ) {
        let values: Vec<i64> = steps.iter().map(|&s| first.wrapping_add(s * step)).collect();
        check_integers(&values);
    }

    #[test]
    fn damaged_pages_never_panic(values in any_column()) {
        let values = &values[..values.len().min(150)];
        let page = encode(values);
        let mut scratch = Scratch::default();
        for end in 0..page.len() {
            let all = 0..values.len();
            let _ = decode_floats(&page[..end], values.len(), all, Content::Values, &mut scratch, &mut Vec::new());
        }
        for position in 0..page.len() {
            let mut damaged = page.clone();
            damaged[position] ^= 1 << (position % 8);
            for content in [Content::Values, Content::Presence] {
                let all = 0..values.len();
                let _ = decode_floats(&damaged, values.len(), all, content, &mut scratch, &mut Vec::new());
            }
        }
    }
}

#[test]
fn a_constant_takes_four_bytes_or_so() {
    assert_eq!(check(&[1.0; 1440]).len(), 4);
    assert_eq!(check(&[f64::from_bits(STALE_NAN_BITS); 7]).len(), 2 + 1 + 10);
}

#[test]
fn timestamps_without_jitter_take_a_dozen_bytes() {
    let times: Vec<i64> = (0..1440).map(|i| 1_780_000_000_000 + 15_000 * i).collect();
    // Way 1, first 6, step 2, usual difference 1, changes 1.
    assert_eq!(check_integers(&times).len(), 11);
}

#[test]
fn a_stale_marker_does_not_spoil_a_decimal_column() {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 22) / 10.0
    };
    let mut values: Vec<f64> = (0..1440).map(|_| next()).collect();
    let clean = check(&values).len();
    values[700] = f64::from_bits(STALE_NAN_BITS);
    let spoiled = check(&values).len();
    assert!(spoiled <= clean + 16, "{spoiled} bytes instead of {clean}");
}

#[test]
fn long_integers_beside_short_fractions_stay_exact() {
    check(&[9_007_199_254_740_991.0, 0.001, 123.456, 9_007_199_254_740_993.0, -0.1]);
}
