//! Numbers as Go reads and writes them: LogQL inherits both.

/// Reads a float as Go's `strconv.ParseFloat` does: decimal or hexadecimal, `_` between digits, `inf`, `infinity` and
/// `nan` in any letter case. A number that overflows is no number.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = if let Some(special) = special_float(digits) {
        if special.is_nan() && digits.len() != text.len() {
            return None;
        }
        special
    } else if digits.len() > 2 && digits.as_bytes()[0] == b'0' && digits.as_bytes()[1] | 0x20 == b'x' {
        parse_hex_float(&digits[2..])?
    } else {
        parse_decimal_float(digits)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn special_float(digits: &str) -> Option<f64> {
    if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
        Some(f64::INFINITY)
    } else if digits.eq_ignore_ascii_case("nan") {
        Some(f64::NAN)
    } else {
        None
    }
}

fn parse_decimal_float(digits: &str) -> Option<f64> {
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-' | b'_');
    let starts = digits.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    if !starts || !digits.bytes().all(allowed) {
        return None;
    }
    let value: f64 = if digits.contains('_') {
        underscores_separate_digits(digits).then(|| digits.replace('_', ""))?.parse().ok()?
    } else {
        digits.parse().ok()?
    };
    value.is_finite().then_some(value)
}

fn underscores_separate_digits(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    bytes.iter().enumerate().all(|(i, &b)| {
        let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        b != b'_' || (is_digit(i.checked_sub(1)) && is_digit(Some(i + 1)))
    })
}

/// The part after `0x` of a hexadecimal float, whose binary exponent is not optional.
fn parse_hex_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()).filter(|&c| c != '_') {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?.saturating_mul(4));
    let value = value * 2f64.powi(shift.clamp(-2000, 2000));
    value.is_finite().then_some(value)
}

/// Writes a float as Go's `%v` does: the shortest digits that read back, with an exponent below 1e-4 and from
/// a million on.
pub(crate) fn format_float(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        return non_finite(value).to_owned();
    }
    if magnitude != 0.0 && !(1e-4..EXPONENT_FROM).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(rest) => ('-', rest),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{exponent:0>2}");
    }
    format!("{value}")
}

/// Writes a float without exponent, as Go's `FormatFloat(value, 'f', -1, 64)` does.
pub(crate) fn format_plain(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { non_finite(value).to_owned() }
}

/// Writes a float with six digits after the point, as Go's `%f` does.
pub(crate) fn format_fixed(value: f64) -> String {
    if value.is_finite() { format!("{value:.6}") } else { non_finite(value).to_owned() }
}

/// From here on Go's `%v` writes an exponent.
const EXPONENT_FROM: f64 = 1e6;

fn non_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_in_go() {
        for (text, value) in [
            ("1", 1.0),
            ("-.5", -0.5),
            ("1_000.5", 1000.5),
            ("0x1p4", 16.0),
            ("+Inf", f64::INFINITY),
            ("1e3", 1000.0),
        ] {
            assert_eq!(parse_float(text), Some(value), "{text}");
        }
        for text in ["", "0x10", "1e400", "abc", "1_", "_1", "--1", "-nan", "1,0", " 1", "."] {
            assert_eq!(parse_float(text), None, "{text}");
        }
        assert!(parse_float("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn floats_print_as_in_go() {
        for (value, text) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (123_456.0, "123456"),
            (1e6, "1e+06"),
            (1_610_612_736.0, "1.610612736e+09"),
            (1e-5, "1e-05"),
            (-0.0, "-0"),
        ] {
            assert_eq!(format_float(value), text);
        }
        assert_eq!(format_fixed(1.0), "1.000000");
    }
}
