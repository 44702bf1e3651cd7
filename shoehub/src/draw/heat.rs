//! A heat map: rows of cells that are the brighter the larger their value is.

use super::chart::{axis, resampled};
use super::line::{Line, Paint};
use super::number;

/// Without colours: how full a cell is.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// From cold to hot, in the palette of 256.
const COLOURS: [u8; 8] = [17, 18, 54, 90, 161, 202, 214, 226];

/// One row a series over time, a legend and a time axis below.
pub fn heat_map(series: &[(String, Vec<f64>)], times_ms: (i64, i64), width: usize) -> Vec<Line> {
    let names = series.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(names + 1);
    let rows: Vec<Vec<f64>> = series.iter().map(|(_, values)| resampled(values, room)).collect();
    let most = rows.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let mut out = Vec::new();
    for ((name, _), values) in series.iter().zip(&rows) {
        let mut line = Line::plain(format!("{name:<names$} "));
        for value in values {
            line = line.and(cell(*value, most));
        }
        out.push(line);
    }
    out.push(Line::of(Paint::Dim, format!("{:names$} {}", "", axis(times_ms, room))));
    let mut legend = Line::of(Paint::Dim, format!("{:names$} 0 ", ""));
    for step in 0..COLOURS.len() {
        let share = (step as f64 + 0.5) / COLOURS.len() as f64;
        legend = legend.and(cell(share, 1.0)).and(cell(share, 1.0));
    }
    out.push(legend.with(Paint::Dim, format!(" {}", number::plain(most))));
    out
}

fn cell(value: f64, most: f64) -> Line {
    if !value.is_finite() || most <= 0.0 {
        return Line::plain("·");
    }
    let share = (value / most).clamp(0.0, 0.999);
    let shade = SHADES[(share * SHADES.len() as f64) as usize];
    Line::of(Paint::Heat(COLOURS[(share * COLOURS.len() as f64) as usize]), shade.to_string())
}
