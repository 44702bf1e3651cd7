//! The names of attributes and their values, for those who are writing a query.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::filter;
use crate::field::{Field, Intrinsic, Scope};
use crate::source::{Source, SpanBatch, TimeWindow};
use crate::traceql::ast::{Attribute, FieldExpr};
use crate::traceql::{QueryError, Value, matching_rows, parse_attribute};

/// Which names are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeFilter {
    /// Those of all scopes and of the intrinsics.
    All,
    /// Those of one scope.
    Of(Scope),
    /// Those of the intrinsics.
    Intrinsic,
}

impl ScopeFilter {
    /// Reads a scope as requests name it; nothing and `none` ask for all.
    ///
    /// # Errors
    /// [`QueryError::Parameter`] where there is no such scope.
    pub fn parse(name: &str) -> Result<Self, QueryError> {
        match name {
            "" | "none" => Ok(ScopeFilter::All),
            "intrinsic" => Ok(ScopeFilter::Intrinsic),
            _ => Scope::ALL.into_iter().find(|scope| scope.name() == name).map(ScopeFilter::Of).ok_or_else(
                || QueryError::Parameter {
                    parameter: "scope",
                    problem: format!("there is no scope {name:?}"),
                },
            ),
        }
    }
}

/// Names by scope, `intrinsic` among them.
pub type TagNames = BTreeMap<&'static str, BTreeSet<Arc<str>>>;

/// The intrinsics that a query would name. Those of the nested set are left out.
pub fn intrinsic_names() -> [&'static str; 25] {
    [
        "duration",
        "event:name",
        "event:timeSinceStart",
        "instrumentation:name",
        "instrumentation:version",
        "kind",
        "link:spanID",
        "link:traceID",
        "name",
        "rootName",
        "rootServiceName",
        "span:duration",
        "span:id",
        "span:kind",
        "span:name",
        "span:parentID",
        "span:status",
        "span:statusMessage",
        "status",
        "statusMessage",
        "trace:duration",
        "trace:id",
        "trace:rootName",
        "trace:rootService",
        "traceDuration",
    ]
}

/// The names of the attributes of spans in a window, where `query` narrows the spans as far as it can be read.
///
/// Cost: without a query the dictionaries of the store; with one the columns of every attribute of matching batches.
///
/// # Errors
/// What reading can run into.
pub fn tag_names(
    source: &dyn Source,
    scope: ScopeFilter,
    query: &str,
    window: TimeWindow,
) -> Result<TagNames, QueryError> {
    let mut names = TagNames::new();
    if matches!(scope, ScopeFilter::All | ScopeFilter::Intrinsic) {
        names.insert("intrinsic", intrinsic_names().into_iter().map(Arc::from).collect());
    }
    let scopes = Scope::ALL
        .into_iter()
        .filter(|of| matches!(scope, ScopeFilter::All) || scope == ScopeFilter::Of(*of));
    let scopes: Vec<Scope> = scopes.collect();
    if scopes.is_empty() {
        return Ok(names);
    }
    // An attribute without scope may be the resource's or the span's, which does not narrow names.
    let alternatives =
        filter::alternatives(query).filter(|alternatives| !filter::names_unscoped(alternatives));
    let Some(alternatives) = alternatives else {
        for scope in scopes {
            names.insert(scope.name(), source.attribute_keys(scope, window)?);
        }
        names.retain(|_, keys| !keys.is_empty());
        return Ok(names);
    };
    let condition = filter::condition(alternatives);
    matching_rows(source, &condition, window, Vec::new(), &mut |batch, rows| {
        for field in batch.attributes()? {
            let Field::Attribute(of, key) = &field else { continue };
            if !scopes.contains(of) || names.get(of.name()).is_some_and(|keys| keys.contains(key)) {
                continue;
            }
            if has_any(batch, &field, rows)? {
                names.entry(of.name()).or_default().insert(Arc::clone(key));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(names)
}

fn has_any(batch: &dyn SpanBatch, field: &Field, rows: &[u32]) -> Result<bool, QueryError> {
    // A value that the language cannot look into is there all the same.
    let present = |value: &Value| !matches!(value, Value::Nil);
    if field.nested_scope().is_some() {
        let nested = batch.nested(field)?;
        return Ok(rows.iter().any(|row| nested.row(*row as usize).iter().any(present)));
    }
    let column = batch.column(field)?;
    Ok(rows.iter().any(|row| present(&column.get(*row as usize))))
}

/// The values of an attribute or intrinsic, sorted; elements of arrays one by one. A query that can be read narrows
/// the spans. Durations are not listed: there are too many.
///
/// # Errors
/// [`QueryError::Syntax`] where `tag` names no attribute, and what reading can run into.
pub fn tag_values(
    source: &dyn Source,
    tag: &str,
    query: &str,
    window: TimeWindow,
) -> Result<Vec<Value>, QueryError> {
    let attribute = parse_attribute(tag)?;
    let mut values = BTreeSet::new();
    if !matches!(attribute, Attribute::Intrinsic(Intrinsic::Duration | Intrinsic::TraceDuration)) {
        let about = match filter::alternatives(query) {
            None => {
                filter::About { literals: Vec::new(), condition: Some(FieldExpr::Literal(Value::Bool(true))) }
            }
            Some(alternatives) => filter::about(alternatives, &attribute),
        };
        values.extend(about.literals.into_iter().map(Sorted));
        if let Some(condition) = about.condition {
            collect(source, &attribute.fields(), &condition, window, &mut values)?;
        }
    }
    Ok(values.into_iter().map(|Sorted(value)| value).collect())
}

/// The values of an attribute on spans and resources as texts, sorted, as the first version of the endpoint has them:
/// the tag is a bare key, or one of `name`, `root.name` and `root.service.name`.
///
/// # Errors
/// What reading can run into.
pub fn tag_value_texts(
    source: &dyn Source,
    tag: &str,
    window: TimeWindow,
) -> Result<BTreeSet<String>, QueryError> {
    let fields = match tag {
        "service.name" => vec![Field::attribute(Scope::Resource, tag)],
        "name" => vec![Field::Intrinsic(Intrinsic::Name)],
        "root.name" => vec![Field::Intrinsic(Intrinsic::RootName)],
        "root.service.name" => vec![Field::Intrinsic(Intrinsic::RootServiceName)],
        key => vec![Field::attribute(Scope::Span, key), Field::attribute(Scope::Resource, key)],
    };
    let mut values = BTreeSet::new();
    collect(source, &fields, &FieldExpr::Literal(Value::Bool(true)), window, &mut values)?;
    Ok(values.into_iter().map(|Sorted(value)| value.to_string()).collect())
}

fn collect(
    source: &dyn Source,
    fields: &[Field],
    condition: &FieldExpr,
    window: TimeWindow,
    values: &mut BTreeSet<Sorted>,
) -> Result<(), QueryError> {
    let mut fields: Vec<Field> = fields.to_vec();
    if matches!(condition, FieldExpr::Literal(Value::Bool(true))) {
        let mut scan = Vec::new();
        for field in fields {
            let is_service = is_service(&field);
            let known = source.values(&field, window, &mut |value| {
                if is_service && !matches!(value, Value::Str(_)) {
                    values.insert(Sorted(Value::str("")));
                }
                values.extend(value.elements().into_iter().map(Sorted));
            })?;
            if !known {
                scan.push(field);
            }
        }
        fields = scan;
    }
    if fields.is_empty() {
        return Ok(());
    }
    matching_rows(source, condition, window, fields.clone(), &mut |batch, rows| {
        for field in &fields {
            let mut add = |value: &Value| values.extend(value.elements().into_iter().map(Sorted));
            if field.nested_scope().is_some() {
                let nested = batch.nested(field)?;
                rows.iter().flat_map(|row| nested.row(*row as usize)).for_each(&mut add);
                continue;
            }
            let column = batch.column(field)?;
            rows.iter().for_each(|row| add(&column.get(*row as usize)));
            // A service whose name is no text has no name beside it.
            let has_text = |row: &u32| matches!(column.get(*row as usize), Value::Str(_));
            if is_service(field) && !rows.iter().all(has_text) {
                add(&Value::str(""));
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

fn is_service(field: &Field) -> bool {
    matches!(field, Field::Attribute(Scope::Resource, key) if &**key == "service.name")
}

/// A value in the order of an answer: by type, then by value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sorted(Value);

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.kind().cmp(&other.0.kind()).then_with(|| self.0.order(&other.0))
    }
}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
