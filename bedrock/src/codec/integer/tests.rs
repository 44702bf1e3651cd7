use proptest::prelude::*;

use super::*;

fn round_trip(values: &[i64]) -> Vec<u8> {
    let mut page = Vec::new();
    encode(values, &mut vec![3], &mut page);
    let mut out = vec![9];
    let mut reader = ByteReader::new(&page);
    decode(&mut reader, values.len(), &mut out).unwrap();
    reader.finish("page").unwrap();
    assert_eq!(out, values);
    let count = values.len();
    for wanted in
        [0..count, count / 3..count / 2, count.saturating_sub(1)..count, 0..count.min(1), count..count]
    {
        let mut part = vec![9];
        let mut reader = ByteReader::new(&page);
        decode_map(&mut reader, count, wanted.clone(), &mut vec![3], |value| value, &mut part).unwrap();
        reader.finish("page").unwrap();
        assert_eq!(part[1..], values[wanted]);
    }
    page
}

#[test]
fn each_shape_gets_its_way() {
    assert_eq!(round_trip(&[]), [PLAIN]);
    assert_eq!(round_trip(&[7; 1000])[0], CONSTANT);
    assert_eq!(round_trip(&[i64::MIN])[0], CONSTANT);
    let codes: Vec<i64> = (0..1000).map(|i| [200, 404, 500][i % 3]).collect();
    assert_eq!(round_trip(&codes)[0], PLAIN);
    let sorted: Vec<i64> = (0..1000i64).scan(1 << 60, |t, i| Some(*t + 977 * i + i * i % 7)).collect();
    assert!([DELTA, DELTA_OF_DELTA].contains(&round_trip(&sorted)[0]));
    let jittered: Vec<i64> = (0..1000i64).map(|i| (1 << 60) + 1_000_000 * i + i * i % 701).collect();
    assert_eq!(round_trip(&jittered)[0], DELTA);
    let step: Vec<i64> = (0..1000).map(|i| (1 << 60) + 15_000 * i).collect();
    assert_eq!(round_trip(&step)[0], DELTA_OF_DELTA);
    round_trip(&[i64::MAX, i64::MIN, 0, -1, i64::MAX]);
}

#[test]
fn refuses_an_unknown_way_and_too_few_rows() {
    assert!(decode(&mut ByteReader::new(&[4, 0]), 3, &mut Vec::new()).is_err());
    assert!(decode(&mut ByteReader::new(&[DELTA_OF_DELTA, 0, 0]), 1, &mut Vec::new()).is_err());
    assert!(decode(&mut ByteReader::new(&[]), 1, &mut Vec::new()).is_err());
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn any_column_round_trips(values: Vec<i64>, steps in prop::collection::vec(-3i64..1000, 0..300)) {
        round_trip(&values);
        let sorted: Vec<i64> = steps.iter().scan(-5, |at, step| { *at += step; Some(*at) }).collect();
        round_trip(&sorted);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes: Vec<u8>, count in 0usize..1000) {
        let _ = decode(&mut ByteReader::new(&bytes), count, &mut Vec::new());
        let (mut scratch, mut out) = (Vec::new(), Vec::new());
        let _ = decode_map(&mut ByteReader::new(&bytes), count, count / 2..count, &mut scratch, |v| v, &mut out);
    }
}
