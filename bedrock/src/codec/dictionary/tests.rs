use proptest::prelude::*;

use super::*;

#[test]
fn codes_follow_first_occurrence() {
    let mut builder = DictionaryBuilder::default();
    assert_eq!(["b", "", "a", "b", ""].map(|entry| builder.intern(entry.as_bytes())), [0, 1, 2, 0, 1]);
    assert_eq!(builder.len(), 3);
    builder.clear();
    assert_eq!(builder.intern(b"z"), 0);
}

#[test]
fn limits_hold() {
    let mut builder = DictionaryBuilder::default();
    for entry in 0..200u32 {
        builder.intern(&entry.to_le_bytes());
    }
    let mut page = Vec::new();
    builder.write(&mut page);
    assert!(Dictionary::read(&mut ByteReader::new(&page), 199).is_err());
    assert!(Dictionary::read(&mut ByteReader::new(&page[..page.len() - 1]), 200).is_err());
    // Two lengths that add up to more than 32 bits can say.
    let mut page = Vec::new();
    varint::write(2, &mut page);
    pack::encode_u32(&[u32::MAX, 1], &mut page);
    assert!(Dictionary::read(&mut ByteReader::new(&page), 10).is_err());
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn round_trip(column in prop::collection::vec(prop::collection::vec(0u8..3, 0..4), 0..300)) {
        let mut builder = DictionaryBuilder::default();
        let codes: Vec<u32> = column.iter().map(|entry| builder.intern(entry)).collect();
        let mut page = Vec::new();
        builder.write(&mut page);
        page.push(0xaa);
        let mut reader = ByteReader::new(&page);
        let dictionary = Dictionary::read(&mut reader, column.len())?;
        prop_assert_eq!(reader.remaining(), 1);
        for (code, entry) in codes.iter().zip(&column) {
            prop_assert_eq!(dictionary.get(*code), Some(entry.as_slice()));
        }
        prop_assert_eq!(dictionary.get(builder.len() as u32), None);
        prop_assert_eq!(dictionary.iter().len(), builder.len());
        prop_assert!(dictionary.iter().enumerate().all(|(code, entry)| builder.codes[entry] == code as u32));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(dictionary) = Dictionary::read(&mut ByteReader::new(&bytes), 1 << 20) {
            dictionary.iter().count();
        }
    }
}
