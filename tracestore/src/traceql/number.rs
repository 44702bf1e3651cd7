//! Numbers and durations as text, written the way Go's standard library writes them, since clients compare strings.

use std::fmt::Write;

const NS_PER_S: u64 = 1_000_000_000;

/// A float in the shortest form that reads back to the same bits: `0.5`, `100`, `1e+06`, `NaN`.
///
/// The exponent form is used below 1e-4 and from 1e6 on.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// A float as a TraceQL literal: always with a point or an exponent, so that it reads back as a float.
pub(crate) fn float_literal(number: f64) -> String {
    let text = float(number);
    if text.contains(['e', '.']) || !number.is_finite() { text } else { text + ".0" }
}

/// A duration in nanoseconds as Go prints it: `1h0m0.5s`, `2.5ms`, `0s`.
pub(crate) fn duration(ns: i64) -> String {
    let size = ns.unsigned_abs();
    let mut out = String::new();
    if ns < 0 {
        out.push('-');
    }
    if size == 0 {
        out.push_str("0s");
    } else if size < NS_PER_S {
        let (unit_ns, unit) = match size {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        push_fraction(&mut out, size, unit_ns);
        out.push_str(unit);
    } else {
        let minutes = size / (60 * NS_PER_S);
        if minutes >= 60 {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}h", minutes / 60);
        }
        if minutes > 0 {
            let _ = write!(out, "{}m", minutes % 60);
        }
        push_fraction(&mut out, size % (60 * NS_PER_S), NS_PER_S);
        out.push('s');
    }
    out
}

fn push_fraction(out: &mut String, size: u64, unit: u64) {
    let _ = write!(out, "{}", size / unit);
    let rest = size % unit;
    if rest > 0 {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
    }
}

/// Reads a duration to nanoseconds: Prometheus' units first (`1d12h`), then Go's (`1.5h`, `2us`).
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    if let Some(ms) = bedrock::time::parse_duration_ms(text)
        && text != "0"
    {
        return ms.checked_mul(1_000_000);
    }
    parse_go_duration(text)
}

fn parse_go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit_ns: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => NS_PER_S,
            "m" => 60 * NS_PER_S,
            "h" => 3_600 * NS_PER_S,
            _ => return None,
        };
        total = total.checked_add(scaled(number, unit_ns)?)?;
        rest = tail;
    }
    let total = i64::try_from(total).ok()?;
    Some(if negative { -total } else { total })
}

fn scaled(number: &str, unit_ns: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Exact, so that a printed duration reads back to itself. Eighteen digits are far below a nanosecond.
    let digits = fraction.get(..fraction.len().min(18))?;
    let part: u64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let part_ns = u128::from(part) * u128::from(unit_ns) / 10u128.pow(digits.len() as u32);
    whole.checked_mul(unit_ns)?.checked_add(u64::try_from(part_ns).ok()?)
}
