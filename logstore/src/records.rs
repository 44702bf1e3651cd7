//! What a record of the log means: one committed batch.
//!
//! ```text
//! record  version:u8  form:u8 (0 plain, 1 zstd)  payload
//! payload streams:varint, each pairs:varint and as many (length:varint name, length:varint value)
//!         entries:varint, then in columns: stream:varint.. time minus the one before:zigzag..
//!         line bytes:varint.. metadata bytes:varint..
//!         lines and metadata of all entries, back to back
//! ```
//!
//! A record names its streams in full: it can be read without any other one. Lines shrink to a quarter at about
//! 1 GB/s, so that compressing a record costs less than writing it plain.
//!
//! Version 1 is the first.

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::zstd_page::{ZstdDecoder, ZstdEncoder};
use bedrock::codec::{ByteReader, DecodeError, Expected, varint};
use bedrock::labels::Labels;

use crate::batch::{Batch, BatchEntry, MetadataIter};

const VERSION: u8 = 1;
const FORM_PLAIN: u8 = 0;
const FORM_ZSTD: u8 = 1;
/// Smaller payloads stay plain.
const ZSTD_BYTES_MIN: usize = 1024;
const ZSTD_LEVEL: i32 = -3;
/// Most bytes of an unpacked payload.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// Encodes a batch.
pub(crate) fn encode(batch: &Batch) -> Vec<u8> {
    let mut payload = Vec::with_capacity(batch.bytes.len() + batch.entries.len() * 12 + 256);
    varint::write(batch.streams.len() as u64, &mut payload);
    for labels in &batch.streams {
        varint::write(labels.len() as u64, &mut payload);
        for (name, value) in labels {
            write_bytes(name.as_bytes(), &mut payload);
            write_bytes(value.as_bytes(), &mut payload);
        }
    }
    varint::write(batch.entries.len() as u64, &mut payload);
    batch.entries.iter().for_each(|entry| varint::write(u64::from(entry.stream), &mut payload));
    let mut before = 0i64;
    for entry in &batch.entries {
        varint::write_zigzag(entry.ts_ns.wrapping_sub(before), &mut payload);
        before = entry.ts_ns;
    }
    batch.entries.iter().for_each(|entry| varint::write(u64::from(entry.line_bytes), &mut payload));
    batch.entries.iter().for_each(|entry| varint::write(u64::from(entry.metadata_bytes), &mut payload));
    payload.extend_from_slice(&batch.bytes);
    if payload.len() < ZSTD_BYTES_MIN {
        let mut record = vec![VERSION, FORM_PLAIN];
        record.extend_from_slice(&payload);
        return record;
    }
    let mut record = vec![VERSION, FORM_ZSTD];
    ZstdEncoder::new(ZSTD_LEVEL).expect("the level is one of zstd's").encode(&payload, &mut record);
    record
}

/// Decodes a batch.
pub(crate) fn decode(record: &[u8]) -> Result<Batch, DecodeError> {
    let mut reader = ByteReader::new(record);
    let version = reader.u8("version of record")?;
    if version != VERSION {
        return Err(reader.error("version of record", Expected::Exactly(VERSION.into()), version.into()));
    }
    match reader.u8("form of record")? {
        FORM_PLAIN => decode_payload(reader.rest()),
        FORM_ZSTD => {
            let mut payload = Vec::new();
            ZstdDecoder::new().decode(reader.rest(), PAYLOAD_BYTES_MAX, &mut payload)?;
            decode_payload(&payload)
        }
        form => Err(reader.error("form of record", Expected::AtMost(FORM_ZSTD.into()), form.into())),
    }
}

fn decode_payload(payload: &[u8]) -> Result<Batch, DecodeError> {
    let mut reader = ByteReader::new(payload);
    let streams = (0..reader.count("streams", payload.len())?)
        .map(|_| decode_labels(&mut reader))
        .collect::<Result<Vec<_>, _>>()?;
    let count = reader.count("entries", payload.len())?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = reader.count("stream of entry", streams.len().saturating_sub(1))? as u32;
        entries.push(BatchEntry { stream, line_bytes: 0, metadata_bytes: 0, ts_ns: 0 });
    }
    let mut before = 0i64;
    for entry in &mut entries {
        before = before.wrapping_add(reader.zigzag("time of entry")?);
        entry.ts_ns = before;
    }
    for entry in &mut entries {
        entry.line_bytes = reader.count("bytes of line", payload.len())? as u32;
    }
    for entry in &mut entries {
        entry.metadata_bytes = reader.count("bytes of metadata", payload.len())? as u32;
    }
    if streams.is_empty() && count > 0 {
        return Err(reader.error("stream of entry", Expected::Form("a stream"), 0));
    }
    check_bytes(&reader, &entries)?;
    Ok(Batch::from_parts(streams, entries, reader.rest().to_vec()))
}

/// Lines and metadata must fill the rest, and metadata must be readable: nothing behind this checks it again.
fn check_bytes(reader: &ByteReader<'_>, entries: &[BatchEntry]) -> Result<(), DecodeError> {
    let mut rest = reader.clone();
    for entry in entries {
        rest.take("line", entry.line_bytes as usize)?;
        let metadata = rest.take("metadata", entry.metadata_bytes as usize)?;
        MetadataIter::new(metadata).try_for_each(|pair| pair.map(|_| ()))?;
    }
    rest.finish("record")
}

/// Reads one label set, as [`encode`] writes it.
pub(crate) fn decode_labels(reader: &mut ByteReader<'_>) -> Result<Labels, DecodeError> {
    let before = reader.clone();
    let count = reader.count("labels of stream", reader.remaining())?;
    let pairs = (0..count)
        .map(|_| Ok((reader.text("label name")?, reader.text("label value")?)))
        .collect::<Result<Vec<_>, DecodeError>>()?;
    Labels::from_pairs(pairs)
        .map_err(|_| before.error("labels of stream", Expected::Form("unique names"), count as u64))
}
