//! Durations and sizes: two ways to read a duration, one to read a size, and how each is written.

use crate::logql::number;

/// The units of Prometheus' durations, from the largest, with their length in milliseconds.
const UNITS_MS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const NS_PER_MS: i64 = 1_000_000;

/// Reads a duration in Prometheus' form, `1d12h`: whole numbers, each unit at most once, from large to small. In
/// nanoseconds.
pub(crate) fn parse_range(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS_MS.iter();
    let mut total_ms: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let (_, unit_ms) = units.find(|(name, _)| *name == &rest[..letters])?;
        rest = &rest[letters..];
        total_ms = count.checked_mul(*unit_ms).and_then(|ms| total_ms.checked_add(ms))?;
    }
    if text.is_empty() { None } else { total_ms.checked_mul(NS_PER_MS) }
}

/// Reads a duration in Go's form, `-1h30.5m`: fractions, a sign, units from `ns` to `h`. In nanoseconds.
pub(crate) fn parse_go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = take_go_unit(rest)?;
        total = total.checked_add(part).filter(|&sum| sum <= 1 << 63)?;
        rest = after;
    }
    if negative {
        return Some((total as i64).wrapping_neg());
    }
    i64::try_from(total).ok()
}

/// One number with its unit, in nanoseconds, and what follows.
fn take_go_unit(text: &str) -> Option<(u64, &str)> {
    let whole_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, mut rest) = text.split_at(whole_len);
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        let len = after.bytes().take_while(u8::is_ascii_digit).count();
        (fraction, rest) = after.split_at(len);
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let unit_len = rest.bytes().take_while(|&b| b != b'.' && !b.is_ascii_digit()).count();
    let (unit, rest) = rest.split_at(unit_len);
    let unit_ns: u64 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut ns = whole.checked_mul(unit_ns).filter(|&ns| ns <= 1 << 63)?;
    if !fraction.is_empty() {
        // As in Go, digits that no longer fit are dropped.
        let mut value: u64 = 0;
        let mut scale = 1.0f64;
        for digit in fraction.bytes() {
            match value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))) {
                Some(next) if next <= 1 << 63 => value = next,
                _ => break,
            }
            scale *= 10.0;
        }
        ns = ns.checked_add((value as f64 * (unit_ns as f64 / scale)) as u64)?;
    }
    Some((ns, rest))
}

/// Reads a duration of a query: Prometheus' form, else Go's. In nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    parse_range(text).or_else(|| parse_go_duration(text))
}

/// Writes a duration in Prometheus' form; parts below a millisecond are dropped.
pub(crate) fn format_range(ns: i64) -> String {
    let mut ms = ns / NS_PER_MS;
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if ms < 0 {
        text.push('-');
        ms = -ms;
    }
    for (name, unit_ms) in UNITS_MS {
        // Weeks, days and years are written only where nothing is left over: 15d stays 15d and 9d stays 9d.
        let exact_only = matches!(name, "y" | "w" | "d") && name != "d";
        let count = ms / unit_ms;
        if count > 0 && !(exact_only && ms % unit_ms != 0) {
            text.push_str(&format!("{count}{name}"));
            ms -= count * unit_ms;
        }
    }
    text
}

/// Writes a duration as Go does: `1h0m0s`, `1.5s`, `20ms`.
pub(crate) fn format_go_duration(ns: i64) -> String {
    let magnitude = ns.unsigned_abs();
    let sign = if ns < 0 { "-" } else { "" };
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < 1_000_000_000 {
        let (unit_ns, unit) = match magnitude {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{unit}", decimal(magnitude, unit_ns));
    }
    let seconds = decimal(magnitude % 60_000_000_000, 1_000_000_000);
    let minutes = magnitude / 60_000_000_000;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / unit` with as many digits as it needs.
fn decimal(value: u64, unit: u64) -> String {
    let whole = value / unit;
    let rest = value % unit;
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// Reads a size: a number, digits may be grouped by commas, and a unit in any letter case; `kb` is 1000, `kib` 1024.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits_len = text.find(|c: char| !(c.is_numeric() || c == '.' || c == ',')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_len);
    let number = number::parse_float(&digits.replace(',', ""))
        .ok_or_else(|| format!("strconv.ParseFloat: parsing {digits:?}: invalid syntax"))?;
    let unit = unit.trim().to_lowercase();
    let factor = unit_bytes(&unit).ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let bytes = number * factor as f64;
    if bytes >= u64::MAX as f64 {
        return Err(format!("too large: {text}"));
    }
    Ok(bytes as u64)
}

fn unit_bytes(unit: &str) -> Option<u64> {
    let (letter, rest) = match unit {
        "" | "b" => return Some(1),
        _ => unit.split_at_checked(1)?,
    };
    let power = match letter {
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    match rest {
        "" | "b" => Some(1000u64.pow(power)),
        "i" | "ib" => Some(1024u64.pow(power)),
        _ => None,
    }
}

/// Writes a size with two or three digits and a decimal unit, `5.0kB`.
pub(crate) fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes}B");
    }
    let exponent = ((bytes as f64).ln() / 1000f64.ln()).floor();
    let value = (bytes as f64 / 1000f64.powf(exponent) * 10.0 + 0.5).floor() / 10.0;
    let unit = UNITS.get(exponent as usize).copied().unwrap_or("EB");
    if value < 10.0 { format!("{value:.1}{unit}") } else { format!("{}{unit}", value.round_ties_even()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn durations_read() {
        assert_eq!(parse_range("1d12h"), Some(36 * 3600 * S));
        assert_eq!(parse_range("500ms"), Some(S / 2));
        for text in ["", "5", "1h1d", "1.5h", "1m1m", "-5m", " 5m"] {
            assert_eq!(parse_range(text), None, "{text}");
        }
        assert_eq!(parse_go_duration("-1h30.5m"), Some(-(3600 + 30 * 60 + 30) * S));
        assert_eq!(parse_go_duration("1µs"), Some(1000));
        for text in ["", "1", "1d", "s", ".s", "9999999h"] {
            assert_eq!(parse_go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_print() {
        for (ns, text) in [(5 * 60 * S, "5m"), (36 * 3600 * S, "1d12h"), (14 * 86400 * S, "2w"), (0, "0s")] {
            assert_eq!(format_range(ns), text);
        }
        for (ns, text) in
            [(3600 * S, "1h0m0s"), (3 * S / 2, "1.5s"), (20_000_000, "20ms"), (-90 * S, "-1m30s")]
        {
            assert_eq!(format_go_duration(ns), text);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("1.5KiB"), Ok(1536));
        assert_eq!(parse_bytes("5 kb"), Ok(5000));
        assert!(parse_bytes("abc").is_err() && parse_bytes("5x").is_err());
        for (bytes, text) in [(5000, "5.0kB"), (20_000_000, "20MB"), (9, "9B"), (42, "42B")] {
            assert_eq!(format_bytes(bytes), text);
        }
    }
}
