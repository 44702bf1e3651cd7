// Miri cannot call into the C library.
#![cfg(not(miri))]

use proptest::prelude::*;

use super::*;

fn page_of(raw: &[u8]) -> Vec<u8> {
    let mut page = Vec::new();
    ZstdEncoder::new(1).unwrap().encode(raw, &mut page);
    page
}

#[test]
fn contexts_are_reused_and_output_is_appended() {
    let mut encoder = ZstdEncoder::new(3).unwrap();
    let mut decoder = ZstdDecoder::new();
    let mut file = Vec::new();
    let mut out = Vec::new();
    for i in 0..50usize {
        let raw = format!("line {i} of a log ").repeat(i * 7).into_bytes();
        let start = file.len();
        encoder.encode(&raw, &mut file);
        decoder.decode(&file[start..], raw.len(), &mut out).unwrap();
        assert_eq!(out, raw);
    }
}

#[test]
fn limits_and_lies_are_refused() {
    let page = page_of(&[7; 5000]);
    let mut decoder = ZstdDecoder::new();
    let mut out = Vec::new();
    assert_eq!(ZstdDecoder::raw_bytes(&page), Ok(5000));
    assert!(decoder.decode(&page, 4999, &mut out).is_err());
    assert_eq!(out.capacity(), 0);
    for lie in [4999, 5001] {
        let mut lying = Vec::new();
        varint::write(lie, &mut lying);
        lying.extend_from_slice(&page[2..]);
        assert!(decoder.decode(&lying, 1 << 20, &mut out).is_err(), "{lie}");
    }
    decoder.decode(&page, 5000, &mut out).unwrap();
    assert_eq!(out, [7; 5000], "an error before does not matter");
    assert!(ZstdEncoder::new(1000).is_err());
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn round_trip(raw: Vec<u8>) {
        let mut out = vec![1, 2];
        ZstdDecoder::new().decode(&page_of(&raw), raw.len(), &mut out)?;
        prop_assert_eq!(out, raw);
    }

    #[test]
    fn a_damaged_page_is_an_error_or_has_the_claimed_length(
        raw in prop::collection::vec(0u8..4, 1..2000),
        at in any::<prop::sample::Index>(),
        bits in 1u8..,
    ) {
        let mut page = page_of(&raw);
        let at = at.index(page.len());
        page[at] ^= bits;
        let mut out = Vec::new();
        if ZstdDecoder::new().decode(&page, 1 << 20, &mut out).is_ok() {
            prop_assert_eq!(Ok(out.len() as u64), ZstdDecoder::raw_bytes(&page));
        }
    }
}
