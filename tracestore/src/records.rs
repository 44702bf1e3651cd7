//! What a record of the log means: one OTLP request in protobuf.
//!
//! ```text
//! record  version:u8  form:u8 (0 plain, 1 zstd)  request
//! ```
//!
//! Version 1 is the first.

use bedrock::codec::zstd_page::{ZstdDecoder, ZstdEncoder};
use bedrock::codec::{ByteReader, DecodeError, Expected};
use bytes::Bytes;

const VERSION: u8 = 1;
const FORM_PLAIN: u8 = 0;
const FORM_ZSTD: u8 = 1;
/// Smaller requests stay plain.
const ZSTD_BYTES_MIN: usize = 1024;
const ZSTD_LEVEL: i32 = -3;
const REQUEST_BYTES_MAX: usize = 1 << 30;

/// A context to encode requests with.
pub(crate) fn encoder() -> ZstdEncoder {
    ZstdEncoder::new(ZSTD_LEVEL).expect("the level is one of zstd's")
}

/// Encodes a request.
pub(crate) fn encode(request: &[u8], encoder: &mut ZstdEncoder) -> Vec<u8> {
    if request.len() < ZSTD_BYTES_MIN {
        let mut record = vec![VERSION, FORM_PLAIN];
        record.extend_from_slice(request);
        return record;
    }
    let mut record = vec![VERSION, FORM_ZSTD];
    encoder.encode(request, &mut record);
    record
}

/// The request of a record.
pub(crate) fn decode(record: &[u8]) -> Result<Bytes, DecodeError> {
    let mut reader = ByteReader::new(record);
    let version = reader.u8("version of record")?;
    if version != VERSION {
        return Err(reader.error("version of record", Expected::Exactly(VERSION.into()), version.into()));
    }
    match reader.u8("form of record")? {
        FORM_PLAIN => Ok(Bytes::copy_from_slice(reader.rest())),
        FORM_ZSTD => {
            let mut request = Vec::new();
            ZstdDecoder::new().decode(reader.rest(), REQUEST_BYTES_MAX, &mut request)?;
            Ok(request.into())
        }
        form => Err(reader.error("form of record", Expected::AtMost(FORM_ZSTD.into()), form.into())),
    }
}
