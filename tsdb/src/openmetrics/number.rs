//! Values and timestamps as text.

use super::Dialect;

/// Parses a value: what Go's and C's parsers take (`1`, `-2.5e3`, `+Inf`, `NaN`).
pub(super) fn value(text: &[u8]) -> Option<f64> {
    if let Some(integer) = small_integer(text) {
        return Some(integer as f64);
    }
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !bare.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        let infinity = bare.eq_ignore_ascii_case("inf") || bare.eq_ignore_ascii_case("infinity");
        return match (infinity, bare.eq_ignore_ascii_case("nan"), text.starts_with('-')) {
            (true, _, false) => Some(f64::INFINITY),
            (true, _, true) => Some(f64::NEG_INFINITY),
            (_, true, _) if bare.len() == text.len() => Some(f64::from_bits(0x7ff8_0000_0000_0001)),
            _ => None,
        };
    }
    text.parse().ok()
}

/// Digits alone, few enough to be exact: most counters, in a tenth of the time.
fn small_integer(text: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 15;
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    let digit = |&byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    text.iter().map(digit).try_fold(0, |sum, digit| Some(sum * 10 + digit?))
}

/// Parses a timestamp to milliseconds.
pub(super) fn timestamp_ms(text: &[u8], dialect: Dialect) -> Option<i64> {
    match dialect {
        Dialect::Prometheus => std::str::from_utf8(text).ok()?.parse().ok(),
        Dialect::OpenMetrics => plain_seconds_ms(text).or_else(|| any_seconds_ms(text)),
    }
}

/// `1795358253` or `1795358253.512`: digits, and at most three behind the point.
fn plain_seconds_ms(text: &[u8]) -> Option<i64> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (text.get(..point)?, text.get(point + 1..)?),
        None => (text, &[][..]),
    };
    let seconds = small_integer(whole)?;
    let fraction_ms = match fraction.len() {
        0 => 0,
        1 => small_integer(fraction)? * 100,
        2 => small_integer(fraction)? * 10,
        3 => small_integer(fraction)?,
        _ => return None,
    };
    i64::try_from(seconds * 1000 + fraction_ms).ok()
}

/// Anything else that is a number, rounded to the nearest millisecond.
fn any_seconds_ms(text: &[u8]) -> Option<i64> {
    let seconds: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let ms = (seconds * 1000.0).round();
    (ms.abs() < 9.2e18).then_some(ms as i64)
}
