//! OTLP: `ExportTraceServiceRequest`s in protobuf and in JSON.
//!
//! [`proto`] and [`json`] turn a request into the [model](crate::model) and back. [`view`] walks the protobuf bytes
//! without copying them, for a store that writes columns straight from the wire.
//!
//! A span that cannot be stored (its id is longer than the type holds, or names nothing) is refused on its own with a
//! reason, and everything beside it is kept. Bytes that are no request at all are an error.

pub mod json;
pub mod proto;
pub mod view;

use crate::model::ResourceSpans;

/// How deep values may nest in each other: arrays of arrays and maps.
pub const VALUE_DEPTH_MAX: usize = 64;

/// What a request holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The spans, as they came.
    pub resource_spans: Vec<ResourceSpans>,
    /// The spans that cannot be stored.
    pub refused: Vec<Refused>,
}

/// A span that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Why bytes are no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The protobuf encoding is broken.
    #[error("protobuf at byte {offset} of a message: {problem}")]
    Wire {
        /// Where in the innermost message that could be found.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The text is no JSON.
    #[error("JSON: {0}")]
    Json(String),
    /// A field does not have the type that OTLP gives it.
    #[error("field {field}: expected {expected}, found {found}")]
    Field {
        /// The field, as OTLP/JSON names it.
        field: &'static str,
        /// What OTLP says.
        expected: &'static str,
        /// What stands there, shortened.
        found: String,
    },
    /// Values nest deeper than [`VALUE_DEPTH_MAX`].
    #[error("values nest deeper than {max}")]
    TooDeep {
        /// The limit.
        max: usize,
    },
}
