//! The distinct values of every field of a block, so that the values of a tag are answered from one page.
//!
//! A field with more values than fit here (ids, urls with numbers in them) is marked and has no page: its values are
//! read from the dictionaries of the groups. Resources and libraries are not kept here, they are in the index as they
//! are.

use std::collections::BTreeMap;

use bedrock::Result;
use bedrock::codec::ByteReader;
use rustc_hash::FxHashSet;

use super::coder::Coder;
use super::format::TagsMeta;
use super::group::GroupBuilder;
use super::reader::Block;
use super::row::ValueRow;
use super::values::{ValueColumn, ValueKind, ValuesBuilder};
use crate::field::{Field, Intrinsic, Scope};
use crate::memory::lookup;
use crate::model::{SpanKind, StatusCode};
use crate::otlp::proto;
use crate::otlp::view::ValueView;
use crate::traceql::Value;

/// Most distinct values of a field, and most bytes of them.
const VALUES_MAX: usize = 20_000;
const BYTES_MAX: usize = 512 << 10;
/// Most bytes of all fields together, while the block is written.
const ALL_BYTES_MAX: usize = 16 << 20;

/// A field as a byte: the scope of an attribute, or an intrinsic.
pub(super) fn of_intrinsic(intrinsic: Intrinsic) -> Option<u8> {
    Some(match intrinsic {
        Intrinsic::Name => 16,
        Intrinsic::StatusMessage => 17,
        Intrinsic::Kind => 18,
        Intrinsic::Status => 19,
        Intrinsic::EventName => 20,
        Intrinsic::RootName => 21,
        Intrinsic::RootServiceName => 22,
        _ => return None,
    })
}

/// Gathers distinct values, group by group.
#[derive(Debug, Default)]
pub(super) struct TagsBuilder {
    /// By field and key; `None` where there are too many.
    fields: BTreeMap<(u8, u32), Option<Distinct>>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Distinct {
    seen: BTreeMap<ValueKind, FxHashSet<Box<[u8]>>>,
    values: usize,
    bytes: usize,
}

impl TagsBuilder {
    /// Adds what a group has.
    pub(super) fn add(&mut self, group: &GroupBuilder) {
        for (scope, key, column) in group.columns() {
            self.add_column(scope as u8, key, column);
        }
        for (intrinsic, column) in group.text_intrinsics() {
            if let Some(of) = of_intrinsic(intrinsic) {
                self.add_column(of, 0, column);
            }
        }
        for (intrinsic, numbers) in group.number_intrinsics() {
            let Some(of) = of_intrinsic(intrinsic) else { continue };
            let mut last = None;
            for number in numbers.iter().filter(|number| last.replace(**number) != Some(**number)) {
                self.add_value(of, 0, ValueKind::Int, &number.to_le_bytes());
            }
        }
    }

    /// Adds a column of attributes.
    pub(super) fn add_column(&mut self, of: u8, key: u32, column: &ValuesBuilder) {
        if column.repeats() {
            // Queries see the first value of a key only; which those are is not known here.
            self.fields.insert((of, key), None);
            return;
        }
        self.fields.entry((of, key)).or_insert_with(|| Some(Distinct::default()));
        column.each_distinct(|bytes, kind| self.add_value(of, key, kind, bytes));
    }

    fn add_value(&mut self, of: u8, key: u32, kind: ValueKind, bytes: &[u8]) {
        let field = self.fields.entry((of, key)).or_insert_with(|| Some(Distinct::default()));
        let Some(distinct) = field else { return };
        let seen = distinct.seen.entry(kind).or_default();
        if seen.contains(bytes) {
            return;
        }
        seen.insert(bytes.into());
        distinct.values += 1;
        distinct.bytes += bytes.len();
        self.bytes += bytes.len() + 32;
        if distinct.values > VALUES_MAX || distinct.bytes > BYTES_MAX || self.bytes > ALL_BYTES_MAX {
            self.bytes -= distinct.bytes + 32 * distinct.values;
            *field = None;
        }
    }

    /// Writes a page a field with `write`, and says where they are.
    pub(super) fn finish(
        self,
        coder: &mut Coder,
        mut write: impl FnMut(&[u8]) -> Result<bedrock::block::Page>,
    ) -> Result<Vec<TagsMeta>> {
        let mut metas = Vec::with_capacity(self.fields.len());
        for ((of, key), distinct) in self.fields {
            let Some(distinct) = distinct else {
                metas.push(TagsMeta { of, key, values: 0, page: None });
                continue;
            };
            let mut column = ValuesBuilder::default();
            for (kind, values) in distinct.seen {
                let mut values: Vec<Box<[u8]>> = values.into_iter().collect();
                values.sort_unstable();
                values.iter().for_each(|bytes| push(&mut column, kind, bytes));
            }
            let mut page = Vec::new();
            column.write(coder, &mut page);
            metas.push(TagsMeta { of, key, values: column.len(), page: Some(write(&page)?) });
        }
        Ok(metas)
    }
}

fn push(column: &mut ValuesBuilder, kind: ValueKind, bytes: &[u8]) {
    let word = || <[u8; 8]>::try_from(bytes).unwrap_or_default();
    match kind {
        ValueKind::Text => column.push_text(std::str::from_utf8(bytes).unwrap_or_default()),
        ValueKind::Int => column.push(ValueRow::Wire(ValueView::Int(i64::from_le_bytes(word())))),
        ValueKind::Float => {
            column.push(ValueRow::Wire(ValueView::Double(f64::from_bits(u64::from_le_bytes(word())))));
        }
        ValueKind::Truth => column.push(ValueRow::Wire(ValueView::Bool(bytes.first() == Some(&1)))),
        ValueKind::Any => column.push(ValueRow::Model(&proto::decode_value(bytes).unwrap_or_default())),
    }
}

impl Block {
    /// The distinct values of a field, in no order; `None` where the block does not know them without reading the
    /// spans.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn tag_values(&self, field: &Field) -> Result<Option<Vec<Value>>> {
        let (of, key) = match field {
            Field::Attribute(Scope::Resource, key) => {
                let value = |resource: &crate::model::Resource| lookup(&resource.attributes, key);
                return Ok(Some(self.resources().iter().map(|resource| value(resource)).collect()));
            }
            Field::Attribute(Scope::Instrumentation, key) => {
                let value = |scope: &crate::model::Scope| lookup(&scope.attributes, key);
                return Ok(Some(self.scopes().iter().map(|scope| value(scope)).collect()));
            }
            Field::Attribute(scope, key) => match self.key(key) {
                None => return Ok(Some(Vec::new())),
                Some(key) => (*scope as u8, key),
            },
            Field::Intrinsic(intrinsic) => match of_intrinsic(*intrinsic) {
                None => return Ok(None),
                Some(of) => (of, 0),
            },
        };
        let meta = self.tags().iter().find(|meta| meta.of == of && meta.key == key);
        // A key of another scope only.
        let Some(meta) = meta else { return Ok(Some(Vec::new())) };
        let Some(page) = meta.page else { return Ok(None) };
        let bytes = self.page(page)?;
        let mut reader = ByteReader::new(&bytes);
        let column = self.with_decoder(|zstd| ValueColumn::read(&mut reader, meta.values, zstd));
        let column = column.map_err(self.damaged(page))?;
        let value = |at: usize| match (field, column.value(at)) {
            (Field::Intrinsic(Intrinsic::Kind), Value::Int(kind)) => Value::Kind(SpanKind(kind as i32)),
            (Field::Intrinsic(Intrinsic::Status), Value::Int(code)) => Value::Status(StatusCode(code as i32)),
            (_, value) => value,
        };
        Ok(Some((0..meta.values).map(value).collect()))
    }
}
