//! Frame-of-reference bit packing: integers of similar size in blocks of 128.
//!
//! # Layout
//!
//! Blocks of 128 values, then one block of the rest where there is one. A block of 64-bit values is
//!
//! | field | bytes | |
//! |---|---|---|
//! | width | 1 | bits a value, 0..=64 |
//! | minimum | 1..=10 | varint; zigzag for `i64` |
//! | rows | 16 x width | the values less the minimum |
//!
//! and a block of 32-bit values the same with widths to 32. A full block is packed in *rows*: four lanes of 32 bits,
//! value `4 s + l` at bits `s x width` of lane `l`, so that one vector instruction works on four neighbours and no
//! shift depends on data. Differences above 32 bits are two such groups: the low 32 bits, then the rest. The last,
//! shorter block holds its values one after the other, from the lowest bit.
//!
//! 128 values of width 10 take 2 + 160 bytes. The number of values is the caller's: see [`crate::codec`].

use super::bits::{BitReader, BitWriter};
use super::{ByteReader, DecodeError, Expected, varint};

mod kernel;

use kernel::row_bytes;

/// Values of a full block.
pub const BLOCK_VALUES: usize = 128;

const WHAT: &str = "packed block";

/// Appends `values`. O(values); at most 4 bytes a value and 6 a block.
///
/// ```
/// use bedrock::codec::{ByteReader, pack};
///
/// let column: Vec<u32> = (0..1000).map(|i| 70_000 + i % 9).collect();
/// let mut page = Vec::new();
/// pack::encode_u32(&column, &mut page);
/// assert!(page.len() < 560, "four bits a value");
/// let mut decoded = Vec::new();
/// pack::decode_u32(&mut ByteReader::new(&page), column.len(), &mut decoded)?;
/// assert_eq!(decoded, column);
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
pub fn encode_u32(values: &[u32], out: &mut Vec<u8>) {
    for block in values.chunks(BLOCK_VALUES) {
        let min = block.iter().copied().min().unwrap_or_default();
        let spread = block.iter().fold(0, |all, value| all | (value - min));
        let width = u32::BITS - spread.leading_zeros();
        out.push(width as u8);
        varint::write(u64::from(min), out);
        match block.try_into() {
            Ok(full) => {
                let full: &[u32; BLOCK_VALUES] = full;
                kernel::pack(&full.map(|value| value - min), width, out);
            }
            Err(_) => pack_tail(block.iter().map(|value| u64::from(value - min)), width, out),
        }
    }
}

/// Decodes `count` values into `out`, replacing what it held. Memory for at most 128 values is taken per two bytes
/// of input.
///
/// # Errors
///
/// Where the input is cut or a block is malformed. `out` then holds the blocks before it.
pub fn decode_u32(reader: &mut ByteReader<'_>, count: usize, out: &mut Vec<u32>) -> Result<(), DecodeError> {
    out.clear();
    let mut left = count;
    while left > 0 {
        let (width, min) = block_header(reader, u32::BITS)?;
        let Ok(min) = u32::try_from(min) else {
            return Err(reader.error("minimum of packed block", Expected::AtMost(u64::from(u32::MAX)), min));
        };
        let values = left.min(BLOCK_VALUES);
        if values == BLOCK_VALUES {
            let rows = reader.take(WHAT, row_bytes(width))?;
            kernel::unpack(rows, width, min, next_block(out, left));
        } else {
            unpack_tail(reader, values, width, |value| out.push((value as u32).wrapping_add(min)))?;
        }
        left -= values;
    }
    Ok(())
}

/// Appends `values`. O(values); at most 8 bytes a value and 11 a block.
pub fn encode_u64(values: &[u64], out: &mut Vec<u8>) {
    for block in values.chunks(BLOCK_VALUES) {
        let min = block.iter().copied().min().unwrap_or_default();
        encode_block(block, |value| value - min, min, out);
    }
}

/// Decodes `count` values into `out`, as [`decode_u32`] does.
///
/// # Errors
///
/// Where the input is cut or a block is malformed.
pub fn decode_u64(reader: &mut ByteReader<'_>, count: usize, out: &mut Vec<u64>) -> Result<(), DecodeError> {
    decode_blocks(reader, count, out, u64::wrapping_add)
}

/// Appends `values`. O(values); at most 8 bytes a value and 11 a block.
pub fn encode_i64(values: &[i64], out: &mut Vec<u8>) {
    for block in values.chunks(BLOCK_VALUES) {
        let min = block.iter().copied().min().unwrap_or_default();
        encode_block(block, |value| value.wrapping_sub(min) as u64, varint::zigzag(min), out);
    }
}

/// Decodes `count` values into `out`, as [`decode_u32`] does.
///
/// # Errors
///
/// Where the input is cut or a block is malformed.
pub fn decode_i64(reader: &mut ByteReader<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    decode_blocks(reader, count, out, |min, value| varint::unzigzag(min).wrapping_add(value as i64))
}

/// Number of bytes that [`encode_i64`] appends for `values`, without packing them.
pub fn encoded_bytes_i64(values: &[i64]) -> usize {
    let block_bytes = |block: &[i64]| {
        let min = block.iter().copied().min().unwrap_or_default();
        let max = block.iter().copied().max().unwrap_or_default();
        let width = (u64::BITS - (max.wrapping_sub(min) as u64).leading_zeros()) as usize;
        1 + varint::length(varint::zigzag(min)) + (width * block.len()).div_ceil(8)
    };
    values.chunks(BLOCK_VALUES).map(block_bytes).sum()
}

fn encode_block<T: Copy>(block: &[T], offset_of: impl Fn(T) -> u64, min: u64, out: &mut Vec<u8>) {
    let spread = block.iter().fold(0, |all, &value| all | offset_of(value));
    let width = u64::BITS - spread.leading_zeros();
    out.push(width as u8);
    varint::write(min, out);
    if block.len() < BLOCK_VALUES {
        return pack_tail(block.iter().map(|&value| offset_of(value)), width, out);
    }
    let mut half = [0u32; BLOCK_VALUES];
    for (slot, &value) in half.iter_mut().zip(block) {
        *slot = offset_of(value) as u32;
    }
    kernel::pack(&half, width.min(32), out);
    if width > 32 {
        for (slot, &value) in half.iter_mut().zip(block) {
            *slot = (offset_of(value) >> 32) as u32;
        }
        kernel::pack(&half, width - 32, out);
    }
}

fn decode_blocks<T: Copy + Default>(
    reader: &mut ByteReader<'_>,
    count: usize,
    out: &mut Vec<T>,
    restore: impl Fn(u64, u64) -> T,
) -> Result<(), DecodeError> {
    out.clear();
    let mut low = [0u32; BLOCK_VALUES];
    let mut high = [0u32; BLOCK_VALUES];
    let mut left = count;
    while left > 0 {
        let (width, min) = block_header(reader, u64::BITS)?;
        let values = left.min(BLOCK_VALUES);
        if values < BLOCK_VALUES {
            unpack_tail(reader, values, width, |value| out.push(restore(min, value)))?;
        } else if width <= 32 {
            kernel::unpack(reader.take(WHAT, row_bytes(width))?, width, 0, &mut low);
            for (slot, &value) in next_block(out, left).iter_mut().zip(&low) {
                *slot = restore(min, u64::from(value));
            }
        } else {
            kernel::unpack(reader.take(WHAT, row_bytes(32))?, 32, 0, &mut low);
            kernel::unpack(reader.take(WHAT, row_bytes(width - 32))?, width - 32, 0, &mut high);
            for (slot, (&low, &high)) in next_block(out, left).iter_mut().zip(low.iter().zip(&high)) {
                *slot = restore(min, u64::from(low) | u64::from(high) << 32);
            }
        }
        left -= values;
    }
    Ok(())
}

fn block_header(reader: &mut ByteReader<'_>, width_max: u32) -> Result<(u32, u64), DecodeError> {
    let width = u32::from(reader.u8(WHAT)?);
    if width > width_max {
        return Err(reader.error(
            "width of packed block",
            Expected::AtMost(u64::from(width_max)),
            u64::from(width),
        ));
    }
    Ok((width, reader.varint("minimum of packed block")?))
}

/// Room for the next full block at the end of `out`. `left` values are still to come, this block's among them.
#[inline]
fn next_block<T: Copy + Default>(out: &mut Vec<T>, left: usize) -> &mut [T; BLOCK_VALUES] {
    let start = out.len();
    if out.capacity() - start < BLOCK_VALUES {
        // Doubles, but not beyond what the count asks for: input that ends early has cost little.
        out.reserve_exact(left.min(start.max(8 * BLOCK_VALUES)));
    }
    out.resize(start + BLOCK_VALUES, T::default());
    out.last_chunk_mut().expect("the block was just appended")
}

fn pack_tail(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut writer = BitWriter::append_to(std::mem::take(out));
    for value in values {
        writer.write(value, width);
    }
    *out = writer.finish();
}

/// Bits of a field that one load of 64 brings, wherever in its first byte the field begins.
const LOAD_BITS: u32 = 57;

/// The first 64 bits, zeros behind the end.
#[inline(always)]
fn load(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    let shifts = (0..).step_by(8);
    bytes.iter().zip(shifts).fold(0, |word, (byte, shift)| word | u64::from(*byte) << shift)
}

fn unpack_tail(
    reader: &mut ByteReader<'_>,
    count: usize,
    width: u32,
    mut sink: impl FnMut(u64),
) -> Result<(), DecodeError> {
    let packed = reader.take(WHAT, (count * width as usize).div_ceil(8))?;
    if width <= LOAD_BITS {
        let mask = (1 << width) - 1;
        for bit in (0..count).map(|index| index * width as usize) {
            sink(load(packed.get(bit / 8..).unwrap_or(&[])) >> (bit % 8) & mask);
        }
        return Ok(());
    }
    let mut bits = BitReader::new(packed);
    for _ in 0..count {
        sink(bits.read(WHAT, width)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
