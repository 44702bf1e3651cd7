//! Attribute values as OpenTelemetry types them.

/// A value of an attribute, of an array element or of a map entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum AnyValue {
    /// No value was set. OTLP can say so, and it is not the same as a missing attribute.
    #[default]
    Empty,
    /// Text.
    String(String),
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A float.
    Double(f64),
    /// Values in order; they may be of different types.
    Array(Vec<AnyValue>),
    /// Keys with values, in order; a key may occur twice.
    Map(Vec<Attribute>),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

/// A key with its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attribute {
    /// The key, for example `http.method`.
    pub key: String,
    /// The value.
    pub value: AnyValue,
}

impl Attribute {
    /// A key with its value.
    pub fn new(key: impl Into<String>, value: impl Into<AnyValue>) -> Self {
        Attribute { key: key.into(), value: value.into() }
    }
}

impl From<&str> for AnyValue {
    fn from(text: &str) -> Self {
        AnyValue::String(text.to_owned())
    }
}

impl From<String> for AnyValue {
    fn from(text: String) -> Self {
        AnyValue::String(text)
    }
}

impl From<bool> for AnyValue {
    fn from(truth: bool) -> Self {
        AnyValue::Bool(truth)
    }
}

impl From<i64> for AnyValue {
    fn from(number: i64) -> Self {
        AnyValue::Int(number)
    }
}

impl From<f64> for AnyValue {
    fn from(number: f64) -> Self {
        AnyValue::Double(number)
    }
}
