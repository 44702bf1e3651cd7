//! Timestamps, time ranges and Prometheus-style durations.
//!
//! A timestamp of the metrics store is an `i64` of milliseconds since the Unix epoch; logs and traces count
//! nanoseconds. Names carry the unit (`start_ms`, `time_ns`), so there is no wrapper type.

use std::fmt::Write;

/// A closed interval of timestamps: both ends belong to it. The unit is that of the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The first timestamp inside.
    pub start: i64,
    /// The last timestamp inside.
    pub end: i64,
}

impl TimeRange {
    /// Every timestamp there is.
    pub const ALL: TimeRange = TimeRange { start: i64::MIN, end: i64::MAX };

    /// The interval from `start` to `end`, both inside. It is empty where `start > end`.
    pub fn new(start: i64, end: i64) -> Self {
        TimeRange { start, end }
    }

    /// Whether `time` lies inside.
    pub fn contains(&self, time: i64) -> bool {
        self.start <= time && time <= self.end
    }

    /// Whether the two intervals share a timestamp.
    pub fn overlaps(&self, other: &TimeRange) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// Whether no timestamp lies inside.
    pub fn is_empty(&self) -> bool {
        self.start > self.end
    }
}

/// Units of a duration in milliseconds, largest first.
const UNITS_MS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Parses a Prometheus duration such as `1h30m` or `250ms` to milliseconds.
///
/// Units are `y w d h m s ms`, each at most once and from the larger to the smaller; `0` needs no unit.
/// Returns `None` where the text is no duration or does not fit an `i64`.
///
/// ```
/// assert_eq!(bedrock::time::parse_duration_ms("1h30m"), Some(5_400_000));
/// assert_eq!(bedrock::time::parse_duration_ms("30m1h"), None);
/// ```
pub fn parse_duration_ms(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS_MS.iter();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let name = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(name);
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        let value: i64 = number.parse().ok()?;
        total = total.checked_add(value.checked_mul(*unit_ms)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Formats milliseconds as the shortest Prometheus duration, as [`parse_duration_ms`] reads it.
///
/// Years, weeks and days are used only where they divide the whole, so that `26h` stays `26h`.
///
/// ```
/// assert_eq!(bedrock::time::format_duration_ms(5_400_000), "1h30m");
/// assert_eq!(bedrock::time::format_duration_ms(0), "0s");
/// ```
pub fn format_duration_ms(duration_ms: i64) -> String {
    if duration_ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if duration_ms < 0 {
        out.push('-');
    }
    let mut rest = duration_ms.unsigned_abs();
    for (unit, unit_ms) in UNITS_MS {
        let unit_ms = unit_ms.unsigned_abs();
        let exact_only = matches!(unit, "y" | "w" | "d");
        if rest < unit_ms || (exact_only && !rest.is_multiple_of(unit_ms)) {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "{}{unit}", rest / unit_ms);
        rest %= unit_ms;
    }
    out
}
