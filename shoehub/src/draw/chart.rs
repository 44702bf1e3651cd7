//! Sparklines, bars and shares.

use super::line::{Line, Paint};
use super::number;
use super::time;

/// Blocks that fill a character from below, an eighth at a time.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Blocks that fill a character from the left.
const LEFT_EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A sparkline of one row. `NaN` is a gap.
pub fn spark(values: &[f64]) -> String {
    spark_rows(values, 1).concat()
}

/// An area of some rows from 0 to the largest value, the top row first.
pub fn spark_rows(values: &[f64], rows: usize) -> Vec<String> {
    let most = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let full = (rows * 8) as f64;
    let height = |value: &f64| {
        let scaled = if most > 0.0 { value / most * full } else { 0.0 };
        // What is there but small is seen.
        if *value > 0.0 { (scaled.round() as usize).max(1) } else { 0 }
    };
    let heights: Vec<usize> = values.iter().map(height).collect();
    let row = |row: usize| {
        let below = (rows - 1 - row) * 8;
        heights.iter().map(|height| EIGHTHS[height.saturating_sub(below).min(8)]).collect()
    };
    (0..rows).map(row).collect()
}

/// A bar of a share from 0 to 1.
pub fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(LEFT_EIGHTHS[eighths % 8]);
    }
    bar
}

/// Rows of a chart over time, one block a series: name, area, last value; a time axis below.
pub fn trend(series: &[(String, Vec<f64>)], times_ms: (i64, i64), rows: usize, width: usize) -> Vec<Line> {
    let (name_width, value_width) = (name_width(series.iter().map(|(name, _)| name)), 18);
    let chart_width = width.saturating_sub(name_width + value_width + 2);
    let mut out = Vec::new();
    for (number, (name, values)) in series.iter().enumerate() {
        let paint = Paint::series(number);
        let values = resampled(values, chart_width);
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let most = finite().fold(0.0, f64::max);
        let last = finite().next_back().unwrap_or(f64::NAN);
        let told = [format!("max {}", number::plain(most)), format!("now {}", number::plain(last))];
        for (row, area) in spark_rows(&values, rows).into_iter().enumerate() {
            let is_last = row + 1 == rows;
            let name = if is_last { name.as_str() } else { "" };
            let told = if is_last {
                &told[1]
            } else if row == 0 {
                &told[0]
            } else {
                ""
            };
            let area = format!("{area:<chart_width$}");
            out.push(
                Line::of(paint, format!("{name:<name_width$} "))
                    .with(paint, area)
                    .with(Paint::Plain, format!(" {told}")),
            );
        }
    }
    out.push(Line::of(Paint::Dim, format!("{:name_width$} {}", "", axis(times_ms, chart_width))));
    out
}

/// Times below a chart, each once: a chart of a minute has one.
pub fn axis((start_ms, end_ms): (i64, i64), width: usize) -> String {
    let marks = (width / 14).max(1);
    let (mut out, mut last) = (String::new(), String::new());
    for mark in 0..=marks {
        let label = time::minute(start_ms + (end_ms - start_ms) * mark as i64 / marks as i64);
        let at = (width * mark / marks).min(width.saturating_sub(label.len()));
        let drawn = out.chars().count();
        if at >= drawn && label != last {
            out.push_str(&" ".repeat(at - drawn));
            out.push_str(&label);
            last = label;
        }
    }
    out
}

/// Horizontal bars, the longest for the largest value.
pub fn bars(rows: &[(String, f64)], width: usize) -> Vec<Line> {
    let most = rows.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let names = name_width(rows.iter().map(|(name, _)| name));
    let room = width.saturating_sub(names + 12);
    let line = |(number, (name, value)): (usize, &(String, f64))| {
        let share = if most > 0.0 { value / most } else { 0.0 };
        Line::plain(format!("{name:<names$} "))
            .with(Paint::series(number), bar(share, room))
            .with(Paint::Plain, format!(" {}", number::plain(*value)))
    };
    rows.iter().enumerate().map(line).collect()
}

/// A pie laid flat: one bar whose parts are the shares, and a legend.
pub fn pie(rows: &[(String, f64)], width: usize) -> Vec<Line> {
    const FILLS: [&str; 4] = ["█", "▓", "▒", "░"];
    let all: f64 = rows.iter().map(|(_, value)| value).sum();
    let names = name_width(rows.iter().map(|(name, _)| name));
    let mut whole = Line::default();
    let (mut told, mut drawn) = (0.0, 0);
    let mut legend = Vec::new();
    for (number, (name, value)) in rows.iter().enumerate() {
        let share = if all > 0.0 { value / all } else { 0.0 };
        told += share;
        let until = (told * width as f64).round() as usize;
        let fill = FILLS[number % FILLS.len()];
        whole = whole.with(Paint::series(number), fill.repeat(until.saturating_sub(drawn)));
        drawn = until;
        let text = format!(" {name:<names$} {:>6} {:>12}", number::percent(share), number::plain(*value));
        legend.push(Line::of(Paint::series(number), fill.repeat(2)).with(Paint::Plain, text));
    }
    let mut out = vec![whole.clone(), whole];
    out.extend(legend);
    out
}

/// A gauge: a value on a scale from 0 to a round number above it.
pub fn gauge(value: f64, width: usize) -> Vec<Line> {
    let top = round_above(value);
    let filled = bar(value / top, width);
    let rest = "·".repeat(width.saturating_sub(filled.chars().count()));
    let scale = format!("0{:>rest$}", number::plain(top), rest = width.saturating_sub(1));
    vec![
        Line::of(Paint::Bold, format!("{:^width$}", number::plain(value))),
        Line::of(Paint::series(0), filled).with(Paint::Dim, rest),
        Line::of(Paint::Dim, scale),
    ]
}

/// The next of 1, 2, 5, 10, 20, 50, ... above a value.
pub fn round_above(value: f64) -> f64 {
    let mut top = 1.0;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(60) {
        if top > value {
            break;
        }
        top *= factor;
    }
    top
}

/// As many values as there are columns: means where there are more, repeats where there are fewer.
pub fn resampled(values: &[f64], width: usize) -> Vec<f64> {
    if values.is_empty() || width == 0 {
        return Vec::new();
    }
    let mean = |column: usize| {
        let (start, end) = (column * values.len() / width, ((column + 1) * values.len()).div_ceil(width));
        let finite: Vec<f64> =
            values.iter().take(end).skip(start).copied().filter(|value| value.is_finite()).collect();
        if finite.is_empty() { f64::NAN } else { finite.iter().sum::<f64>() / finite.len() as f64 }
    };
    (0..width).map(mean).collect()
}

fn name_width<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}
