use proptest::prelude::*;

use super::*;

#[test]
fn every_width_and_every_tail() -> Result<(), DecodeError> {
    let noise = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (i << 7);
    let mut out = Vec::new();
    let mut out32 = Vec::new();
    for width in 0..=64u32 {
        let mask = u64::MAX.checked_shr(64 - width).unwrap_or_default();
        for count in [0, 1, 2, 127, 128, 129, 300] {
            let values: Vec<u64> = (0..count).map(|i| noise(i) & mask).collect();
            let mut page = Vec::new();
            encode_u64(&values, &mut page);
            let mut reader = ByteReader::new(&page);
            decode_u64(&mut reader, values.len(), &mut out)?;
            reader.finish("page")?;
            assert_eq!(out, values, "width {width}");

            let signed: Vec<i64> = values.iter().map(|&v| (v as i64).wrapping_sub(i64::MAX / 3)).collect();
            let mut page = Vec::new();
            encode_i64(&signed, &mut page);
            assert_eq!(page.len(), encoded_bytes_i64(&signed));
            let mut back = Vec::new();
            decode_i64(&mut ByteReader::new(&page), signed.len(), &mut back)?;
            assert_eq!(back, signed, "width {width}");

            if width <= 32 {
                let narrow: Vec<u32> = values.iter().map(|&v| v as u32).collect();
                let mut page = Vec::new();
                encode_u32(&narrow, &mut page);
                let mut reader = ByteReader::new(&page);
                decode_u32(&mut reader, narrow.len(), &mut out32)?;
                reader.finish("page")?;
                assert_eq!(out32, narrow, "width {width}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_layout_is_what_the_docs_say() {
    let values: Vec<u32> = (0..128).map(|i| 1000 + (i * 37) % 1024).collect();
    let mut page = Vec::new();
    encode_u32(&values, &mut page);
    let min = values.iter().min().copied().unwrap();
    assert_eq!(page[0], 10);
    assert_eq!(varint::read(&page[1..]), Some((u64::from(min), 2)));
    let rows = &page[3..];
    assert_eq!(rows.len(), 160);
    for (i, value) in values.iter().enumerate() {
        let (step, lane) = (i / 4, i % 4);
        let bit = |bit: usize| {
            let position = step * 10 + bit;
            let byte = (position / 32) * 16 + lane * 4 + position % 32 / 8;
            u32::from(rows[byte] >> (position % 8) & 1) << bit
        };
        assert_eq!((0..10).map(bit).sum::<u32>() + min, *value);
    }
}

#[test]
fn a_count_that_cannot_be_true_takes_little_memory() {
    // Two bytes a block of equal values: the cheapest input there is.
    let page = [0, 0].repeat(20);
    let mut out = Vec::new();
    assert!(decode_u64(&mut ByteReader::new(&page), usize::MAX, &mut out).is_err());
    assert_eq!(out.len(), 20 * BLOCK_VALUES);
    assert!(out.capacity() <= 64 * BLOCK_VALUES);
    assert!(decode_u32(&mut ByteReader::new(&[33, 0]), 128, &mut Vec::new()).is_err());
    assert!(decode_u64(&mut ByteReader::new(&[65, 0]), 128, &mut Vec::new()).is_err());
    assert!(
        decode_u32(&mut ByteReader::new(&[1, 0xff, 0xff, 0xff, 0xff, 0x7f]), 1, &mut Vec::new()).is_err()
    );
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn round_trip(values: Vec<i64>, narrow in prop::collection::vec(-500i64..500, 0..400)) {
        for values in [values, narrow] {
            let mut page = Vec::new();
            encode_i64(&values, &mut page);
            let mut out = vec![1];
            let mut reader = ByteReader::new(&page);
            decode_i64(&mut reader, values.len(), &mut out)?;
            reader.finish("page")?;
            prop_assert_eq!(&out, &values);
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes: Vec<u8>, count in 0usize..1000) {
        let _ = decode_u32(&mut ByteReader::new(&bytes), count, &mut Vec::new());
        let _ = decode_u64(&mut ByteReader::new(&bytes), count, &mut Vec::new());
        let _ = decode_i64(&mut ByteReader::new(&bytes), count, &mut Vec::new());
    }
}
