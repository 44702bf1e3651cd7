use proptest::prelude::*;

use super::*;

#[test]
fn equal_steps_become_zeros() {
    let mut column: Vec<i64> = (0..6).map(|i| 1000 + 15 * i).collect();
    encode_twice(&mut column);
    assert_eq!(column, [1000, 15, 0, 0, 0, 0]);
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn round_trip(values: Vec<i64>) {
        let mut once = values.clone();
        encode(&mut once);
        decode(&mut once);
        prop_assert_eq!(&once, &values);
        let mut twice = values.clone();
        encode_twice(&mut twice);
        decode_twice(&mut twice);
        prop_assert_eq!(&twice, &values);
    }

    #[test]
    fn round_trip_u32(values: Vec<u32>) {
        let mut column = values.clone();
        encode_u32(&mut column);
        decode_u32(&mut column);
        prop_assert_eq!(&column, &values);
    }
}
