use proptest::prelude::*;

use super::*;

fn fields() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((any::<u64>(), 0u32..=64), 0..200)
}

/// The dumbest bit stream: one bool a bit.
fn bits_of(fields: &[(u64, u32)]) -> Vec<bool> {
    fields.iter().flat_map(|&(value, width)| (0..width).map(move |i| value >> i & 1 == 1)).collect()
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn round_trip_at_every_width(fields in fields(), cut in any::<prop::sample::Index>()) {
        let mut writer = BitWriter::default();
        let cut = cut.index(fields.len() + 1);
        for (i, &(value, width)) in fields.iter().enumerate() {
            if i == cut {
                // A stream that is copied out and resumed goes on as if nothing had been.
                let mut copy = Vec::new();
                writer.copy_to(&mut copy);
                assert_eq!(copy.len(), writer.byte_length());
                writer = BitWriter::resume(copy, writer.bit_length());
            }
            writer.write(value, width);
        }
        let model = bits_of(&fields);
        prop_assert_eq!(writer.bit_length(), model.len());
        let bytes = writer.finish();
        prop_assert_eq!(bytes.len(), model.len().div_ceil(8));
        for (i, &bit) in model.iter().enumerate() {
            prop_assert_eq!(bytes[i / 8] >> (i % 8) & 1 == 1, bit);
        }
        let mut reader = BitReader::new(&bytes);
        let mut position = 0;
        for &(value, width) in &fields {
            prop_assert_eq!(reader.read("field", width)?, value & low_mask(width));
            position += u64::from(width);
            prop_assert_eq!(reader.position_bits(), position);
        }
        prop_assert!(reader.remaining_bits() < 8);
        prop_assert!(reader.read("field", 8).is_err());
    }

    #[test]
    fn peek_shows_what_read_takes(bytes: Vec<u8>, widths in prop::collection::vec(0u32..=56, 0..100)) {
        let mut reader = BitReader::new(&bytes);
        for width in widths {
            let mut twin = reader.clone();
            let seen = reader.peek() & low_mask(width);
            match (twin.read("field", width), reader.skip("field", width)) {
                (Ok(read), Ok(())) => prop_assert_eq!(read, seen),
                (Err(_), Err(error)) => {
                    prop_assert!(reader.remaining_bits() < u64::from(width));
                    prop_assert!(error.position <= bytes.len() as u64);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}

#[test]
fn a_width_from_a_damaged_stream_is_an_error() {
    let mut reader = BitReader::new(&[0xff; 40]);
    assert!(reader.read("value", 65).is_err());
    assert_eq!(reader.read("value", 64), Ok(u64::MAX));
}
