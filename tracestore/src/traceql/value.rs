//! Values as TraceQL sees them: typed scalars and arrays of one type.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::{AnyValue, SpanKind, StatusCode};

/// A value in a query, of an attribute or in an answer.
///
/// `==` and hashing are by type and bits, as grouping needs it: `8` and `8.0` are different, `NaN` equals itself. The
/// operators of the language are in the engine.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing: the attribute is absent.
    #[default]
    Nil,
    /// Something that TraceQL cannot look into: a map, bytes, an empty, mixed or nested array. It compares like
    /// [`Value::Nil`], but the attribute is there, so it is not `= nil`.
    Opaque,
    /// A signed integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// A truth value.
    Bool(bool),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A span's status.
    Status(StatusCode),
    /// A span's kind.
    Kind(SpanKind),
    /// Integers.
    IntArray(Arc<[i64]>),
    /// Floats.
    FloatArray(Arc<[f64]>),
    /// Texts.
    StrArray(Arc<[Arc<str>]>),
    /// Truth values.
    BoolArray(Arc<[bool]>),
}

/// The type of a [`Value`] or of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each names the variant of Value, and Attribute says that only the data will tell"
)]
pub enum Type {
    Nil,
    Attribute,
    Int,
    Float,
    Str,
    Bool,
    IntArray,
    FloatArray,
    StrArray,
    BoolArray,
    Duration,
    Status,
    Kind,
}

impl Type {
    /// Whether it is a number of any kind, durations included.
    pub fn is_numeric(self) -> bool {
        matches!(self, Type::Int | Type::Float | Type::Duration)
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.element().is_some()
    }

    /// The type of an array's elements.
    pub fn element(self) -> Option<Type> {
        match self {
            Type::IntArray => Some(Type::Int),
            Type::FloatArray => Some(Type::Float),
            Type::StrArray => Some(Type::Str),
            Type::BoolArray => Some(Type::Bool),
            _ => None,
        }
    }

    /// Whether a value of this type can stand on the other side of an operator from a value of `other`.
    pub fn fits(self, other: Type) -> bool {
        let scalar = |a: Type, b: Type| {
            a == b
                || (a.is_numeric() && b.is_numeric())
                || [a, b].iter().any(|t| matches!(t, Type::Attribute | Type::Nil))
        };
        scalar(self, other)
            || self.element().is_some_and(|element| element.fits(other))
            || other.element().is_some_and(|element| element.fits(self))
    }
}

impl Value {
    /// A text.
    pub fn str(text: impl AsRef<str>) -> Self {
        Value::Str(Arc::from(text.as_ref()))
    }

    /// What TraceQL sees of an attribute's value.
    pub fn from_any(value: &AnyValue) -> Self {
        match value {
            AnyValue::String(text) => Value::str(text),
            AnyValue::Bool(truth) => Value::Bool(*truth),
            AnyValue::Int(number) => Value::Int(*number),
            AnyValue::Double(number) => Value::Float(*number),
            // An array of one element is queried, grouped and shown like the element.
            AnyValue::Array(elements) => match elements.as_slice() {
                [AnyValue::Array(_)] => Value::Opaque,
                [only] => Value::from_any(only),
                several => array(several).unwrap_or(Value::Opaque),
            },
            AnyValue::Empty | AnyValue::Map(_) | AnyValue::Bytes(_) => Value::Opaque,
        }
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Value::Nil | Value::Opaque => Type::Nil,
            Value::Int(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Str(_) => Type::Str,
            Value::Bool(_) => Type::Bool,
            Value::Duration(_) => Type::Duration,
            Value::Status(_) => Type::Status,
            Value::Kind(_) => Type::Kind,
            Value::IntArray(_) => Type::IntArray,
            Value::FloatArray(_) => Type::FloatArray,
            Value::StrArray(_) => Type::StrArray,
            Value::BoolArray(_) => Type::BoolArray,
        }
    }

    /// Whether it is nothing that the language can compare.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil | Value::Opaque)
    }

    /// As a float, where it is a number; durations in nanoseconds.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(number) | Value::Duration(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, where it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array; a scalar is its own only element and nothing has none.
    pub fn elements(&self) -> Vec<Value> {
        match self {
            Value::Nil | Value::Opaque => Vec::new(),
            Value::IntArray(items) => items.iter().copied().map(Value::Int).collect(),
            Value::FloatArray(items) => items.iter().copied().map(Value::Float).collect(),
            Value::StrArray(items) => items.iter().cloned().map(Value::Str).collect(),
            Value::BoolArray(items) => items.iter().copied().map(Value::Bool).collect(),
            scalar => vec![scalar.clone()],
        }
    }

    /// The order in which `min` and `max` and sorted answers see values: numbers by size, other types by type first.
    pub fn order(&self, other: &Value) -> Ordering {
        if let (Some(a), Some(b)) = (self.as_f64(), other.as_f64())
            && self.kind() != other.kind()
        {
            return a.total_cmp(&b);
        }
        match (self, other) {
            (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Str(a), Value::Str(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Status(a), Value::Status(b)) => a.0.cmp(&b.0),
            (Value::Kind(a), Value::Kind(b)) => a.0.cmp(&b.0),
            (Value::IntArray(a), Value::IntArray(b)) => a.cmp(b),
            (Value::StrArray(a), Value::StrArray(b)) => a.cmp(b),
            (Value::BoolArray(a), Value::BoolArray(b)) => a.cmp(b),
            (Value::FloatArray(a), Value::FloatArray(b)) => {
                let by_items =
                    a.iter().zip(b.iter()).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
                by_items.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            _ => self.kind().cmp(&other.kind()),
        }
    }
}

fn array(elements: &[AnyValue]) -> Option<Value> {
    let all = |pick: fn(&AnyValue) -> Option<Value>| elements.iter().map(pick).collect::<Option<Vec<_>>>();
    match elements.first()? {
        AnyValue::Int(_) => {
            let ints = elements.iter().map(|e| if let AnyValue::Int(n) = e { Some(*n) } else { None });
            ints.collect::<Option<Arc<[i64]>>>().map(Value::IntArray)
        }
        AnyValue::Double(_) => {
            let floats = elements.iter().map(|e| if let AnyValue::Double(n) = e { Some(*n) } else { None });
            floats.collect::<Option<Arc<[f64]>>>().map(Value::FloatArray)
        }
        AnyValue::Bool(_) => {
            let truths = elements.iter().map(|e| if let AnyValue::Bool(n) = e { Some(*n) } else { None });
            truths.collect::<Option<Arc<[bool]>>>().map(Value::BoolArray)
        }
        AnyValue::String(_) => {
            let texts = all(|e| if let AnyValue::String(s) = e { Some(Value::str(s)) } else { None })?;
            let texts = texts.into_iter().filter_map(|v| if let Value::Str(s) = v { Some(s) } else { None });
            Some(Value::StrArray(texts.collect()))
        }
        _ => None,
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) | (Value::Opaque, Value::Opaque) => true,
            (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Status(a), Value::Status(b)) => a == b,
            (Value::Kind(a), Value::Kind(b)) => a == b,
            (Value::IntArray(a), Value::IntArray(b)) => a == b,
            (Value::StrArray(a), Value::StrArray(b)) => a == b,
            (Value::BoolArray(a), Value::BoolArray(b)) => a == b,
            (Value::FloatArray(a), Value::FloatArray(b)) => {
                a.iter().map(|f| f.to_bits()).eq(b.iter().map(|f| f.to_bits()))
            }
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind().hash(state);
        match self {
            Value::Nil | Value::Opaque => {}
            Value::Int(n) | Value::Duration(n) => n.hash(state),
            Value::Float(n) => n.to_bits().hash(state),
            Value::Str(s) => s.hash(state),
            Value::Bool(b) => b.hash(state),
            Value::Status(s) => s.hash(state),
            Value::Kind(k) => k.hash(state),
            Value::IntArray(items) => items.hash(state),
            Value::FloatArray(items) => items.iter().for_each(|n| n.to_bits().hash(state)),
            Value::StrArray(items) => items.hash(state),
            Value::BoolArray(items) => items.hash(state),
        }
    }
}

/// The word of a status: `ok`, `error` or `unset`; the number where OTLP has no word for it.
pub fn status_word(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::UNSET => Some("unset"),
        StatusCode::OK => Some("ok"),
        StatusCode::ERROR => Some("error"),
        _ => None,
    }
}

/// The word of a span kind, where there is one.
pub fn kind_word(kind: SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::UNSPECIFIED => Some("unspecified"),
        SpanKind::INTERNAL => Some("internal"),
        SpanKind::SERVER => Some("server"),
        SpanKind::CLIENT => Some("client"),
        SpanKind::PRODUCER => Some("producer"),
        SpanKind::CONSUMER => Some("consumer"),
        _ => None,
    }
}

/// Prints the bare value: texts without quotes, durations like `1m30s`, arrays in brackets.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil | Value::Opaque => f.write_str("nil"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Float(number) => f.write_str(&super::number::float_literal(*number)),
            Value::Str(text) => f.write_str(text),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Duration(ns) => f.write_str(&super::number::duration(*ns)),
            Value::Status(status) => match status_word(*status) {
                Some(word) => f.write_str(word),
                None => write!(f, "status({})", status.0),
            },
            Value::Kind(kind) => match kind_word(*kind) {
                Some(word) => f.write_str(word),
                None => write!(f, "kind({})", kind.0),
            },
            Value::IntArray(_) | Value::FloatArray(_) | Value::StrArray(_) | Value::BoolArray(_) => {
                let items: Vec<String> = self.elements().iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}
