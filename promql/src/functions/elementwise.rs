//! Functions of one value.

use crate::FunctionId;

/// A function of one float.
pub(crate) type OneFloat = fn(f64) -> f64;

/// The function of one float that a name stands for.
pub(crate) fn one_float(function: FunctionId) -> Option<OneFloat> {
    use FunctionId as F;
    Some(match function {
        F::Abs => f64::abs,
        F::Acos => f64::acos,
        F::Acosh => f64::acosh,
        F::Asin => f64::asin,
        F::Asinh => f64::asinh,
        F::Atan => f64::atan,
        F::Atanh => f64::atanh,
        F::Ceil => f64::ceil,
        F::Cos => f64::cos,
        F::Cosh => f64::cosh,
        F::Deg => |value| value * 180.0 / std::f64::consts::PI,
        F::Exp => f64::exp,
        F::Floor => f64::floor,
        F::Ln => f64::ln,
        F::Log10 => f64::log10,
        F::Log2 => f64::log2,
        F::Rad => |value| value * std::f64::consts::PI / 180.0,
        F::Sgn => |value| {
            if value > 0.0 {
                1.0
            } else if value < 0.0 {
                -1.0
            } else {
                value
            }
        },
        F::Sin => f64::sin,
        F::Sinh => f64::sinh,
        F::Sqrt => f64::sqrt,
        F::Tan => f64::tan,
        F::Tanh => f64::tanh,
        _ => return None,
    })
}

/// The nearest multiple of `to_nearest`; of two equally near ones, the upper.
pub(crate) fn round(value: f64, to_nearest: f64) -> f64 {
    let inverse = 1.0 / to_nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// The larger of two; unlike `f64::max`, NaN wins.
pub(crate) fn max_of(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The smaller of two; unlike `f64::min`, NaN wins.
pub(crate) fn min_of(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}
