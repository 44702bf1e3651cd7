//! The spans that fulfil a condition, whatever trace they are in.

use std::ops::ControlFlow;

use super::eval::{Evaluator, Mode};
use super::expr::Expr;
use super::pools::Pools;
use crate::field::Field;
use crate::source::{Requirement, ScanRequest, Source, SpanBatch, TimeWindow};
use crate::traceql::ast::FieldExpr;
use crate::traceql::error::QueryError;

/// What sees the rows of a batch.
pub(crate) type SeeRows<'a> = dyn FnMut(&dyn SpanBatch, &[u32]) -> Result<ControlFlow<()>, QueryError> + 'a;

/// Shows the rows that fulfil a condition, batch by batch, where there are any.
pub(crate) fn matching_rows(
    source: &dyn Source,
    condition: &FieldExpr,
    window: TimeWindow,
    mut fields: Vec<Field>,
    see: &mut SeeRows<'_>,
) -> Result<(), QueryError> {
    let condition = Expr::new(condition, &Pools::default())?;
    condition.each_field(&mut |field| fields.insert(0, field.clone()));
    let request = ScanRequest {
        window,
        requirement: Requirement::Anything,
        spans_only: false,
        fields,
        newest_first: false,
    };
    let mut failure = None;
    source.scan(&request, &mut |batch| {
        let seen = Evaluator::new(batch, Mode::default()).truths(&condition).and_then(|truths| {
            let rows: Vec<u32> =
                (0u32..).zip(truths).filter(|(_, holds)| *holds).map(|(row, _)| row).collect();
            if rows.is_empty() { Ok(ControlFlow::Continue(())) } else { see(batch, &rows) }
        });
        Ok(seen.unwrap_or_else(|error| {
            failure = Some(error);
            ControlFlow::Break(())
        }))
    })?;
    failure.map_or(Ok(()), Err)
}
