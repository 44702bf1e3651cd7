use proptest::prelude::*;

use super::*;

fn any_size() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift)
}

#[test]
fn lengths_at_the_edges() {
    for bits in 0..64 {
        for value in [1u64 << bits, (1u64 << bits) - 1, u64::MAX >> bits] {
            let mut out = Vec::new();
            write(value, &mut out);
            assert_eq!(out.len(), length(value), "{value}");
            assert_eq!(read(&out), Some((value, out.len())));
            assert_eq!(read_bytewise(&out), Some((value, out.len())));
        }
    }
}

#[test]
fn refuses_what_is_cut_or_too_large() {
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[0x80]), None);
    assert_eq!(read(&[0xff; 9]), None);
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), None);
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), Some((u64::MAX, 10)));
    assert_eq!(read(&[0x80, 0]), Some((0, 2)));
    let mut out = Vec::new();
    assert!(read_many(&mut ByteReader::new(&[1, 2, 3]), usize::MAX, &mut out).is_err());
    assert_eq!(out.capacity(), 0, "no memory for a count that cannot be true");
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn many_round_trip(values in prop::collection::vec(prop_oneof![0u64..128, any_size()], 0..100), tail in 0usize..20) {
        let mut page = Vec::new();
        for &value in &values {
            write(value, &mut page);
        }
        page.resize(page.len() + tail, 0xff);
        let mut reader = ByteReader::new(&page);
        let mut out = vec![77];
        read_many(&mut reader, values.len(), &mut out)?;
        prop_assert_eq!(&out, &values);
        prop_assert_eq!(reader.remaining(), tail);
    }

    #[test]
    fn word_reader_agrees_with_bytewise(bytes in prop::collection::vec(any::<u8>(), 0..14)) {
        prop_assert_eq!(read(&bytes), read_bytewise(&bytes));
    }

    #[test]
    fn zigzag_round_trip(value: i64) {
        prop_assert_eq!(unzigzag(zigzag(value)), value);
        prop_assert!(zigzag(value >> 1) <= i64::MAX as u64);
    }
}
