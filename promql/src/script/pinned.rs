//! A query pinned to its time: with `@` on every selector it must give the same answer whenever it is evaluated.

use crate::ast::{At, Expr, TimeModifiers};
use crate::signature::FunctionId;

/// The query with `@ time_ms` on every selector and subquery that is not pinned to a timestamp yet; `None` where a
/// function depends on the time of evaluation, so that the answer may differ.
pub(super) fn pinned(expr: &Expr, time_ms: i64) -> Option<Expr> {
    let mut expr = expr.clone();
    pin(&mut expr, At::Timestamp(time_ms)).then_some(expr)
}

/// The times at which a pinned query is evaluated.
pub(super) fn other_times(time_ms: i64) -> Vec<i64> {
    if time_ms == 0 {
        return vec![-1000, 0, 1000];
    }
    vec![-10 * time_ms, 0, time_ms / 5, time_ms, 10 * time_ms]
}

/// Pins everything below. Returns false where the answer depends on the time of evaluation.
fn pin(expr: &mut Expr, at: At) -> bool {
    match expr {
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Vector(selector) => pin_selector(&mut selector.modifiers, at),
        Expr::Matrix(matrix) => pin_selector(&mut matrix.selector.modifiers, at),
        // Whatever stands inside of a pinned subquery is evaluated at its steps, whenever that happens.
        Expr::Subquery(subquery) => pin_selector(&mut subquery.modifiers, at),
        Expr::Call(call) => {
            let safe = !depends_on_time(call.function.id);
            call.args.iter_mut().fold(safe, |safe, arg| pin(arg, at) && safe)
        }
        Expr::Aggregate(aggregate) => {
            let safe = pin(&mut aggregate.expr, at);
            aggregate.param.as_mut().is_none_or(|param| pin(param, at)) && safe
        }
        Expr::Binary(binary) => {
            let safe = pin(&mut binary.lhs, at);
            pin(&mut binary.rhs, at) && safe
        }
        Expr::Unary(unary) => pin(&mut unary.expr, at),
        Expr::Paren(paren) => pin(&mut paren.expr, at),
    }
}

fn pin_selector(modifiers: &mut TimeModifiers, at: At) -> bool {
    if !matches!(modifiers.at, Some(At::Timestamp(_))) {
        modifiers.at = Some(at);
    }
    true
}

fn depends_on_time(function: FunctionId) -> bool {
    matches!(
        function,
        FunctionId::Time
            | FunctionId::Timestamp
            | FunctionId::PredictLinear
            | FunctionId::Start
            | FunctionId::End
            | FunctionId::Step
            | FunctionId::Range
            | FunctionId::DaysInMonth
            | FunctionId::DayOfMonth
            | FunctionId::DayOfWeek
            | FunctionId::DayOfYear
            | FunctionId::Hour
            | FunctionId::Minute
            | FunctionId::Month
            | FunctionId::Year
    )
}

/// Whether a text refers to the times of its query, so that an instant and a range query may differ.
pub(super) fn refers_to_query_times(query: &str) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|call| query.contains(call))
}
