//! Numbers and durations: `5`, `1_000`, `.5e-3`, `0x1F`, `017` (octal), `1h30m`.

use crate::lex::Kind;

/// Scans a number or else a duration that starts at `start`. Returns what it is, `None` for neither, and where it ends.
pub(crate) fn scan_number_or_duration(bytes: &[u8], start: usize) -> (Option<Kind>, usize) {
    let (is_number, end) = scan_number(bytes, start, true);
    if is_number {
        return (Some(Kind::Number), end);
    }
    match scan_duration_tail(bytes, end) {
        Some(end) => (Some(Kind::Duration), end),
        None => {
            let rest = bytes.get(end..).unwrap_or_default();
            let tail = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            (None, end + tail)
        }
    }
}

/// Scans a number that starts at `start`. Returns whether it is one, and where the scan ended.
///
/// `hex` allows `0x1F`; a series description does not, because there `0x3` repeats a zero three times.
pub(crate) fn scan_number(bytes: &[u8], start: usize, hex: bool) -> (bool, usize) {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let mut end = start;
    let is_hex = hex && at(end) == b'0' && matches!(at(end + 1), b'x' | b'X');
    if is_hex {
        end += 2;
        if at(end) == b'_' {
            end += 1;
        }
    }
    let is_digit = |byte: u8| byte.is_ascii_digit() || (is_hex && byte.is_ascii_hexdigit());
    let (mut dot, mut exponent) = (false, false);
    if at(end) == b'.' {
        end += 1;
    }
    loop {
        match at(end) {
            byte if is_digit(byte) => end += 1,
            b'.' if dot || is_hex || matches!(at(end + 1), b'_' | b'.') => return (false, end + 1),
            b'.' => {
                dot = true;
                end += 1;
            }
            b'e' | b'E' if exponent => return (false, end + 1),
            b'e' | b'E' => {
                exponent = true;
                end += 1;
                if matches!(at(end), b'+' | b'-') {
                    end += 1;
                }
                if matches!(at(end), b'.' | b'_' | b'e' | b'E') || end >= bytes.len() {
                    return (false, end);
                }
            }
            b'_' if end == start => break,
            b'_' => {
                end += 1;
                if matches!(at(end), b'.' | b'_' | b'e' | b'E') || end >= bytes.len() {
                    return (false, end);
                }
            }
            _ => break,
        }
    }
    let next = at(end);
    let ends = !(next.is_ascii_alphanumeric() || next == b'_') || (!hex && next == b'x');
    (end > start && ends, end)
}

/// Scans what follows the first digits of a duration: a unit, then digits and units.
fn scan_duration_tail(bytes: &[u8], mut end: usize) -> Option<usize> {
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let mut units: &[u8] = b"smhdwy";
    loop {
        if !units.contains(&at(end)) {
            return None;
        }
        end += 1;
        if at(end) == b's' {
            end += 1;
        }
        if !at(end).is_ascii_digit() {
            break;
        }
        while at(end).is_ascii_digit() {
            end += 1;
        }
        units = b"smhdw";
    }
    let next = at(end);
    (!(next.is_ascii_alphanumeric() || next == b'_')).then_some(end)
}

/// The value of a scanned number; `None` where it does not fit or is none after all.
///
/// Whole numbers follow Go: a leading `0x` is hexadecimal, a leading `0` octal where all digits are.
pub(crate) fn number_value(text: &str) -> Option<f64> {
    let plain;
    let text = if text.contains('_') {
        plain = text.replace('_', "");
        &plain
    } else {
        text
    };
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    if text.len() > 1
        && text.starts_with('0')
        && let Ok(value) = i64::from_str_radix(text, 8)
    {
        return Some(value as f64);
    }
    if text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) {
        return Some(if text.eq_ignore_ascii_case("inf") { f64::INFINITY } else { f64::NAN });
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
