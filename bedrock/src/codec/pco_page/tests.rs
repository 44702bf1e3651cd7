use proptest::prelude::*;

use super::*;

fn float_bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn floats_round_trip(values: &[f64]) {
    let mut page = Vec::new();
    encode(values, LEVEL_DEFAULT, &mut page);
    let mut out = vec![1.0];
    decode(&page, values.len(), &mut out).unwrap();
    assert_eq!(float_bits(&out), float_bits(values));
}

#[test]
fn odd_floats_among_decimals_survive_bit_for_bit() {
    let odd = [0x7ff0_0000_0000_0002, 0xfff8_0000_dead_beef, (-0.0f64).to_bits(), 1, f64::INFINITY.to_bits()];
    let values: Vec<f64> = (0..3000usize)
        .map(|i| if i % 97 == 0 { f64::from_bits(odd[i / 97 % odd.len()]) } else { (i % 400) as f64 / 10.0 })
        .collect();
    floats_round_trip(&values);
    floats_round_trip(&[f64::from_bits(0x7ff0_0000_0000_0002); 500]);
    floats_round_trip(&[]);
}

#[test]
fn the_count_must_be_right() {
    let mut page = Vec::new();
    encode(&[5i64; 300], LEVEL_DEFAULT, &mut page);
    let mut out = Vec::new();
    for count in [0, 1, 299, 301, VALUES_MAX, VALUES_MAX + 1] {
        assert!(decode::<i64>(&page, count, &mut out).is_err(), "{count}");
        assert!(out.is_empty());
    }
    assert!(decode::<u64>(&page, 300, &mut out_of_type()).is_err());
    assert_eq!(decode::<i64>(&page, 300, &mut out), Ok(()));
}

fn out_of_type() -> Vec<u64> {
    Vec::new()
}

proptest! {
    #![proptest_config(crate::property::cases(64))]

    #[test]
    fn any_floats(bits: Vec<u64>) {
        floats_round_trip(&bits.iter().map(|&bits| f64::from_bits(bits)).collect::<Vec<_>>());
    }

    #[test]
    fn any_integers(values: Vec<i64>, level in 0usize..13) {
        let mut page = vec![];
        encode(&values, level, &mut page);
        let mut out = Vec::<i64>::new();
        decode(&page, values.len(), &mut out)?;
        prop_assert_eq!(&out, &values);
        let unsigned: Vec<u64> = values.iter().map(|&value| value as u64).collect();
        let mut page = vec![];
        encode(&unsigned, level, &mut page);
        let mut out = Vec::<u64>::new();
        decode(&page, values.len(), &mut out)?;
        prop_assert_eq!(&out, &unsigned);
    }

    #[test]
    fn a_damaged_page_never_panics(
        values in prop::collection::vec(0u64..1000, 1..600),
        at in any::<prop::sample::Index>(),
        bits in 1u8..,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut page = vec![];
        encode(&values, 4, &mut page);
        let at = at.index(page.len());
        page[at] ^= bits;
        let _ = decode::<u64>(&page, values.len(), &mut Vec::new());
        page.truncate(cut.index(page.len()));
        prop_assert!(decode::<u64>(&page, values.len(), &mut Vec::new()).is_err());
    }
}
