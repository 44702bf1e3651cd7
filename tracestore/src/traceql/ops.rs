//! The operators of the language on two values.

use super::ast::BinaryOp;
use super::regex::Pattern;
use super::{Type, Value};

/// What cannot be computed. The span counts as not matching, unless the caller asked to be told.
pub(crate) type Problem = &'static str;

/// Computes `lhs op rhs`. Values that cannot stand beside each other compare as false.
pub(crate) fn binary(op: BinaryOp, lhs: &Value, rhs: &Value) -> Result<Value, Problem> {
    let (left, right) = (lhs.kind(), rhs.kind());
    if !left.fits(right) || !op.accepts(left) || !op.accepts(right) {
        return Ok(Value::Bool(false));
    }
    if left.is_array() || right.is_array() {
        return array(op, lhs, rhs);
    }
    scalar(op, lhs, rhs)
}

fn scalar(op: BinaryOp, lhs: &Value, rhs: &Value) -> Result<Value, Problem> {
    if op.is_arithmetic() {
        return arithmetic(op, lhs, rhs);
    }
    Ok(Value::Bool(match op {
        BinaryOp::And => lhs.as_bool() == Some(true) && rhs.as_bool() == Some(true),
        BinaryOp::Or => {
            let (Some(left), Some(right)) = (lhs.as_bool(), rhs.as_bool()) else {
                return Ok(Value::Bool(false));
            };
            left || right
        }
        BinaryOp::Regex | BinaryOp::NotRegex => {
            let (Some(text), Some(pattern)) = (lhs.as_str(), rhs.as_str()) else {
                return Ok(Value::Bool(false));
            };
            let pattern = Pattern::new(pattern).ok_or("a regular expression that does not compile")?;
            pattern.is_match(text) == (op == BinaryOp::Regex)
        }
        _ => compare(op, lhs, rhs),
    }))
}

/// Compares two scalars; numbers of all types by size, anything with nil is false.
pub(crate) fn compare(op: BinaryOp, lhs: &Value, rhs: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (lhs, rhs) {
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Str(a), Value::Str(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::Bool(_), Value::Bool(_))
        | (Value::Status(_), Value::Status(_))
        | (Value::Kind(_), Value::Kind(_)) => {
            return match op {
                BinaryOp::Equal => lhs == rhs,
                BinaryOp::NotEqual => lhs != rhs,
                _ => false,
            };
        }
        _ => match (lhs.as_f64(), rhs.as_f64()) {
            (Some(a), Some(b)) if a.is_nan() || b.is_nan() => return op == BinaryOp::NotEqual,
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => None,
        },
    };
    let Some(order) = order else { return false };
    match op {
        BinaryOp::Equal => order == Equal,
        BinaryOp::NotEqual => order != Equal,
        BinaryOp::Less => order == Less,
        BinaryOp::LessEqual => order != Greater,
        BinaryOp::Greater => order == Greater,
        BinaryOp::GreaterEqual => order != Less,
        _ => false,
    }
}

fn arithmetic(op: BinaryOp, lhs: &Value, rhs: &Value) -> Result<Value, Problem> {
    if let (Value::Int(a), Value::Int(b)) = (lhs, rhs) {
        return Ok(Value::Int(match op {
            BinaryOp::Add => a.wrapping_add(*b),
            BinaryOp::Sub => a.wrapping_sub(*b),
            BinaryOp::Mul => a.wrapping_mul(*b),
            BinaryOp::Div | BinaryOp::Mod if *b == 0 => return Err("division of an integer by zero"),
            BinaryOp::Div => a.wrapping_div(*b),
            BinaryOp::Mod => a.wrapping_rem(*b),
            _ => power(*a, *b),
        }));
    }
    let (Some(a), Some(b)) = (lhs.as_f64(), rhs.as_f64()) else { return Ok(Value::Bool(false)) };
    Ok(Value::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        _ => a.powf(b),
    }))
}

/// The reference computes `rhs ^ lhs` between integers, and its recorded answers hold it to that.
fn power(lhs: i64, rhs: i64) -> i64 {
    let power = (rhs as f64).powf(lhs as f64);
    // Out of range becomes the smallest integer, as a conversion does on the processors that the answers come from.
    if power >= -(2f64.powi(63)) && power < 2f64.powi(63) { power as i64 } else { i64::MIN }
}

fn array(op: BinaryOp, lhs: &Value, rhs: &Value) -> Result<Value, Problem> {
    if lhs.kind().is_array() && rhs.kind().is_array() {
        return Err("an operator between two arrays");
    }
    if op.is_arithmetic() {
        return Err("arithmetic on an array");
    }
    let elements = |array: &Value, compute: &dyn Fn(&Value) -> Result<Value, Problem>| {
        let matches: Vec<bool> = array
            .elements()
            .iter()
            .map(|element| Ok(compute(element)?.as_bool() == Some(true)))
            .collect::<Result<_, Problem>>()?;
        let all = matches!(op, BinaryOp::NotEqual | BinaryOp::NotRegex);
        Ok(Value::Bool(if all { matches.iter().all(|m| *m) } else { matches.contains(&true) }))
    };
    if lhs.kind().is_array() {
        elements(lhs, &|element| binary(op, element, rhs))
    } else {
        elements(rhs, &|element| binary(op, lhs, element))
    }
}

/// Computes `-operand`.
pub(crate) fn negate(operand: &Value) -> Result<Value, Problem> {
    match operand {
        Value::Int(number) => Ok(Value::Int(number.wrapping_neg())),
        Value::Float(number) => Ok(Value::Float(-number)),
        Value::Duration(number) => Ok(Value::Duration(number.wrapping_neg())),
        _ => Err("minus before something that is no number"),
    }
}

/// Computes `!operand`.
pub(crate) fn not(operand: &Value) -> Result<Value, Problem> {
    operand.as_bool().map(|truth| Value::Bool(!truth)).ok_or("`!` before something that is not true or false")
}

/// Whether an operator before an operand accepts its type.
pub(crate) fn unary_accepts(negate: bool, of: Type) -> bool {
    of == Type::Attribute || if negate { of.is_numeric() } else { of == Type::Bool }
}
