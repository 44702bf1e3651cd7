//! The decoders of `bedrock::codec`: any bytes are values or an error, what was decoded encodes to something that
//! decodes to the same, and memory follows the input.

use bedrock::codec::bits::BitReader;
use bedrock::codec::dictionary::{Dictionary, DictionaryBuilder};
use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, integer, pack, pco_page, varint};

/// Values that a decoder is asked for at most.
const COUNT_MAX: usize = 4096;

/// The first byte chooses the decoder, the next two are the count that a page header would have.
pub fn codec(input: &[u8]) {
    let Some((&[which, low, high], page)) = input.split_first_chunk::<3>() else { return };
    let count = usize::from(u16::from_le_bytes([low, high])) % (COUNT_MAX + 1);
    match which % 8 {
        0 => varints(page, count),
        1 => bit_fields(page),
        2 => packed_u32(page, count),
        3 => packed_u64(page, count),
        4 => integers(page, count),
        5 => dictionary(page, count),
        6 => compressed(page),
        _ => numeric(page, count),
    }
}

fn varints(page: &[u8], count: usize) {
    let mut values = Vec::new();
    let mut reader = ByteReader::new(page);
    let decoded = varint::read_many(&mut reader, count, &mut values);
    assert!(values.capacity() <= page.len().max(16));
    let mut one_by_one = ByteReader::new(page);
    let twin: Result<Vec<u64>, _> = (0..count).map(|_| one_by_one.varint("value")).collect();
    assert_eq!(decoded.is_ok(), twin.is_ok());
    if let Ok(twin) = twin {
        assert_eq!(values, twin);
        assert_eq!(reader.position(), one_by_one.position());
    }
}

fn bit_fields(page: &[u8]) {
    let mut reader = BitReader::new(page);
    // The stream chooses its own widths.
    while let Ok(width) = reader.read("width", 7) {
        let before = reader.position_bits();
        match reader.read("field", width as u32) {
            Ok(value) => assert!(width == 64 || value >> width == 0),
            Err(_) => break,
        }
        assert_eq!(reader.position_bits(), before + width);
    }
}

fn packed_u32(page: &[u8], count: usize) {
    let mut values = Vec::new();
    if pack::decode_u32(&mut ByteReader::new(page), count, &mut values).is_ok() {
        let (mut again, mut twin) = (Vec::new(), Vec::new());
        pack::encode_u32(&values, &mut again);
        assert!(pack::decode_u32(&mut ByteReader::new(&again), count, &mut twin).is_ok());
        assert_eq!(values, twin);
    }
}

fn packed_u64(page: &[u8], count: usize) {
    let mut values = Vec::new();
    if pack::decode_u64(&mut ByteReader::new(page), count, &mut values).is_ok() {
        let (mut again, mut twin) = (Vec::new(), Vec::new());
        pack::encode_u64(&values, &mut again);
        assert!(pack::decode_u64(&mut ByteReader::new(&again), count, &mut twin).is_ok());
        assert_eq!(values, twin);
    }
}

fn integers(page: &[u8], count: usize) {
    let mut values = Vec::new();
    if integer::decode(&mut ByteReader::new(page), count, &mut values).is_ok() {
        let (mut again, mut twin) = (Vec::new(), Vec::new());
        integer::encode(&values, &mut twin, &mut again);
        assert!(integer::decode(&mut ByteReader::new(&again), count, &mut twin).is_ok());
        assert_eq!(values, twin);
    }
}

fn dictionary(page: &[u8], count: usize) {
    let Ok(dictionary) = Dictionary::read(&mut ByteReader::new(page), count) else { return };
    assert!(dictionary.len() <= count);
    let mut builder = DictionaryBuilder::default();
    let codes: Vec<u32> = dictionary.iter().map(|entry| builder.intern(entry)).collect();
    let mut again = Vec::new();
    builder.write(&mut again);
    let Ok(twin) = Dictionary::read(&mut ByteReader::new(&again), count) else {
        panic!("it was just written")
    };
    for (code, entry) in codes.into_iter().zip(dictionary.iter()) {
        assert_eq!(twin.get(code), Some(entry));
    }
}

fn compressed(page: &[u8]) {
    const RAW_BYTES_MAX: usize = 1 << 16;
    let mut raw = Vec::new();
    if ZstdDecoder::new().decode(page, RAW_BYTES_MAX, &mut raw).is_ok() {
        assert!(raw.len() <= RAW_BYTES_MAX);
        assert_eq!(ZstdDecoder::raw_bytes(page), Ok(raw.len() as u64));
    }
}

fn numeric(page: &[u8], count: usize) {
    let mut integers: Vec<i64> = Vec::new();
    if pco_page::decode(page, count, &mut integers).is_ok() {
        assert_eq!(integers.len(), count);
    }
    let mut floats: Vec<f64> = Vec::new();
    if pco_page::decode(page, count, &mut floats).is_ok() {
        let (mut again, mut twin) = (Vec::new(), Vec::<f64>::new());
        pco_page::encode(&floats, 1, &mut again);
        assert!(pco_page::decode(&again, count, &mut twin).is_ok());
        assert!(floats.iter().zip(&twin).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
