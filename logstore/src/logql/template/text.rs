//! Text functions of templates that Rust's library does not have as Go has them.

use std::borrow::Cow;

/// Bytes that are no UTF-8 stand in texts of templates as characters of a private plane, from here on: so a line goes
/// through a template without losing any, and a text may be cut inside of a character.
const RAW_FIRST: u32 = 0x10_fe00;
/// The first byte of all these characters.
const RAW_LEAD: u8 = 0xf4;

/// Bytes as a text.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().filter_map(|&byte| char::from_u32(RAW_FIRST + u32::from(byte))));
    }
    out
}

/// A text back as bytes.
pub(crate) fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if memchr::memchr(RAW_LEAD, text.as_bytes()).is_none() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match (c as u32).checked_sub(RAW_FIRST).and_then(|raw| u8::try_from(raw).ok()) {
            Some(raw) => bytes.push(raw),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// A part of a text by bytes.
pub(super) fn bytes_of(text: &str, from: usize, to: usize) -> String {
    of_bytes(to_bytes(text).get(from..to).unwrap_or(&[]))
}

/// The first `count` bytes, or the last where it is negative.
pub(super) fn truncate(count: i64, text: &str) -> String {
    let len = text.len() as i64;
    if count < 0 && len + count > 0 {
        bytes_of(text, (len + count) as usize, text.len())
    } else if count >= 0 && len > count {
        bytes_of(text, 0, count as usize)
    } else {
        text.to_owned()
    }
}

/// Bytes from `start` to `end`; none where that is out of range.
pub(super) fn substring(start: i64, end: i64, text: &str) -> Option<String> {
    let len = text.len() as i64;
    let (from, to) = if start < 0 {
        (0, end)
    } else if end < 0 || end > len {
        (start, len)
    } else {
        (start, end)
    };
    (0 <= from && from <= to && to <= len).then(|| bytes_of(text, from as usize, to as usize))
}

/// Makes a text `count` characters long: blanks on one side, or cut on that side.
pub(super) fn align(count: i64, text: &str, left: bool) -> String {
    let len = text.chars().count();
    let Ok(count) = usize::try_from(count) else { return text.to_owned() };
    if count >= len {
        let blanks = " ".repeat(count - len);
        return if left { format!("{text}{blanks}") } else { format!("{blanks}{text}") };
    }
    if left { text.chars().take(count).collect() } else { text.chars().skip(len - count).collect() }
}

/// Every word with its first letter in upper case.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_separator = true;
    for c in text.chars() {
        if after_separator {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => out.push(one),
                _ => out.push(c),
            }
        } else {
            out.push(c);
        }
        after_separator =
            if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { c.is_whitespace() };
    }
    out
}

/// Replaces the first `count` occurrences, all where it is negative. An empty text occurs around each character.
pub(super) fn replace(text: &str, old: &str, new: &str, count: i64) -> String {
    match usize::try_from(count) {
        Ok(count) => text.replacen(old, new, count),
        Err(_) => text.replace(old, new),
    }
}

/// Cuts the characters of a set off.
pub(super) fn trim<'t>(text: &'t str, set: &str, left: bool, right: bool) -> &'t str {
    let in_set = |c: char| set.contains(c);
    let text = if left { text.trim_start_matches(in_set) } else { text };
    if right { text.trim_end_matches(in_set) } else { text }
}

/// Reads percent-encoding as in a query; `+` is a blank.
pub(super) fn url_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            byte => bytes.push(byte),
        }
    }
    Some(of_bytes(&bytes))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding.
pub(super) fn base64_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let mut group = [0u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for position in 0..4 {
            let shown = position <= chunk.len();
            let index = (bits >> (18 - 6 * position)) as usize & 63;
            out.push(if shown { char::from(BASE64[index]) } else { '=' });
        }
    }
    out
}

/// Reads base64, with or without padding; what is none gives the message of the reference.
pub(super) fn base64_decode(text: &str) -> String {
    let missing = match text.len() % 4 {
        2 => "==",
        3 => "=",
        _ => "",
    };
    let padded = format!("{text}{missing}");
    match decode_groups(padded.as_bytes()) {
        Ok(bytes) => of_bytes(&bytes),
        Err(at) => format!("illegal base64 data at input byte {at}"),
    }
}

/// The bytes, or the offset of the first character that cannot stand there. Line breaks are skipped.
fn decode_groups(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut group = [0u32; 4];
    let mut filled = 0;
    let mut group_start = 0;
    let mut positions = text.iter().enumerate().filter(|(_, b)| !matches!(b, b'\n' | b'\r'));
    while let Some((at, &byte)) = positions.next() {
        if byte == b'=' {
            let second = if filled == 2 { positions.next() } else { Some((at, &b'=')) };
            let whole = matches!(second, Some((_, b'=')));
            if filled < 2 || !whole {
                return Err(if filled < 2 { at } else { second.map_or(text.len(), |(at, _)| at) });
            }
            if let Some((at, _)) = positions.next() {
                return Err(at);
            }
            let bits = group.iter().fold(0, |bits, six| bits << 6 | six);
            bytes.extend_from_slice(&bits.to_be_bytes()[1..filled]);
            return Ok(bytes);
        }
        let Some(six) = BASE64.iter().position(|&known| known == byte) else { return Err(at) };
        if filled == 0 {
            group_start = at;
        }
        group[filled] = six as u32;
        filled += 1;
        if filled == 4 {
            let bits = group.iter().fold(0, |bits, six| bits << 6 | six);
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            group = [0; 4];
            filled = 0;
        }
    }
    if filled == 0 { Ok(bytes) } else { Err(group_start) }
}
