use super::*;

#[test]
fn reads_what_was_written() -> Result<(), DecodeError> {
    let mut page = vec![1];
    page.extend_from_slice(&2u16.to_le_bytes());
    page.extend_from_slice(&3u32.to_le_bytes());
    page.extend_from_slice(&4u64.to_le_bytes());
    page.extend_from_slice(&(-5i64).to_le_bytes());
    page.extend_from_slice(&(-0.0f64).to_le_bytes());
    varint::write(u64::MAX, &mut page);
    varint::write_zigzag(i64::MIN, &mut page);
    write_bytes("grün".as_bytes(), &mut page);

    let mut reader = ByteReader::with_base(&page, 100);
    assert_eq!(reader.u8("a")?, 1);
    assert_eq!(reader.u16("b")?, 2);
    assert_eq!(reader.position(), 103);
    assert_eq!(reader.u32("c")?, 3);
    assert_eq!(reader.u64("d")?, 4);
    assert_eq!(reader.i64("e")?, -5);
    assert_eq!(reader.f64("f")?.to_bits(), (-0.0f64).to_bits());
    assert_eq!(reader.varint("g")?, u64::MAX);
    assert_eq!(reader.zigzag("h")?, i64::MIN);
    assert_eq!(reader.text("i")?, "grün");
    reader.finish("page")
}

#[test]
fn a_failed_read_says_where_and_takes_nothing() {
    let mut reader = ByteReader::with_base(&[9, 200, 200], 40);
    assert_eq!(
        reader.u32("crc"),
        Err(DecodeError { what: "crc", position: 40, expected: Expected::Bytes(4), found: 3 })
    );
    assert_eq!(reader.bytes("name").map_err(|e| e.expected), Err(Expected::Bytes(9)));
    assert_eq!(reader.count("rows", 8).map_err(|e| (e.found, e.position)), Err((9, 40)));
    assert_eq!(reader.u8("version"), Ok(9));
    assert!(reader.varint("rows").is_err());
    assert_eq!(reader.remaining(), 2);
    assert!(reader.finish("page").is_err());
    assert!(ByteReader::new(&[2, 0xff, 0xff]).text("name").is_err());
    assert!(
        ByteReader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).bytes("name").is_err()
    );
}

#[test]
fn the_error_of_a_file_carries_the_offset_in_the_file() {
    let error = ByteReader::new(&[1]).u32("crc").unwrap_err().in_file("a/b", 4096);
    assert_eq!(error.to_string(), "a/b is damaged at byte 4096: crc: expected 4 bytes, found 1");
}
