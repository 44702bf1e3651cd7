//! `load <step>`: series and their points.

use bedrock::labels::Labels;

use crate::script::lines::Lines;
use crate::script::memory::{MemorySource, Sample};
use crate::script::points::{Point, parse_series};
use crate::script::{ScriptError, duration_ms, nhcb, problem, start_times};

/// What one `load` command holds. Point `i` of a series is at `i * step_ms`.
#[derive(Clone, Debug)]
pub(super) struct Load {
    line: usize,
    step_ms: i64,
    with_nhcb: bool,
    series: Vec<LoadedSeries>,
}

/// One line of a load.
#[derive(Clone, Debug)]
pub(super) struct LoadedSeries {
    pub(super) labels: Labels,
    pub(super) points: Vec<Point>,
    /// Offsets of the start timestamps, one for each point; empty without.
    start_offsets: Vec<Option<i64>>,
}

pub(super) fn parse(text: &str, line: usize, lines: &mut Lines<'_>) -> Result<Load, ScriptError> {
    let (command, step) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let with_nhcb = match command {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(problem(line, "expected load <step> or load_with_nhcb <step>")),
    };
    let step_ms = duration_ms(step.trim(), line)?;
    let mut series: Vec<LoadedSeries> = Vec::new();
    let mut starts: Option<(usize, Labels, Vec<Option<i64>>)> = None;
    while let Some((line, text)) = lines.next_line() {
        if start_times::is_start_times(text) {
            let (labels, offsets) = start_times::parse(text, line)?;
            if let Some((line, ..)) = starts.replace((line, labels, offsets)) {
                return Err(problem(line, "an @st line must be followed by the samples of its series"));
            }
            continue;
        }
        let (labels, points) = parse_series(text, line)?;
        let start_offsets = match starts.take() {
            None => Vec::new(),
            Some((_, of, offsets)) if of == labels && offsets.len() == points.len() => offsets,
            Some((line, of, offsets)) => {
                let (found, expected) = (offsets.len(), points.len());
                return Err(problem(
                    line,
                    format!(
                        "the @st line of {of} has {found} points, the line after it {expected} of {labels}"
                    ),
                ));
            }
        };
        // A series that is named twice is the one of the last line.
        series.retain(|earlier| earlier.labels != labels);
        series.push(LoadedSeries { labels, points, start_offsets });
    }
    match starts {
        Some((line, ..)) => Err(problem(line, "an @st line must be followed by the samples of its series")),
        None => Ok(Load { line, step_ms, with_nhcb, series }),
    }
}

impl Load {
    /// Appends all samples, moved by `offset_ms`.
    pub(super) fn apply(&self, source: &mut MemorySource, offset_ms: i64) -> Result<(), ScriptError> {
        let fail = |error| problem(self.line, error);
        for series in &self.series {
            for (index, point) in series.points.iter().enumerate() {
                let time_ms = self.time_ms(index).saturating_add(offset_ms);
                let value = match point {
                    Point::Missing => continue,
                    Point::Float(value) => Sample::Float(*value),
                    Point::Histogram { histogram, .. } => Sample::Histogram(histogram.clone()),
                };
                let start = series.start_offsets.get(index).copied().flatten();
                let start_ms = start.map_or(0, |start| time_ms.saturating_add(start));
                source.append(&series.labels, time_ms, start_ms, value).map_err(fail)?;
            }
        }
        if self.with_nhcb {
            for (labels, points) in nhcb::convert(&self.series).map_err(|error| problem(self.line, error))? {
                for (index, histogram) in points {
                    let time_ms = self.time_ms(index).saturating_add(offset_ms);
                    source.append(&labels, time_ms, 0, Sample::Histogram(histogram.into())).map_err(fail)?;
                }
            }
        }
        Ok(())
    }

    fn time_ms(&self, index: usize) -> i64 {
        self.step_ms.saturating_mul(index as i64)
    }
}
