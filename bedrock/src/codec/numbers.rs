//! A column of `i64` whose shape is not known, written once and kept long: the smaller of two ways.
//!
//! ```text
//! numbers  way:u8 (0 integer, 1 pco)  what that codec wrote
//! ```
//!
//! [`integer`] costs nothing to speak of and has no header; [`pco_page`] finds the distribution and wins on most
//! columns of more than some hundred values. Trying both costs about 20 ns a value.

use super::{ByteReader, DecodeError, Expected, bytes, integer, pco_page};

const WAY_INTEGER: u8 = 0;
const WAY_PCO: u8 = 1;
/// Fewer values, or values in fewer bytes, are not worth pco's header of about 20 bytes.
const PCO_VALUES_MIN: usize = 64;
const PCO_LEVEL: usize = 8;

/// Appends `values` as a length and as many bytes, for [`read`].
///
/// ```
/// use bedrock::codec::{ByteReader, numbers};
///
/// let mut page = Vec::new();
/// numbers::write(&[3, 1, 4, 1, 5], &mut page);
/// assert_eq!(numbers::read(&mut ByteReader::new(&page), 5)?, [3, 1, 4, 1, 5]);
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
pub fn write(values: &[i64], out: &mut Vec<u8>) {
    let mut best = vec![WAY_INTEGER];
    integer::encode(values, &mut Vec::new(), &mut best);
    if values.len() >= PCO_VALUES_MIN && best.len() > PCO_VALUES_MIN {
        let mut pco = vec![WAY_PCO];
        pco_page::encode(values, PCO_LEVEL, &mut pco);
        if pco.len() < best.len() {
            best = pco;
        }
    }
    bytes::write_bytes(&best, out);
}

/// Appends `values` as [`write()`] does, without trying pco: some ns a value, for pages that do not live long.
pub fn write_plain(values: &[i64], out: &mut Vec<u8>) {
    let mut page = vec![WAY_INTEGER];
    integer::encode(values, &mut Vec::new(), &mut page);
    bytes::write_bytes(&page, out);
}

/// Reads `count` numbers off the front of `reader`. The caller bounds `count`: a constant column of a few bytes
/// decodes to as many values as are asked for.
///
/// # Errors
///
/// Where the bytes are not `count` numbers.
pub fn read(reader: &mut ByteReader<'_>, count: usize) -> Result<Vec<i64>, DecodeError> {
    let part = reader.bytes("numbers")?;
    decode(&mut ByteReader::with_base(part, reader.position() - part.len() as u64), count)
}

/// Reads `count` numbers that fill `reader`: the bytes that [`write()`] wrote behind the length.
///
/// # Errors
///
/// Where the bytes are not `count` numbers.
pub fn decode(reader: &mut ByteReader<'_>, count: usize) -> Result<Vec<i64>, DecodeError> {
    let mut values = Vec::new();
    match reader.u8("way of numbers")? {
        WAY_INTEGER => {
            integer::decode(reader, count, &mut values)?;
            reader.finish("numbers")?;
        }
        WAY_PCO => pco_page::decode(reader.rest(), count, &mut values)?,
        way => return Err(reader.error("way of numbers", Expected::AtMost(WAY_PCO.into()), way.into())),
    }
    Ok(values)
}
