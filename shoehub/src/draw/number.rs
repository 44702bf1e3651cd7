//! Numbers as people read them.

/// A number with thousands set apart: `1,234,567`, `12.3`, `0.045`.
pub fn plain(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    let decimals = match value.abs() {
        size if size.fract() == 0.0 || size >= 1_000.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    grouped(&format!("{value:.decimals$}"))
}

/// A count with thousands set apart.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// A share as per cent.
pub fn percent(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.1}%", share * 100.0) }
}

/// A duration in seconds, in the unit that fits: `83 ms`, `2.41 s`.
pub fn seconds(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".to_owned(),
        value if value >= 10.0 => format!("{value:.1} s"),
        value if value >= 1.0 => format!("{value:.2} s"),
        value if value >= 0.01 => format!("{:.0} ms", value * 1e3),
        value if value >= 0.000_1 => format!("{:.2} ms", value * 1e3),
        value => format!("{:.0} us", value * 1e6),
    }
}

/// Bytes: `812 B`, `3.4 MB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if value < 1_000 {
        return format!("{value} B");
    }
    let mut size = value as f64 / 1e3;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1e3;
        unit += 1;
    }
    if size >= 100.0 { format!("{size:.0} {}", UNITS[unit]) } else { format!("{size:.1} {}", UNITS[unit]) }
}
