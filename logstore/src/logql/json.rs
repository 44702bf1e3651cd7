//! Walks JSON text as it lies there, without building values, and as forgiving as the reference: what is not looked
//! at is not checked, and text behind a complete object is not noticed.

use memchr::memchr2;

/// What is wrong with a JSON text. The messages are those that users of the reference know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("Value looks like object, but can't find closing '}}' symbol")]
    Object,
    #[error("Value is array, but can't find closing ']' symbol")]
    Array,
    #[error("Value is string, but can't find closing '\"' symbol")]
    Text,
    #[error("Malformed JSON error")]
    Malformed,
    #[error("Encountered an invalid escape sequence in a string")]
    Escape,
    #[error("Unknown value type")]
    UnknownValue,
    #[error("expecting json object(6), but it is not")]
    NoObject,
    #[error("objects nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// The deepest nesting of objects that is followed.
pub(crate) const DEPTH_MAX: usize = 256;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonType {
    Text,
    Number,
    Boolean,
    Null,
    Object,
    Array,
}

/// A value as it stands in the text; texts without their quotes, escapes unresolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonValue<'j> {
    pub(crate) kind: JsonType,
    pub(crate) raw: &'j [u8],
}

/// The offset of the first byte that is no white space.
pub(crate) fn next_token(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.iter().position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t')).map(|at| from + at)
}

/// The offset behind the quote that closes a text which starts at `from`, and whether it has escapes.
pub(crate) fn text_end(text: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut escapes = false;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((at + 1, escapes));
        }
        escapes = true;
        at += 2;
    }
}

/// The offset behind the bracket that closes the one at `from`.
pub(crate) fn block_end(text: &[u8], from: usize, open: u8, close: u8) -> Option<usize> {
    let mut level = 0usize;
    let mut at = from;
    loop {
        at += text.get(at..)?.iter().position(|&b| b == b'"' || b == open || b == close)?;
        let byte = text[at];
        at += 1;
        if byte == b'"' {
            at = text_end(text, at)?.0;
        } else if byte == open {
            level += 1;
        } else {
            level = level.saturating_sub(1);
            if level == 0 {
                return Some(at);
            }
        }
    }
}

/// The value that starts at or behind `from`, and the offset behind it.
pub(crate) fn value_at(text: &[u8], from: usize) -> Result<(JsonValue<'_>, usize), JsonError> {
    let start = next_token(text, from).ok_or(JsonError::Malformed)?;
    let (kind, end) = match text[start] {
        b'"' => {
            let (end, _) = text_end(text, start + 1).ok_or(JsonError::Text)?;
            return Ok((JsonValue { kind: JsonType::Text, raw: &text[start + 1..end - 1] }, end));
        }
        b'[' => (JsonType::Array, block_end(text, start, b'[', b']').ok_or(JsonError::Array)?),
        b'{' => (JsonType::Object, block_end(text, start, b'{', b'}').ok_or(JsonError::Object)?),
        first => {
            let is_end = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b',' | b'}' | b']');
            let end = text[start..].iter().position(is_end).map_or(text.len(), |at| start + at);
            let kind = match (first, &text[start..end]) {
                (_, b"true" | b"false") => JsonType::Boolean,
                (_, b"null") => JsonType::Null,
                (b'0'..=b'9' | b'-', _) => JsonType::Number,
                _ => return Err(JsonError::UnknownValue),
            };
            (kind, end)
        }
    };
    Ok((JsonValue { kind, raw: &text[start..end] }, end))
}

/// What a walk over the members of an object does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    /// Goes on with the next member.
    On,
    /// Walks the members of this value, an object, before it goes on.
    Into,
    /// Stops; that is no error.
    Stop,
}

/// An event of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'j> {
    /// A member; the key with its escapes resolved.
    Member(&'j [u8], JsonValue<'j>),
    /// The end of an object that was walked into.
    Leave,
}

/// Walks the members of the object that `text` starts with. Stops at the first error.
pub(crate) fn walk(text: &[u8], visit: &mut dyn FnMut(Event<'_>) -> Walk) -> Result<(), JsonError> {
    // Where each open object ends, the text itself at the bottom.
    let mut ends = [0usize; DEPTH_MAX];
    let mut depth = 0;
    ends[0] = text.len();
    let mut key_buffer = Vec::new();
    let mut cursor = match open_object(text, 0)? {
        Open::Member(at) => at,
        Open::Empty => return Ok(()),
    };
    loop {
        let inside = &text[..ends[depth]];
        let (key, escapes, behind_key) = key_at(inside, cursor)?;
        let key = match escapes {
            true => {
                key_buffer.clear();
                unescape(key, &mut key_buffer).ok_or(JsonError::Escape)?;
                key_buffer.as_slice()
            }
            false => key,
        };
        let (value, end) = value_at(inside, behind_key)?;
        let mut next = end;
        match visit(Event::Member(key, value)) {
            Walk::Stop => return Ok(()),
            Walk::Into if value.kind == JsonType::Object => {
                if depth + 1 >= DEPTH_MAX {
                    return Err(JsonError::TooDeep);
                }
                let start = end - value.raw.len();
                match open_object(&text[..end], start)? {
                    Open::Member(at) => {
                        depth += 1;
                        ends[depth] = end;
                        cursor = at;
                        continue;
                    }
                    Open::Empty => {
                        if visit(Event::Leave) == Walk::Stop {
                            return Ok(());
                        }
                    }
                }
            }
            _ => {}
        }
        // The member is done; so may be the objects that it was the last one of.
        loop {
            match after_member(&text[..ends[depth]], next)? {
                Some(at) => {
                    cursor = at;
                    break;
                }
                None if depth == 0 => return Ok(()),
                None => {
                    next = ends[depth];
                    depth -= 1;
                    if visit(Event::Leave) == Walk::Stop {
                        return Ok(());
                    }
                }
            }
        }
        // A comma may be followed by the closing brace.
        while text[..ends[depth]].get(cursor) == Some(&b'}') {
            if depth == 0 {
                return Ok(());
            }
            next = ends[depth];
            depth -= 1;
            if visit(Event::Leave) == Walk::Stop {
                return Ok(());
            }
            match after_member(&text[..ends[depth]], next)? {
                Some(at) => cursor = at,
                None if depth == 0 => return Ok(()),
                None => cursor = ends[depth] - 1,
            }
        }
    }
}

enum Open {
    Empty,
    Member(usize),
}

/// Reads the opening brace of an object and finds its first member.
fn open_object(text: &[u8], from: usize) -> Result<Open, JsonError> {
    let start = next_token(text, from).filter(|&at| text[at] == b'{').ok_or(JsonError::Object)?;
    let at = next_token(text, start + 1).ok_or(JsonError::Malformed)?;
    Ok(if text[at] == b'}' { Open::Empty } else { Open::Member(at) })
}

/// The key at `at`, whether it has escapes, and the offset behind its colon.
fn key_at(text: &[u8], at: usize) -> Result<(&[u8], bool, usize), JsonError> {
    if text.get(at) != Some(&b'"') {
        return Err(JsonError::Object);
    }
    let (end, escapes) = text_end(text, at + 1).ok_or(JsonError::Malformed)?;
    let colon = next_token(text, end).filter(|&at| text[at] == b':').ok_or(JsonError::Malformed)?;
    Ok((&text[at + 1..end - 1], escapes, colon + 1))
}

/// The offset of the next member, none where the object ends.
fn after_member(text: &[u8], from: usize) -> Result<Option<usize>, JsonError> {
    let at = next_token(text, from).ok_or(JsonError::Array)?;
    match text[at] {
        b'}' => Ok(None),
        b',' => next_token(text, at + 1).map(Some).ok_or(JsonError::Array),
        _ => Err(JsonError::Object),
    }
}

/// Resolves the escapes of a JSON text; none where one is broken.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        let plain = match escape {
            b'"' | b'\\' | b'/' => escape,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let first = hex4(rest)?;
                rest = &rest[4..];
                let mut code = first;
                if (0xd800..=0xdfff).contains(&first) {
                    let second =
                        rest.strip_prefix(b"\\").filter(|_| rest.len() >= 6).and_then(|t| hex4(&t[1..]))?;
                    let low = second.checked_sub(0xdc00)?;
                    rest = &rest[6..];
                    code = 0x1_0000 + ((first - 0xd800) << 10) + low;
                }
                let c = char::from_u32(code).unwrap_or('\u{fffd}');
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        out.push(plain);
    }
    out.extend_from_slice(rest);
    Some(())
}

fn hex4(text: &[u8]) -> Option<u32> {
    let mut code = 0;
    for &byte in text.get(..4)? {
        code = code * 16 + char::from(byte).to_digit(16)?;
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> (String, Result<(), JsonError>) {
        let mut seen = String::new();
        let end = walk(text.as_bytes(), &mut |event| {
            match event {
                Event::Member(key, value) => {
                    seen.push_str(&format!("{}:{:?} ", String::from_utf8_lossy(key), value.kind));
                }
                Event::Leave => seen.push_str("< "),
            }
            Walk::Into
        });
        (seen, end)
    }

    #[test]
    fn members_come_in_order_and_nested() {
        let (seen, end) = keys(r#" {"a":1,"b":{"c":"x","d":{}},"e":[1,2],"f":null} rest"#);
        assert_eq!(seen, "a:Number b:Object c:Text d:Object < < e:Array f:Null ");
        assert_eq!(end, Ok(()));
        assert_eq!(keys(r#"{"a":{"b":1,},}"#), ("a:Object b:Number < ".to_owned(), Ok(())));
    }

    #[test]
    fn errors_come_where_the_text_breaks() {
        assert_eq!(keys(r#"{"a":1,"b":"#), ("a:Number ".to_owned(), Err(JsonError::Malformed)));
        assert_eq!(keys(r#"{"a":[1"#).1, Err(JsonError::Array));
        assert_eq!(keys("[1]").1, Err(JsonError::Object));
        assert_eq!(keys("").1, Err(JsonError::Object));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        assert_eq!(keys(&deep).1, Err(JsonError::TooDeep));
    }
}
