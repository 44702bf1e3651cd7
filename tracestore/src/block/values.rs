//! A column of attribute values: typed where all values are of one type.
//!
//! ```text
//! column   kind:u8 and, by kind:
//!          0 texts    dictionary (zstd of `bedrock::codec::dictionary`): length:varint, bytes  codes: numbers
//!          1 integers numbers
//!          2 floats   length:varint, pco
//!          3 truths   numbers, 0 or 1
//!          4 mixed    as texts; an entry is an OTLP value in protobuf
//! ```

use std::sync::Arc;

use bedrock::codec::dictionary::{Dictionary, DictionaryBuilder};
use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, DecodeError, Expected, numbers, pco_page};

use super::coder::Coder;
use super::format::GROUP_SPANS_MAX;
use super::row::ValueRow;
use crate::column::Column;
use crate::model::AnyValue;
use crate::otlp::proto;
use crate::otlp::view::ValueView;
use crate::traceql::Value;

const KIND_TEXTS: u8 = 0;
const KIND_INTS: u8 = 1;
const KIND_FLOATS: u8 = 2;
const KIND_TRUTHS: u8 = 3;
const KIND_MIXED: u8 = 4;

/// Most bytes of a dictionary when decompressed.
const DICTIONARY_BYTES_MAX: usize = 1 << 30;

/// Gathers the values of a column. It is typed until a value of another type arrives.
#[derive(Debug, Default)]
pub(super) struct ValuesBuilder {
    gathered: Gathered,
    values: usize,
    repeats: bool,
}

#[derive(Debug, Default)]
enum Gathered {
    #[default]
    Nothing,
    Texts {
        entries: DictionaryBuilder,
        codes: Vec<i64>,
    },
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Truths(Vec<i64>),
    Mixed {
        entries: DictionaryBuilder,
        codes: Vec<i64>,
    },
}

/// What the bytes of a distinct value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ValueKind {
    Text,
    Int,
    Float,
    Truth,
    /// An OTLP value in protobuf.
    Any,
}

impl Gathered {
    fn texts() -> Self {
        Gathered::Texts { entries: DictionaryBuilder::default(), codes: Vec::new() }
    }
}

impl ValuesBuilder {
    pub(super) fn push(&mut self, value: ValueRow<'_>) {
        if self.values == 0 {
            self.gathered = match value.scalar() {
                Some(ValueView::String(_)) => Gathered::texts(),
                Some(ValueView::Int(_)) => Gathered::Ints(Vec::new()),
                Some(ValueView::Double(_)) => Gathered::Floats(Vec::new()),
                Some(ValueView::Bool(_)) => Gathered::Truths(Vec::new()),
                _ => Gathered::Mixed { entries: DictionaryBuilder::default(), codes: Vec::new() },
            };
        }
        self.values += 1;
        match (&mut self.gathered, value.scalar()) {
            (Gathered::Texts { entries, codes }, Some(ValueView::String(text))) => {
                codes.push(entries.intern(text.as_bytes()).into());
            }
            (Gathered::Ints(values), Some(ValueView::Int(number))) => values.push(number),
            (Gathered::Floats(values), Some(ValueView::Double(number))) => values.push(number),
            (Gathered::Truths(values), Some(ValueView::Bool(truth))) => values.push(truth.into()),
            _ => {
                self.mix();
                if let Gathered::Mixed { entries, codes } = &mut self.gathered {
                    codes.push(entries.intern(&value.message()).into());
                }
            }
        }
    }

    /// Adds a text.
    pub(super) fn push_text(&mut self, text: &str) {
        self.push(ValueRow::Wire(ValueView::String(text)));
    }

    /// Says that a row had the key twice.
    pub(super) fn set_repeats(&mut self) {
        self.repeats = true;
    }

    /// Whether a row had the key twice.
    pub(super) fn repeats(&self) -> bool {
        self.repeats
    }

    /// Shows every distinct value, numbers as often as they occur.
    pub(super) fn each_distinct(&self, mut see: impl FnMut(&[u8], ValueKind)) {
        match &self.gathered {
            Gathered::Nothing => {}
            Gathered::Texts { entries, .. } => entries.iter().for_each(|entry| see(entry, ValueKind::Text)),
            Gathered::Mixed { entries, .. } => entries.iter().for_each(|entry| see(entry, ValueKind::Any)),
            Gathered::Ints(values) => {
                let mut last = None;
                for value in values.iter().filter(|value| last.replace(**value) != Some(**value)) {
                    see(&value.to_le_bytes(), ValueKind::Int);
                }
            }
            Gathered::Floats(values) => {
                values.iter().for_each(|value| see(&value.to_bits().to_le_bytes(), ValueKind::Float));
            }
            Gathered::Truths(values) => {
                values.iter().for_each(|value| see(&[*value as u8], ValueKind::Truth));
            }
        }
    }

    /// Turns what was gathered into values of any type.
    fn mix(&mut self) {
        let values = match std::mem::take(&mut self.gathered) {
            Gathered::Nothing => Vec::new(),
            Gathered::Ints(values) => values.into_iter().map(AnyValue::Int).collect(),
            Gathered::Floats(values) => values.into_iter().map(AnyValue::Double).collect(),
            Gathered::Truths(values) => values.into_iter().map(|truth| AnyValue::Bool(truth != 0)).collect(),
            Gathered::Texts { entries, codes } => {
                let texts: Vec<AnyValue> = entries
                    .iter()
                    .map(|text| AnyValue::String(String::from_utf8_lossy(text).into_owned()))
                    .collect();
                codes.into_iter().filter_map(|code| texts.get(code as usize).cloned()).collect()
            }
            mixed @ Gathered::Mixed { .. } => {
                self.gathered = mixed;
                return;
            }
        };
        let mut entries = DictionaryBuilder::default();
        let codes = values.iter().map(|value| entries.intern(&proto::encode_value(value)).into()).collect();
        self.gathered = Gathered::Mixed { entries, codes };
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.values
    }

    /// Appends the column.
    pub(super) fn write(&self, coder: &mut Coder, out: &mut Vec<u8>) {
        match &self.gathered {
            Gathered::Nothing => {
                out.push(KIND_INTS);
                coder.numbers(&[], out);
            }
            Gathered::Texts { entries, codes } => write_coded(KIND_TEXTS, entries, codes, coder, out),
            Gathered::Mixed { entries, codes } => write_coded(KIND_MIXED, entries, codes, coder, out),
            Gathered::Ints(values) => {
                out.push(KIND_INTS);
                coder.numbers(values, out);
            }
            Gathered::Truths(values) => {
                out.push(KIND_TRUTHS);
                coder.numbers(values, out);
            }
            Gathered::Floats(values) => {
                out.push(KIND_FLOATS);
                coder.floats(values, out);
            }
        }
    }
}

fn write_coded(kind: u8, entries: &DictionaryBuilder, codes: &[i64], coder: &mut Coder, out: &mut Vec<u8>) {
    out.push(kind);
    let mut raw = Vec::new();
    entries.write(&mut raw);
    coder.compressed(&raw, out);
    coder.numbers(codes, out);
}

/// A decoded column.
#[derive(Debug)]
pub(super) enum ValueColumn {
    Texts { entries: Texts, codes: Vec<u32> },
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Truths(Vec<i64>),
    Mixed { entries: Vec<AnyValue>, codes: Vec<u32> },
}

impl ValueColumn {
    /// Reads a column of `count` values off the front of `reader`.
    pub(super) fn read(
        reader: &mut ByteReader<'_>,
        count: usize,
        zstd: &mut ZstdDecoder,
    ) -> Result<Self, DecodeError> {
        Ok(match reader.u8("kind of column")? {
            KIND_TEXTS => {
                let entries = Texts::read(reader, zstd)?;
                let codes = read_codes(reader, count, entries.len())?;
                ValueColumn::Texts { entries, codes }
            }
            KIND_MIXED => {
                let raw = unpacked(reader, zstd)?;
                let dictionary = Dictionary::read(&mut ByteReader::new(&raw), GROUP_SPANS_MAX)?;
                let entries: Option<Vec<AnyValue>> =
                    dictionary.iter().map(|entry| proto::decode_value(entry).ok()).collect();
                let not_values = || reader.error("entries", Expected::Form("values"), raw.len() as u64);
                let entries = entries.ok_or_else(not_values)?;
                let codes = read_codes(reader, count, entries.len())?;
                ValueColumn::Mixed { entries, codes }
            }
            KIND_INTS => ValueColumn::Ints(numbers::read(reader, count)?),
            KIND_TRUTHS => ValueColumn::Truths(numbers::read(reader, count)?),
            KIND_FLOATS => {
                let mut values = Vec::new();
                pco_page::decode(reader.bytes("floats")?, count, &mut values)?;
                ValueColumn::Floats(values)
            }
            kind => {
                return Err(reader.error("kind of column", Expected::AtMost(KIND_MIXED.into()), kind.into()));
            }
        })
    }

    /// The value at `index` as it was stored.
    pub(super) fn any(&self, index: usize) -> AnyValue {
        match self {
            ValueColumn::Texts { entries, codes } => {
                let text = codes.get(index).and_then(|code| entries.get(*code));
                AnyValue::String(text.unwrap_or_default().to_owned())
            }
            ValueColumn::Ints(values) => AnyValue::Int(values.get(index).copied().unwrap_or_default()),
            ValueColumn::Floats(values) => AnyValue::Double(values.get(index).copied().unwrap_or_default()),
            ValueColumn::Truths(values) => AnyValue::Bool(values.get(index).is_some_and(|truth| *truth != 0)),
            ValueColumn::Mixed { entries, codes } => {
                codes.get(index).and_then(|code| entries.get(*code as usize)).cloned().unwrap_or_default()
            }
        }
    }

    /// The distinct texts, to be shared, and which each value is; none of a column of other values.
    pub(super) fn shared(&self) -> (Vec<Arc<str>>, &[u32]) {
        match self {
            ValueColumn::Texts { entries, codes } => (entries.iter().map(Arc::from).collect(), codes),
            _ => (Vec::new(), &[]),
        }
    }

    /// The text at `index`; empty where it is none.
    pub(super) fn text(&self, index: usize) -> &str {
        match self {
            ValueColumn::Texts { entries, codes } => {
                codes.get(index).and_then(|code| entries.get(*code)).unwrap_or_default()
            }
            _ => "",
        }
    }

    /// The value at `index`, borrowed; `None` beyond the end.
    pub(super) fn row(&self, index: usize) -> Option<ValueRow<'_>> {
        Some(ValueRow::Wire(match self {
            ValueColumn::Texts { entries, codes } => ValueView::String(entries.get(*codes.get(index)?)?),
            ValueColumn::Ints(values) => ValueView::Int(*values.get(index)?),
            ValueColumn::Floats(values) => ValueView::Double(*values.get(index)?),
            ValueColumn::Truths(values) => ValueView::Bool(*values.get(index)? != 0),
            ValueColumn::Mixed { entries, codes } => {
                return entries.get(*codes.get(index)? as usize).map(ValueRow::Model);
            }
        }))
    }

    /// The value at `index` as TraceQL sees it.
    pub(super) fn value(&self, index: usize) -> Value {
        match self {
            ValueColumn::Texts { .. } => Value::str(self.text(index)),
            ValueColumn::Ints(values) => Value::Int(values.get(index).copied().unwrap_or_default()),
            ValueColumn::Floats(values) => Value::Float(values.get(index).copied().unwrap_or_default()),
            ValueColumn::Truths(values) => Value::Bool(values.get(index).is_some_and(|truth| *truth != 0)),
            ValueColumn::Mixed { .. } => Value::from_any(&self.any(index)),
        }
    }

    /// The column of rows of which each has the value at an index, or none.
    pub(super) fn column(&self, rows: impl Iterator<Item = Option<u32>>) -> Column {
        match self {
            ValueColumn::Texts { entries, codes } => {
                coded(entries.iter().map(Value::str).collect(), codes, rows)
            }
            ValueColumn::Mixed { entries, codes } => {
                coded(entries.iter().map(Value::from_any).collect(), codes, rows)
            }
            _ => Column::Values(
                rows.map(|index| index.map_or(Value::Nil, |index| self.value(index as usize))).collect(),
            ),
        }
    }
}

/// The column of rows of which each has the coded value at an index, or none.
fn coded(mut values: Vec<Value>, codes: &[u32], rows: impl Iterator<Item = Option<u32>>) -> Column {
    let absent = values.len() as u32;
    values.push(Value::Nil);
    let code =
        |index: Option<u32>| index.and_then(|index| codes.get(index as usize)).copied().unwrap_or(absent);
    Column::Coded { codes: rows.map(code).collect(), values }
}

/// Distinct texts, back to back: none is taken apart before it is asked for.
#[derive(Debug)]
pub(super) struct Texts {
    raw: String,
    /// Where each text begins, and the end.
    bounds: Vec<u32>,
}

impl Texts {
    fn read(reader: &mut ByteReader<'_>, zstd: &mut ZstdDecoder) -> Result<Self, DecodeError> {
        let raw = unpacked(reader, zstd)?;
        let dictionary = Dictionary::read(&mut ByteReader::new(&raw), GROUP_SPANS_MAX)?;
        let mut texts =
            Texts { raw: String::with_capacity(raw.len()), bounds: Vec::with_capacity(dictionary.len() + 1) };
        texts.bounds.push(0);
        for entry in dictionary.iter() {
            let text = std::str::from_utf8(entry);
            let text =
                text.map_err(|_| reader.error("entries", Expected::Form("texts"), raw.len() as u64))?;
            texts.raw.push_str(text);
            texts.bounds.push(texts.raw.len() as u32);
        }
        Ok(texts)
    }

    fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    fn get(&self, code: u32) -> Option<&str> {
        let (from, to) = (self.bounds.get(code as usize)?, self.bounds.get(code as usize + 1)?);
        self.raw.get(*from as usize..*to as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|code| self.get(code).unwrap_or_default())
    }
}

fn unpacked(reader: &mut ByteReader<'_>, zstd: &mut ZstdDecoder) -> Result<Vec<u8>, DecodeError> {
    let mut raw = Vec::new();
    zstd.decode(reader.bytes("entries")?, DICTIONARY_BYTES_MAX, &mut raw)?;
    Ok(raw)
}

fn read_codes(reader: &mut ByteReader<'_>, count: usize, entries: usize) -> Result<Vec<u32>, DecodeError> {
    let numbers = numbers::read(reader, count)?;
    to_codes(reader, &numbers, entries)
}

/// Numbers as codes below `limit`.
pub(super) fn to_codes(
    reader: &ByteReader<'_>,
    numbers: &[i64],
    limit: usize,
) -> Result<Vec<u32>, DecodeError> {
    let code = |number: &i64| match u32::try_from(*number) {
        Ok(code) if (code as usize) < limit => Ok(code),
        _ => Err(reader.error("code", Expected::AtMost(limit.saturating_sub(1) as u64), *number as u64)),
    };
    numbers.iter().map(code).collect()
}
