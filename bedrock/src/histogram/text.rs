//! How a histogram is written: `{count:3, sum:4.5, (1,2]:3}`.

use std::fmt;

use super::{Bucket, Histogram};

/// Writes a float as Go's `%g` does, with the fewest digits that read back.
///
/// ```
/// use bedrock::histogram::ShortFloat;
///
/// let texts = [1e6, 0.5, f64::INFINITY].map(|value| ShortFloat(value).to_string());
/// assert_eq!(texts, ["1e+06", "0.5", "+Inf"]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ShortFloat(pub f64);

impl fmt::Display for ShortFloat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if !(-4..6).contains(&exponent) {
            let sign = if exponent < 0 { '-' } else { '+' };
            return write!(f, "{digits}e{sign}{:02}", exponent.abs());
        }
        write!(f, "{value}")
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        write!(
            f,
            "{open}{},{}{close}:{}",
            ShortFloat(self.lower),
            ShortFloat(self.upper),
            ShortFloat(self.count)
        )
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", ShortFloat(self.count), ShortFloat(self.sum))?;
        let mut negative: Vec<Bucket> = self.negative().filter(|bucket| bucket.count != 0.0).collect();
        negative.reverse();
        let zero = (self.zero_count != 0.0).then(|| self.zero_bucket());
        let positive = self.positive().filter(|bucket| bucket.count != 0.0);
        for bucket in negative.into_iter().chain(zero).chain(positive) {
            write!(f, ", {bucket}")?;
        }
        f.write_str("}")
    }
}
