//! What one sampled span stands for, read from its W3C trace state.
//!
//! OpenTelemetry writes `ot=th:<hex>` there: the rejection threshold as up to 14 hexadecimal digits of a 56-bit
//! fraction, trailing zeros left out. A span was kept with probability `1 - threshold`, so it stands for the inverse
//! of that. Where the state also carries the random value (`rv:<14 hex>`), it decides whether a fractional weight
//! rounds up or down, so that counts stay whole and sums stay right on average.

const DIGITS: usize = 14;
const ONE: u64 = 1 << 56;

/// How many spans this one stands for: 1 where the trace state says nothing usable.
pub(crate) fn weight(trace_state: &str) -> f64 {
    let Some(members) = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot=")) else {
        return 1.0;
    };
    let member = |key: &str| members.split(';').find_map(|part| part.strip_prefix(key)?.strip_prefix(':'));
    let Some(threshold) = member("th").and_then(fraction) else { return 1.0 };
    let weight = ONE as f64 / (ONE - threshold) as f64;
    match member("rv").filter(|digits| digits.len() == DIGITS).and_then(fraction) {
        Some(random) if weight.fract() > 0.0 => {
            let up = ((random >> 3) as f64) / ((1u64 << 53) as f64) < weight.fract();
            weight.floor() + if up { 1.0 } else { 0.0 }
        }
        _ => weight,
    }
}

/// A 56-bit fraction from up to 14 digits, the most significant first.
fn fraction(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(digits, 16).ok()?;
    Some(number << (4 * (DIGITS - digits.len())))
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn weights() {
        for (state, expected) in [
            ("", 1.0),
            ("ot=th:8", 2.0),
            ("vendor=x, ot=th:c", 4.0),
            ("ot=th:0", 1.0),
            ("ot=rv:00000000000000;th:5", 2.0),
            ("ot=rv:ffffffffffffff;th:5", 1.0),
            ("ot=th:zz", 1.0),
            ("ot=th:123456789abcdef", 1.0),
        ] {
            assert_eq!(weight(state), expected, "{state}");
        }
        assert!((weight("ot=th:5") - 16.0 / 11.0).abs() < 1e-12);
    }
}
