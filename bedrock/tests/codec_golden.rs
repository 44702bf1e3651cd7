//! Golden pages: the layouts of `bedrock::codec`, which the files of every store are made of. Today's encoders write
//! these bytes and today's decoders read them. What zstd and pco write may change with the library, so of their pages
//! only reading is fixed.
//!
//! `TRISTORE_BLESS=1 cargo test -p tristore-bedrock --test codec_golden` writes those that are missing.

use std::path::PathBuf;

use bedrock::codec::bits::{BitReader, BitWriter};
use bedrock::codec::dictionary::{Dictionary, DictionaryBuilder};
use bedrock::codec::zstd_page::{ZstdDecoder, ZstdEncoder};
use bedrock::codec::{ByteReader, bytes::write_bytes, integer, pack, pco_page, varint};

#[expect(clippy::unwrap_used, reason = "a test that cannot read its data has failed")]
fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    if std::env::var_os("TRISTORE_BLESS").is_some() && !path.exists() {
        std::fs::write(&path, written).unwrap();
    }
    std::fs::read(&path).unwrap()
}

fn noise(i: u64) -> u64 {
    i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
}

fn narrow() -> Vec<u32> {
    (0..300).map(|i| 70_000 + noise(i) as u32 % 1000).collect()
}

fn wide() -> Vec<u64> {
    (0..200).map(|i| noise(i) % (1 << 45)).collect()
}

/// A column for each of the four ways.
fn columns() -> Vec<Vec<i64>> {
    vec![
        vec![-7; 40],
        (0..200).map(|i| [200, 404, 500][noise(i) as usize % 3]).collect(),
        (0..200).map(|i| (1i64 << 60) + 1_000_000 * i + noise(i as u64) as i64 % 700).collect(),
        (0..200).map(|i| 1_700_000_000_000 + 15_000 * i).collect(),
    ]
}

const FIELDS: [(u64, u32); 6] =
    [(1, 1), (0b101, 3), (0x1234, 17), (u64::MAX, 64), (0, 0), (0x7f_ffff_ffff, 39)];
const WORDS: [&str; 4] = ["GET", "", "POST", "grün"];
const NUMBERS: [u64; 7] = [0, 127, 128, 300, 1 << 20, 1 << 56, u64::MAX];

#[test]
fn pages_are_written_and_read_as_ever() {
    let mut pages = Vec::new();
    let mut part = Vec::new();
    let mut flush = |part: &mut Vec<u8>| {
        write_bytes(part, &mut pages);
        part.clear();
    };
    NUMBERS.iter().for_each(|&number| varint::write(number, &mut part));
    flush(&mut part);
    let mut writer = BitWriter::default();
    FIELDS.iter().for_each(|&(value, width)| writer.write(value, width));
    flush(&mut writer.finish());
    pack::encode_u32(&narrow(), &mut part);
    flush(&mut part);
    pack::encode_u64(&wide(), &mut part);
    flush(&mut part);
    for column in columns() {
        integer::encode(&column, &mut Vec::new(), &mut part);
        flush(&mut part);
    }
    let mut words = DictionaryBuilder::default();
    for word in WORDS {
        words.intern(word.as_bytes());
    }
    words.write(&mut part);
    flush(&mut part);
    let read = golden("codec-v1", &pages);
    assert!(read == pages, "an encoder no longer writes version 1");

    let mut reader = ByteReader::new(&read);
    let mut page = || ByteReader::new(reader.bytes("page").unwrap_or_default());
    let mut numbers = Vec::new();
    assert_eq!(varint::read_many(&mut page(), NUMBERS.len(), &mut numbers), Ok(()));
    assert_eq!(numbers, NUMBERS);
    let mut fields = BitReader::new(page().rest());
    for (value, width) in FIELDS {
        assert_eq!(fields.read("field", width), Ok(value));
    }
    let (mut values32, mut values64, mut integers) = (Vec::new(), Vec::new(), Vec::new());
    assert_eq!(pack::decode_u32(&mut page(), 300, &mut values32), Ok(()));
    assert_eq!(values32, narrow());
    assert_eq!(pack::decode_u64(&mut page(), 200, &mut values64), Ok(()));
    assert_eq!(values64, wide());
    for column in columns() {
        assert_eq!(integer::decode(&mut page(), column.len(), &mut integers), Ok(()));
        assert_eq!(integers, column);
    }
    let words = Dictionary::read(&mut page(), 10);
    assert!(words.is_ok_and(|words| words.iter().eq(WORDS.map(str::as_bytes))));
    assert!(page().is_empty());
}

#[test]
fn pages_of_the_libraries_are_read_as_ever() {
    let raw = b"GET /index.html 200\n".repeat(50);
    let mut page = Vec::new();
    if let Ok(mut encoder) = ZstdEncoder::new(3) {
        encoder.encode(&raw, &mut page);
    }
    let mut out = Vec::new();
    assert_eq!(ZstdDecoder::new().decode(&golden("zstd-page-v1", &page), 1000, &mut out), Ok(()));
    assert_eq!(out, raw);

    let odd = [f64::NAN.to_bits() | 0xbeef, (-0.0f64).to_bits(), 0x7ff0_0000_0000_0002];
    let values: Vec<f64> = (0..300u32)
        .map(|i| odd.get(i as usize).map_or(f64::from(i % 40) / 10.0, |&bits| f64::from_bits(bits)))
        .collect();
    page.clear();
    pco_page::encode(&values, pco_page::LEVEL_DEFAULT, &mut page);
    let mut floats: Vec<f64> = Vec::new();
    assert_eq!(pco_page::decode(&golden("pco-page-v1", &page), values.len(), &mut floats), Ok(()));
    assert!(floats.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
}
