//! Operators between two values, and between two columns.

use super::{ABSENT, is_absent};

/// An arithmetic operator or a comparison.
///
/// Floats are those of IEEE 754 throughout: a division by zero gives an infinity or NaN, `%` takes the sign of its left
/// side, and every comparison with NaN but `!=` is false. A language that has it otherwise says so before it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

/// What a comparison leaves at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The left value where it holds, nothing where it does not.
    KeepLeft,
    /// The right value where it holds, nothing where it does not.
    KeepRight,
    /// 1 where it holds, 0 where it does not.
    Truth,
}

impl Operator {
    /// Whether the operator asks instead of computing.
    pub fn is_comparison(self) -> bool {
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        matches!(self, Equal | NotEqual | Greater | Less | GreaterOrEqual | LessOrEqual)
    }

    /// What the operator gives for two values; 1 or 0 for a comparison.
    ///
    /// ```
    /// use bedrock::vector::Operator;
    ///
    /// assert_eq!(Operator::Mod.apply(-5.0, 3.0), -2.0);
    /// assert_eq!(Operator::Pow.apply(f64::NAN, 0.0), 1.0);
    /// assert_eq!(Operator::NotEqual.apply(f64::NAN, f64::NAN), 1.0);
    /// ```
    #[inline]
    pub fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Operator::Add => left + right,
            Operator::Sub => left - right,
            Operator::Mul => left * right,
            Operator::Div => left / right,
            Operator::Mod => left % right,
            Operator::Pow => left.powf(right),
            Operator::Atan2 => left.atan2(right),
            _ => f64::from(u8::from(self.holds(left, right))),
        }
    }

    /// Whether a comparison holds; false for arithmetic.
    #[inline]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Greater => left > right,
            Operator::Less => left < right,
            Operator::GreaterOrEqual => left >= right,
            Operator::LessOrEqual => left <= right,
            _ => false,
        }
    }

    /// Combines two columns step by step into `out`, which is overwritten: a value where both have one. About 1 ns a
    /// step; the operator is looked at once.
    ///
    /// ```
    /// use bedrock::vector::{ABSENT, Operator, Outcome, is_absent};
    ///
    /// let mut out = Vec::new();
    /// Operator::Greater.columns(&[1.0, 5.0, ABSENT], &[2.0, 2.0, 2.0], Outcome::KeepLeft, &mut out);
    /// assert!(is_absent(out[0]) && out[1] == 5.0 && is_absent(out[2]));
    /// ```
    pub fn columns(self, left: &[f64], right: &[f64], outcome: Outcome, out: &mut Vec<f64>) {
        match (self, outcome) {
            (Operator::Add, _) => combine(left, right, out, |l, r| l + r),
            (Operator::Sub, _) => combine(left, right, out, |l, r| l - r),
            (Operator::Mul, _) => combine(left, right, out, |l, r| l * r),
            (Operator::Div, _) => combine(left, right, out, |l, r| l / r),
            (op, Outcome::KeepLeft) if op.is_comparison() => {
                combine(left, right, out, |l, r| if op.holds(l, r) { l } else { ABSENT });
            }
            (op, Outcome::KeepRight) if op.is_comparison() => {
                combine(left, right, out, |l, r| if op.holds(l, r) { r } else { ABSENT });
            }
            (op, _) => combine(left, right, out, |l, r| op.apply(l, r)),
        }
    }
}

fn combine(left: &[f64], right: &[f64], out: &mut Vec<f64>, value: impl Fn(f64, f64) -> f64) {
    let both = left.iter().zip(right);
    out.clear();
    out.extend(both.map(|(&l, &r)| if is_absent(l) || is_absent(r) { ABSENT } else { value(l, r) }));
}
