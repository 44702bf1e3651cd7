//! Conditions on events and links: the rows unfolded to one an event or link.

use super::{Evaluator, Result, and_into};
use crate::column::{Column, Nested};
use crate::field::{Field, Intrinsic, Scope};
use crate::traceql::Value;
use crate::traceql::engine::expr::{Expr, Test};

/// The rows unfolded to one an event or link.
pub(super) struct Unfolded {
    pub(super) scope: Scope,
    /// The span of each unfolded row.
    pub(super) spans: Vec<u32>,
    /// The event or link of each unfolded row; `u32::MAX` for a span that has none.
    pub(super) items: Vec<u32>,
}

impl Evaluator<'_> {
    /// Evaluates a condition on events or links; `None` where it is no condition but a value.
    pub(super) fn over_items(&self, expr: &Expr, scope: Scope) -> Result<Option<Vec<bool>>> {
        match expr {
            Expr::Test { .. } | Expr::Exists { .. } => {}
            Expr::And(parts) if parts.iter().filter(|part| part.open_scope().is_some()).count() > 1 => {}
            _ => return Ok(None),
        }
        if let Expr::And(parts) = expr {
            // Conditions on links are not about the events: each scope has its own witness.
            let mut truths = vec![true; self.batch.span_count()];
            for of in [None, Some(Scope::Event), Some(Scope::Link)] {
                let group: Vec<&Expr> = parts.iter().filter(|part| part.open_scope() == of).collect();
                let holds = match (of, group.as_slice()) {
                    (_, []) => continue,
                    (Some(scope), [_, _, ..]) => self.any_item(scope, &group)?,
                    _ => self.all_of(&group)?,
                };
                and_into(&mut truths, &holds);
            }
            return Ok(Some(truths));
        }
        self.any_item(scope, &[expr]).map(Some)
    }

    fn all_of(&self, parts: &[&Expr]) -> Result<Vec<bool>> {
        let mut truths = vec![true; self.batch.span_count()];
        for part in parts {
            and_into(&mut truths, &self.truths(part)?);
        }
        Ok(truths)
    }

    /// The spans with an event (or link) that fulfils all parts.
    fn any_item(&self, scope: Scope, parts: &[&Expr]) -> Result<Vec<bool>> {
        let unfolded = self.unfold(scope, parts)?;
        let mut holds = vec![true; unfolded.spans.len()];
        for part in parts {
            let out = self.eval(part, Some(&unfolded))?;
            and_into(&mut holds, &self.to_truths(out, Some(&unfolded)));
        }
        let mut truths = vec![false; self.batch.span_count()];
        for (span, _) in unfolded.spans.iter().zip(&holds).filter(|(_, holds)| **holds) {
            if let Some(truth) = truths.get_mut(*span as usize) {
                *truth = true;
            }
        }
        Ok(truths)
    }

    fn unfold(&self, scope: Scope, parts: &[&Expr]) -> Result<Unfolded> {
        let mut field = None;
        for part in parts {
            part.each_field(&mut |each| {
                if each.nested_scope() == Some(scope) {
                    field = Some(each.clone());
                }
            });
        }
        let field = field.unwrap_or(Field::Intrinsic(Intrinsic::EventName));
        let nested = self.batch.nested(&field)?;
        let mut unfolded = Unfolded { scope, spans: Vec::new(), items: Vec::new() };
        for (row, bounds) in nested.offsets.windows(2).enumerate() {
            let [start, end] = *bounds else { continue };
            let items = if start == end { u32::MAX..u32::MAX } else { start..end };
            if start == end {
                unfolded.spans.push(row as u32);
                unfolded.items.push(u32::MAX);
            }
            unfolded.spans.extend(items.clone().map(|_| row as u32));
            unfolded.items.extend(items);
        }
        Ok(unfolded)
    }
}

/// What a link of nothing shows where a span without links is asked for a link whose id is compared with something
/// that is no id: the reference's store then hands over every span.
pub(super) fn unlinked(operand: &Expr, test: &Test) -> Option<Value> {
    let Expr::Fields(fields) = operand else { return None };
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let compared = match test {
        Test::Literal { literal, .. } => literal.as_str()?,
        Test::Regex { pattern, .. } => pattern.source(),
    };
    match fields.as_slice() {
        _ if is_id(compared) => None,
        [Field::Intrinsic(Intrinsic::LinkSpanId)] => Some(Value::str("0".repeat(16))),
        [Field::Intrinsic(Intrinsic::LinkTraceId)] => Some(Value::str("")),
        _ => None,
    }
}

/// What stands for the events or links of a span where one value is needed: the first there is. The intrinsics of a
/// span without any are those of an event or link that says nothing.
pub(super) fn first_items(nested: &Nested, rows: usize, field: &Field) -> Column {
    let default = match field {
        Field::Intrinsic(Intrinsic::EventTimeSinceStart) => Value::Duration(0),
        Field::Intrinsic(_) => Value::str(""),
        Field::Attribute(..) => Value::Nil,
    };
    let first = |row| nested.row(row).iter().find(|value| !value.is_nil()).unwrap_or(&default).clone();
    Column::Values((0..rows).map(first).collect())
}
