//! LEB128 varints: seven bits a byte, lowest first, the top bit set on every byte but the last.
//!
//! A `u64` takes 1 to 10 bytes. Decoders accept padded encodings (`0x80 0x00` is 0) but no value beyond 64 bits.
//! Signed numbers go through the zigzag map 0, -1, 1, -2 .. so that small magnitudes stay short.

use super::{ByteReader, DecodeError};

/// The longest varint of a `u64`.
pub const BYTES_MAX: usize = 10;

/// The top bit of each byte of a word.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Appends `value`.
#[inline]
pub fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends `value` through the zigzag map.
#[inline]
pub fn write_zigzag(value: i64, out: &mut Vec<u8>) {
    write(zigzag(value), out);
}

/// Number of bytes that [`write()`] appends for `value`.
#[inline]
pub fn length(value: u64) -> usize {
    (value | 1).ilog2() as usize / 7 + 1
}

/// Maps 0, -1, 1, -2 .. to 0, 1, 2, 3 ..
#[inline]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads the varint at the front of `bytes`: the value and its length in bytes. `None` where the bytes end inside
/// it or it goes beyond 64 bits.
#[inline]
pub fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    if let Some(front) = bytes.first_chunk::<8>() {
        let word = u64::from_le_bytes(*front);
        let stops = !word & MORE;
        if stops != 0 {
            return Some((gather(word, stops), stops.trailing_zeros() as usize / 8 + 1));
        }
    }
    read_bytewise(bytes)
}

/// The payload of the varint that ends at the lowest bit of `stops`, which is set at the top of its last byte.
#[inline]
fn gather(word: u64, stops: u64) -> u64 {
    let x = word & (stops ^ (stops - 1)) & !MORE;
    // Three rounds bring neighbours together: 7 + 7 bits, 14 + 14, 28 + 28.
    let x = (x & 0x007f_007f_007f_007f) | ((x & 0x7f00_7f00_7f00_7f00) >> 1);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
    (x & 0x0000_0000_0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4)
}

#[cold]
fn read_bytewise(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(BYTES_MAX).enumerate() {
        if i == BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

/// Reads `count` varints into `out`, replacing what it held. O(count) time; memory is bounded by the input, which
/// has at least one byte per value.
///
/// # Errors
///
/// Where the input does not hold `count` varints.
pub fn read_many(reader: &mut ByteReader<'_>, count: usize, out: &mut Vec<u64>) -> Result<(), DecodeError> {
    const WHAT: &str = "varints";
    out.clear();
    // Each takes a byte at least: a count that cannot be true fails before memory is taken for it.
    reader.clone().take(WHAT, count)?;
    out.reserve(count);
    while out.len() < count {
        match reader.rest().first_chunk::<8>() {
            // Eight varints of one byte at once; taking all that end inside a word apart was slower than one by one.
            Some(front) if u64::from_le_bytes(*front) & MORE == 0 && out.len() + 8 <= count => {
                out.extend(front.map(u64::from));
                reader.take(WHAT, 8)?;
            }
            _ => out.push(reader.varint(WHAT)?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
