//! Label sets of new series, with every text written once a section.
//!
//! ```text
//! texts            varint, then per text: length (varint) and UTF-8
//! series           varint, then per series: gap to the reference before (zigzag), labels (varint), per label the
//!                  numbers of name and value (varints)
//! ```
//!
//! A scrape of 90 series of one target repeats `job`, `instance` and most names: a series takes about 30 bytes instead
//! of 150.

use bedrock::codec::{ByteReader, DecodeError, Expected, bytes::write_bytes, varint};
use bedrock::labels::Labels;
use rustc_hash::FxHashMap;

/// Appends a section.
pub(crate) fn write_definitions<'a>(
    series: impl Iterator<Item = (u64, &'a Labels)> + Clone,
    out: &mut Vec<u8>,
) {
    let mut numbers: FxHashMap<&str, u64> = FxHashMap::default();
    let mut texts: Vec<&str> = Vec::new();
    let mut body = Vec::new();
    let (mut count, mut previous) = (0_u64, 0_u64);
    for (reference, labels) in series {
        varint::write_zigzag(reference.wrapping_sub(previous).cast_signed(), &mut body);
        previous = reference;
        count += 1;
        varint::write(labels.len() as u64, &mut body);
        for text in labels.iter().flat_map(|(name, value)| [name, value]) {
            let number = *numbers.entry(text).or_insert_with(|| {
                texts.push(text);
                texts.len() as u64 - 1
            });
            varint::write(number, &mut body);
        }
    }
    varint::write(texts.len() as u64, out);
    for text in texts {
        write_bytes(text.as_bytes(), out);
    }
    varint::write(count, out);
    out.extend_from_slice(&body);
}

/// Reads a section and gives every series to `visit`, in order. Labels are built only where `wanted` says so.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no such section.
pub(crate) fn read_definitions(
    reader: &mut ByteReader<'_>,
    mut wanted: impl FnMut(u64) -> bool,
    mut visit: impl FnMut(u64, Labels),
) -> Result<(), DecodeError> {
    let count = reader.count("texts", reader.remaining())?;
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        texts.push(reader.text("text")?);
    }
    let series = reader.count("series", reader.remaining())?;
    let mut reference = 0_u64;
    let mut pairs = Vec::new();
    for _ in 0..series {
        reference = reference.wrapping_add_signed(reader.zigzag("reference")?);
        let labels = reader.count("labels", reader.remaining() / 2)?;
        pairs.clear();
        for _ in 0..labels {
            let (name, value) = (reader.varint("name")?, reader.varint("value")?);
            let text = |number: u64| texts.get(usize::try_from(number).ok()?).copied();
            match (text(name), text(value)) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                _ => {
                    return Err(reader.error("label", Expected::AtMost(texts.len() as u64), name.max(value)));
                }
            }
        }
        if wanted(reference) {
            let labels = Labels::from_pairs(pairs.iter().copied());
            let labels =
                labels.map_err(|_| reader.error("labels", Expected::Form("unique names"), reference))?;
            visit(reference, labels);
        }
    }
    Ok(())
}
