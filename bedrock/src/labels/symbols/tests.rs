use bytes::Bytes;
use proptest::prelude::*;

use super::{Symbols, SymbolsBuilder};

fn section(texts: &[&str]) -> Vec<u8> {
    let mut builder = SymbolsBuilder::default();
    texts.iter().for_each(|text| assert!(builder.intern(text).is_some()));
    builder.finish()
}

#[test]
fn the_layout_is_the_one_that_is_documented() {
    let golden = b"\x03\0\0\0\x03\0\0\0\x03\0\0\0\x06\0\0\0jobapi";
    assert_eq!(section(&["job", "", "api", "job"]), golden);
}

proptest! {
    #![proptest_config(crate::property::cases(256))]

    #[test]
    fn a_number_gives_its_text_back(texts in prop::collection::vec(".{0,6}", 0..30)) {
        let mut builder = SymbolsBuilder::default();
        let numbers: Vec<u32> = texts.iter().map(|text| builder.intern(text).unwrap()).collect();
        let symbols = Symbols::open(&Bytes::from(builder.finish())).unwrap();
        prop_assert_eq!(builder.texts().len(), symbols.len());
        for (number, text) in numbers.iter().zip(&texts) {
            prop_assert_eq!(symbols.get(*number).unwrap(), text);
            prop_assert_eq!(builder.texts()[*number as usize], text);
        }
        prop_assert!(symbols.get(symbols.len() as u32).is_err());
    }

    #[test]
    fn damage_is_an_error_or_another_text(at in 0usize..40, bit in 0u8..8, cut in 0usize..40) {
        let mut bytes = section(&["__name__", "up", "job", "\u{e9}t\u{e9}"]);
        let length = bytes.len();
        bytes[at % length] ^= 1 << bit;
        bytes.truncate(length - cut % length);
        if let Ok(symbols) = Symbols::open(&Bytes::from(bytes)) {
            for number in 0..symbols.len().min(100) as u32 {
                let _ = symbols.get(number);
            }
        }
    }
}
