//! Decimal numbers: the float functions of templates compute with them, so that 0.1 + 0.2 is 0.3.

/// `digits * 10^-scale`
#[derive(Clone, Copy)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

/// The digits behind the point that a quotient gets.
const QUOTIENT_SCALE: u32 = 16;

impl Decimal {
    fn of(value: f64) -> Option<Self> {
        let text = format!("{value}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Decimal { digits, scale: fraction.len() as u32 })
    }

    fn to_f64(self) -> Option<f64> {
        let sign = if self.digits < 0 { "-" } else { "" };
        let width = self.scale as usize + 1;
        let digits = format!("{:0>width$}", self.digits.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        format!("{sign}{whole}.{fraction}0").parse().ok()
    }

    fn at_scale(self, scale: u32) -> Option<i128> {
        self.digits.checked_mul(10i128.checked_pow(scale - self.scale)?)
    }

    fn join(self, other: Self, run: fn(i128, i128) -> Option<i128>) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Decimal { digits: run(self.at_scale(scale)?, other.at_scale(scale)?)?, scale })
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        self.join(other, i128::checked_add)
    }

    pub(super) fn sub(self, other: Self) -> Option<Self> {
        self.join(other, i128::checked_sub)
    }

    pub(super) fn mul(self, other: Self) -> Option<Self> {
        Some(Decimal { digits: self.digits.checked_mul(other.digits)?, scale: self.scale + other.scale })
    }

    /// Rounded to 16 digits, half away from zero.
    pub(super) fn div(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.at_scale(scale)?, other.at_scale(scale)?);
        let scaled = a.checked_mul(10i128.pow(QUOTIENT_SCALE))?;
        let (quotient, rest) = (scaled.checked_div(b)?, scaled.checked_rem(b)?);
        let up = rest.unsigned_abs() * 2 >= b.unsigned_abs();
        let step = if (a < 0) == (b < 0) { 1 } else { -1 };
        Some(Decimal { digits: if up { quotient + step } else { quotient }, scale: QUOTIENT_SCALE })
    }
}

/// Computes with decimals where they fit into 128 bits, otherwise takes the float.
pub(super) fn compute(a: f64, b: f64, run: fn(Decimal, Decimal) -> Option<Decimal>, float: f64) -> f64 {
    let exact = || run(Decimal::of(a)?, Decimal::of(b)?)?.to_f64();
    exact().unwrap_or(float)
}
