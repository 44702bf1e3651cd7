//! OTLP in JSON: numbers of 64 bits as decimal strings, ids in hexadecimal, bytes in base64.
//!
//! Reading takes names in camel case and in snake case, numbers as strings or bare, enums by number or by name, and
//! skips fields that it does not know, as the mapping demands.

mod read;
mod write;

use crate::model::ResourceSpans;

use super::{Decoded, OtlpError};

/// Reads a request.
///
/// ```
/// let request = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[
///     {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"GET /"}]}]}]}"#;
/// let decoded = tracestore::otlp::json::decode(request).unwrap();
/// assert_eq!(decoded.resource_spans[0].scopes[0].spans[0].name, "GET /");
/// ```
///
/// # Errors
/// [`OtlpError`] where the text is no request. Single spans that cannot be stored are in [`Decoded::refused`].
pub fn decode(text: &[u8]) -> Result<Decoded, OtlpError> {
    read::request(text)
}

/// Writes a request, as compact JSON.
///
/// ```
/// let text = tracestore::otlp::json::encode(&[]);
/// assert_eq!(text, r#"{"resourceSpans":[]}"#);
/// ```
pub fn encode(resource_spans: &[ResourceSpans]) -> String {
    write::request(resource_spans)
}
