//! Moments as people read them, in UTC.

use jiff::Timestamp;

fn formatted(time_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| "-".to_owned(), |time| time.strftime(format).to_string())
}

/// `2026-11-22 15:04:05`.
pub fn stamp(time_ms: i64) -> String {
    formatted(time_ms, "%Y-%m-%d %H:%M:%S")
}

/// `15:04:05.123`.
pub fn clock(time_ms: i64) -> String {
    format!("{}.{:03}", formatted(time_ms, "%H:%M:%S"), time_ms.rem_euclid(1_000))
}

/// `15:04`.
pub fn minute(time_ms: i64) -> String {
    formatted(time_ms, "%H:%M")
}

/// The moment that a text names: `2026-11-22T15:04:05Z`, or seconds since the epoch.
pub fn parse_ms(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => Some((seconds * 1e3) as i64),
        Err(_) => text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond),
    }
}
