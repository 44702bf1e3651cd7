//! A series and its points: `up{job="api"} 1 _ 2x3 1+1x5 stale {{count:3}}x2`.

use std::sync::Arc;

use bedrock::histogram::Histogram;
use bedrock::labels::Labels;
use bedrock::series::STALE_NAN_BITS;

use crate::lex::{number_value, scan_number};
use crate::parse::parse_metric_prefix;
use crate::script::{ScriptError, histogram, problem};

/// The most points of one line.
const POINTS_MAX: usize = 1 << 20;

/// One point of a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Point {
    /// No sample.
    Missing,
    Float(f64),
    Histogram {
        histogram: Arc<Histogram>,
        /// Whether the counter reset hint was written, so that it has to be compared.
        hint_given: bool,
    },
}

/// A series line.
pub(super) fn parse_series(text: &str, line: usize) -> Result<(Labels, Vec<Point>), ScriptError> {
    let (labels, length) = parse_metric_prefix(text).map_err(|error| problem(line, error))?;
    let points = parse_points(text.get(length..).unwrap_or_default())
        .map_err(|error| problem(line, format!("{error} in {text:?}")))?;
    Ok((labels, points))
}

fn parse_points(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (item, tail) = split_item(rest)?;
        parse_item(item, &mut points)?;
        rest = tail.trim_start();
    }
    Ok(points)
}

/// Splits the first item off: it ends at a blank outside of `{{` and `}}`.
fn split_item(text: &str) -> Result<(&str, &str), String> {
    let mut end = 0;
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let blank = rest.find([' ', '\t']).unwrap_or(rest.len());
        match rest.find("{{").filter(|open| *open < blank) {
            None => return Ok(text.split_at(end + blank)),
            Some(_) => end += rest.find("}}").ok_or("\"{{\" has no \"}}\"")? + 2,
        }
    }
}

fn parse_item(item: &str, points: &mut Vec<Point>) -> Result<(), String> {
    if let Some(repeat) = item.strip_prefix('_') {
        let count = if repeat.is_empty() { 1 } else { times(repeat)? };
        return push(points, count, || Ok(Point::Missing));
    }
    if item.starts_with("{{") {
        return parse_histograms(item, points);
    }
    let (mut value, rest) = split_number(item).ok_or_else(|| format!("{item:?} is no point"))?;
    if rest.is_empty() {
        return push(points, 1, || Ok(Point::Float(value)));
    }
    if rest.starts_with('x') {
        // `0x3` repeats a zero; only what cannot be a repetition is hexadecimal.
        return match times(rest) {
            Ok(count) => push(points, count + 1, || Ok(Point::Float(value))),
            Err(error) => {
                let value = number_value(item).ok_or(error)?;
                push(points, 1, || Ok(Point::Float(value)))
            }
        };
    }
    let (step, rest) = split_number(rest).ok_or_else(|| format!("{item:?} has no step"))?;
    let count = times(rest)?;
    push(points, count + 1, || {
        let point = Point::Float(value);
        value += step;
        Ok(point)
    })
}

/// `{{a}}`, `{{a}}x3`, `{{a}}+{{b}}x3`, `{{a}}-{{b}}x3`
fn parse_histograms(item: &str, points: &mut Vec<Point>) -> Result<(), String> {
    let (first, hint_given, rest) = histogram::parse_prefix(item)?;
    let (sign, rest) = match rest.as_bytes().first() {
        None | Some(b'x') => {
            let count = if rest.is_empty() { 1 } else { times(rest)? + 1 };
            let histogram = Arc::new(first);
            return push(points, count, || Ok(Point::Histogram { histogram: histogram.clone(), hint_given }));
        }
        Some(sign @ (b'+' | b'-')) => (*sign, rest.get(1..).unwrap_or_default()),
        Some(_) => return Err(format!("{rest:?} cannot follow a histogram")),
    };
    let (step, hint_given, rest) = histogram::parse_prefix(rest)?;
    let count = times(rest)?;
    let mut next = Some(first);
    push(points, count + 1, || {
        let current = next.take().unwrap_or_default();
        let mut sum = current.clone();
        if sum.schema > step.schema {
            return Err(format!("cannot merge from schema {} to {}", step.schema, sum.schema));
        }
        let combined = if sign == b'+' { sum.add(&step) } else { sum.sub(&step) };
        combined.map_err(|error| error.to_string())?;
        next = Some(sum);
        Ok(Point::Histogram { histogram: Arc::new(current), hint_given })
    })
}

fn push(
    points: &mut Vec<Point>,
    count: usize,
    mut point: impl FnMut() -> Result<Point, String>,
) -> Result<(), String> {
    if count > POINTS_MAX - points.len().min(POINTS_MAX) {
        return Err(format!("more than {POINTS_MAX} points"));
    }
    for _ in 0..count {
        points.push(point()?);
    }
    Ok(())
}

/// The number after `x`.
pub(super) fn times(text: &str) -> Result<usize, String> {
    let digits = text.strip_prefix('x').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let count = digits.and_then(|digits| digits.parse().ok()).filter(|count| *count < POINTS_MAX);
    count.ok_or_else(|| format!("expected x and a number below {POINTS_MAX}, found {text:?}"))
}

/// Splits a number with its sign off the start of an item.
pub(super) fn split_number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    for (word, value) in
        [("stale", f64::from_bits(STALE_NAN_BITS)), ("nan", f64::NAN), ("inf", f64::INFINITY)]
    {
        let head = unsigned.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word));
        if head.is_some() {
            let value = if word == "inf" { sign * value } else { value };
            return Some((value, unsigned.get(word.len()..)?));
        }
    }
    let (is_number, end) = scan_number(unsigned.as_bytes(), 0, false);
    let (number, rest) = unsigned.split_at_checked(end)?;
    if !is_number {
        return None;
    }
    Some((sign * number_value(number)?, rest))
}
