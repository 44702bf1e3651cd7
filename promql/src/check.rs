//! What the grammar cannot say: types, arities, and which modifiers go with which operands.

use crate::ast::{Aggregate, Binary, Call, Cardinality, Expr, ValueType, VectorMatching, VectorSelector};
use crate::problem::{Fault, ParseProblem, Parsed};
use crate::signature::FunctionId;
use crate::span::Span;
use bedrock::labels::METRIC_NAME;

/// Checks a tree that was just read. Clears the matching of operators between scalars, where it has no meaning.
pub(crate) fn check(expr: &mut Expr) -> Parsed<()> {
    type_of(expr).map(|_| ())
}

/// Checks an expression and everything below; returns its type. One visit to each node.
fn type_of(expr: &mut Expr) -> Parsed<ValueType> {
    let span = expr.span();
    match expr {
        Expr::Number(_) => Ok(ValueType::Scalar),
        Expr::String(_) => Ok(ValueType::String),
        Expr::Vector(selector) => check_selector(selector).map(|()| ValueType::Vector),
        Expr::Matrix(matrix) => check_selector(&matrix.selector).map(|()| ValueType::Matrix),
        Expr::Paren(paren) => type_of(&mut paren.expr),
        Expr::Call(call) => check_call(call),
        Expr::Aggregate(aggregate) => check_aggregate(aggregate),
        Expr::Binary(binary) => check_binary(binary, span),
        Expr::Subquery(subquery) => {
            expect_type(&mut subquery.expr, ValueType::Vector, || "subquery".to_owned())?;
            Ok(ValueType::Matrix)
        }
        Expr::Unary(unary) => match type_of(&mut unary.expr)? {
            found @ (ValueType::Scalar | ValueType::Vector) => Ok(found),
            _ => Err(Fault::rule(
                span,
                "unary expression only allowed on expressions of type scalar or instant vector",
            )),
        },
    }
}

fn expect_type(expr: &mut Expr, expected: ValueType, context: impl Fn() -> String) -> Parsed<()> {
    let found = type_of(expr)?;
    if found == expected {
        return check_text(expr);
    }
    let fault = Fault::new(expr.span(), ParseProblem::Type { expected, found, context: context() });
    Err(match (expected, found, expr.unparen()) {
        (ValueType::Matrix, ValueType::Vector, Expr::Vector(_)) => {
            fault.help("a range in brackets makes one: [5m]")
        }
        (ValueType::Matrix, ValueType::Vector, _) => fault.help("a subquery makes one: [5m:]"),
        (ValueType::Vector, ValueType::Matrix, _) => {
            fault.help("a function such as rate or max_over_time makes one of a range")
        }
        (ValueType::Vector, ValueType::Scalar, _) => fault.help("vector(...) makes one"),
        (ValueType::Scalar, ValueType::Vector, _) => fault.help("scalar(...) makes one"),
        _ => fault,
    })
}

/// Labels and their values are UTF-8, so every text that a function takes is; one that is the query itself need not be.
fn check_text(expr: &Expr) -> Parsed<()> {
    match expr.unparen() {
        Expr::String(string) if !string.is_utf8 => Err(Fault::rule(
            string.span,
            "the bytes that the escape sequences of the string give are not UTF-8",
        )),
        _ => Ok(()),
    }
}

/// A selector must not select everything by accident, and have one name at most.
pub(crate) fn check_selector(selector: &VectorSelector) -> Parsed<()> {
    if let Some(name) = &selector.name {
        let second = selector.matchers.iter().find(|matcher| matcher.name() == METRIC_NAME);
        return match second {
            None => Ok(()),
            Some(matcher) => {
                let (first, second) = (name.to_string(), matcher.value().to_owned());
                Err(Fault::new(selector.span, ParseProblem::NameTwice { first, second }))
            }
        };
    }
    if selector.matchers.iter().any(|matcher| !matcher.matches_empty()) {
        return Ok(());
    }
    Err(Fault::rule(selector.span, "vector selector must contain at least one non-empty matcher"))
}

fn check_call(call: &mut Call) -> Parsed<ValueType> {
    let function = call.function;
    let found = call.args.len();
    if found < function.args_min || function.args_max.is_some_and(|max| found > max) {
        let problem = ParseProblem::Arity {
            name: function.name,
            min: function.args_min,
            max: function.args_max,
            found,
        };
        return Err(Fault::new(call.span, problem));
    }
    for (index, arg) in call.args.iter_mut().enumerate() {
        if function.id == FunctionId::Info && index == 1 {
            check_info_selector(arg)?;
            continue;
        }
        if let Some(expected) = function.arg_type(index) {
            expect_type(arg, expected, || format!("call to function {:?}", function.name))?;
        }
    }
    Ok(function.returns)
}

/// The second argument of `info` selects by labels alone, and may select everything.
fn check_info_selector(arg: &Expr) -> Parsed<()> {
    match arg {
        Expr::Vector(selector) if selector.name.is_none() => Ok(()),
        _ => Err(Fault::rule(arg.span(), "expected label selectors only")
            .help("the second argument of info is of the form {label=\"value\"}")),
    }
}

fn check_aggregate(aggregate: &mut Aggregate) -> Parsed<ValueType> {
    let op = aggregate.op;
    expect_type(&mut aggregate.expr, ValueType::Vector, || format!("aggregation {:?}", op.as_str()))?;
    if let (Some(expected), Some(param)) = (op.param_type(), &mut aggregate.param) {
        expect_type(param, expected, || format!("parameter of aggregation {:?}", op.as_str()))?;
    }
    Ok(ValueType::Vector)
}

fn check_binary(binary: &mut Binary, span: Span) -> Parsed<ValueType> {
    let lhs = operand_type(&mut binary.lhs)?;
    let rhs = operand_type(&mut binary.rhs)?;
    let op = binary.op;
    let scalars = lhs == ValueType::Scalar && rhs == ValueType::Scalar;
    let vectors = lhs == ValueType::Vector && rhs == ValueType::Vector;
    if binary.return_bool && !op.is_comparison() {
        return Err(Fault::rule(binary.op_span, "bool modifier can only be used on comparison operators"));
    }
    if op.is_comparison() && scalars && !binary.return_bool {
        return Err(Fault::rule(binary.op_span, "comparisons between scalars must use BOOL modifier"));
    }
    if op.is_set() && !vectors {
        return Err(Fault::rule(binary.op_span, "set operators work on instant vectors, not on scalars"));
    }
    let matching = &mut binary.matching;
    if matching.on
        && let Some(label) = matching.labels.iter().find(|label| matching.include.contains(label))
    {
        let problem = ParseProblem::OnAndGroup { label: label.to_string() };
        return Err(Fault::new(binary.op_span, problem));
    }
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if !vectors {
        if !matching.labels.is_empty() {
            return Err(Fault::rule(span, "vector matching only allowed between instant vectors"));
        }
        if fills {
            return Err(Fault::rule(span, "filling in missing series only allowed between instant vectors"));
        }
        *matching = VectorMatching::default();
    } else if op.is_set() {
        if matching.cardinality != Cardinality::ManyToMany {
            return Err(Fault::rule(span, "no grouping allowed for set operations: they are many-to-many"));
        }
        if fills {
            return Err(Fault::rule(span, "filling in missing series not allowed for set operators"));
        }
    }
    Ok(if scalars { ValueType::Scalar } else { ValueType::Vector })
}

fn operand_type(operand: &mut Expr) -> Parsed<ValueType> {
    match type_of(operand)? {
        found @ (ValueType::Scalar | ValueType::Vector) => Ok(found),
        _ => Err(Fault::rule(
            operand.span(),
            "binary expression must contain only scalar and instant vector types",
        )),
    }
}
