//! Start timestamps: `metric@st -1m _ -1mx3 -30s+15sx4`, relative to the time of each point.

use bedrock::labels::Labels;
use bedrock::time::parse_duration_ms;

use crate::parse::parse_metric_prefix;
use crate::script::points::times;
use crate::script::{ScriptError, problem};

/// Whether a line gives start timestamps.
pub(super) fn is_start_times(text: &str) -> bool {
    parse_metric_prefix(text).is_ok_and(|(_, length)| {
        text.get(length..)
            .and_then(|rest| rest.strip_prefix("@st"))
            .is_some_and(|rest| rest.starts_with([' ', '\t']))
    })
}

/// The series and the offsets of its start timestamps in milliseconds; `None` where a point has none.
pub(super) fn parse(text: &str, line: usize) -> Result<(Labels, Vec<Option<i64>>), ScriptError> {
    let (labels, length) = parse_metric_prefix(text).map_err(|error| problem(line, error))?;
    let items = text.get(length..).and_then(|rest| rest.strip_prefix("@st")).unwrap_or_default();
    let mut offsets = Vec::new();
    for item in items.split_ascii_whitespace() {
        parse_item(item, &mut offsets).map_err(|error| problem(line, format!("{error} in {item:?}")))?;
    }
    Ok((labels, offsets))
}

fn parse_item(item: &str, offsets: &mut Vec<Option<i64>>) -> Result<(), String> {
    if let Some(repeat) = item.strip_prefix('_') {
        let count = if repeat.is_empty() { 1 } else { times(repeat)? };
        offsets.extend(std::iter::repeat_n(None, count));
        return Ok(());
    }
    let (mut offset, rest) = split_duration(item)?;
    if rest.is_empty() {
        offsets.push(Some(offset));
        return Ok(());
    }
    let (step, rest) = if rest.starts_with('x') {
        (0, rest)
    } else {
        let negative = rest.starts_with('-');
        let (step, rest) = split_duration(rest.strip_prefix(['+', '-']).unwrap_or_default())?;
        (if negative { -step } else { step }, rest)
    };
    for _ in 0..=times(rest)? {
        offsets.push(Some(offset));
        offset = offset.saturating_add(step);
    }
    Ok(())
}

/// Splits a duration of one unit off, with its sign.
fn split_duration(text: &str) -> Result<(i64, &str), String> {
    let negative = text.starts_with('-');
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit =
        text.bytes().skip(digits).take_while(|byte| byte.is_ascii_alphabetic() && *byte != b'x').count();
    let (duration, rest) = text.split_at(digits + unit);
    let ms = parse_duration_ms(duration).ok_or_else(|| format!("{duration:?} is no duration"))?;
    Ok((if negative { -ms } else { ms }, rest))
}
