//! Range aggregations: from lines to columns.
//!
//! Window `k` is `(t_k - range, t_k]`, so a line belongs to a run of steps. Counts and bytes are added at the first step
//! of that run and taken away behind the last, which makes a line cost two additions however much the windows overlap,
//! and memory follow the steps and not the lines. Other aggregations keep their samples, 24 bytes each.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bedrock::labels::{Labels, LabelsBuilder, MatchOp};
use bedrock::vector::{ABSENT, is_absent};

use crate::logql::ast::{Grouping, RangeAggregation, RangeOp};
use crate::logql::engine::memo::{Memo, Outcome};
use crate::logql::engine::metric::{Column, Evaluator};
use crate::logql::engine::window::{self, Point};
use crate::logql::engine::{QueryOptions, Steps, push_down};
use crate::logql::error::{QueryError, Result};
use crate::logql::extract::Extractor;
use crate::logql::label_hash::label_hash;
use crate::logql::label_sets::LabelSets;
use crate::logql::pipeline::labels::{ERROR, PRESERVE_ERROR};
use crate::parallel;
use crate::source::{
    BatchSink, BucketRequest, Budget, Columns, Entry, LogSource, Order, ScanParts, Selection,
};
use crate::templates::TemplateQuery;

/// With more buckets than this the lines are counted one by one.
const BUCKETS_MAX: usize = 1 << 20;

fn common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// The samples of one group.
enum Group {
    /// Lines and sums per step, as differences to the step before.
    Differences { lines: Vec<f64>, sums: Vec<f64> },
    /// Samples by part of the scan, each with the hash of its stream, which orders equal times.
    Points(Vec<(usize, Vec<(Point, u64)>)>),
}

/// What the threads of one aggregation share.
struct Shared<'q> {
    aggregation: &'q RangeAggregation,
    outer: Option<&'q Grouping>,
    options: &'q QueryOptions<'q>,
    budget: &'q Budget,
    steps: Steps,
    /// Samples that are held.
    points: AtomicUsize,
    /// Set where a thread has failed, so that the others stop.
    failed: AtomicBool,
}

/// Evaluates a range aggregation; `outer` is the grouping of a sum around it that lines are grouped by right away.
///
/// Parts of the scan are walked by as many threads as there may be, each with an extractor and groups of its own.
pub(super) fn evaluate(
    evaluator: &Evaluator<'_>,
    aggregation: &RangeAggregation,
    outer: Option<&Grouping>,
) -> Result<Vec<Column>> {
    let Evaluator { source, options, budget, steps } = evaluator;
    let (source, options, steps) = (*source, *options, *steps);
    let range = &aggregation.range;
    let shifted = Steps { start_ns: steps.start_ns.saturating_sub(range.offset_ns), ..steps };
    let start = shifted.start_ns.saturating_sub(range.range_ns).saturating_add(1);
    let (points, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let shared = Shared { aggregation, outer, options, budget, steps: shifted, points, failed };
    let mut collector = Collector::new(&shared)?;
    if collector.count_buckets(source)? {
        return finished(collector, aggregation, steps);
    }
    let mut selection = Selection::new(&range.log.matchers, start, shifted.last().saturating_add(1));
    push_down(&collector.extractor.pipeline, &mut selection);
    selection.order = Order::PerStream;
    selection.columns = Columns {
        line: collector.extractor.reads_lines(),
        line_bytes: matches!(aggregation.op, RangeOp::BytesOverTime | RangeOp::BytesRate),
        metadata: true,
    };
    selection.patience = options.patience();
    selection.budget = Some(budget);
    let reader = Extractor::new(aggregation, outer, &options.limits)?;
    let templates = reader.into_templates().filter(|_| selection.columns.line);
    selection.templates = templates.as_ref().map(|templates| templates as &dyn TemplateQuery);
    match source.parts(&selection)? {
        Some(parts) => collector = scan_parts(&*parts, &shared)?,
        None => collector.scan(|sink| source.scan(&selection, sink))?,
    }
    options.check()?;
    options.check_budget(budget)?;
    finished(collector, aggregation, steps)
}

/// Walks all parts and gives what they hold together. A thread takes part after part into the same groups.
fn scan_parts<'q>(parts: &dyn ScanParts, shared: &'q Shared<'q>) -> Result<Collector<'q>> {
    let threads = if parts.len() < 2 { 1 } else { parallel::threads_or_all(shared.options.threads) };
    let new = || Collector::new(shared);
    let (outcomes, collectors) = parallel::each_with(threads, parts.len(), new, |collector, part| {
        let Ok(collector) = collector else { return Ok(()) };
        if shared.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        collector.part = part;
        let outcome = collector.scan(|sink| parts.walk(part, sink));
        shared.failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome
    });
    outcomes.into_iter().collect::<Result<()>>()?;
    let mut collectors = collectors.into_iter();
    let Some(all) = collectors.next() else { return Collector::new(shared) };
    let mut all = all?;
    for collector in collectors {
        all.merge(collector?)?;
    }
    Ok(all)
}

fn finished(collector: Collector<'_>, aggregation: &RangeAggregation, steps: Steps) -> Result<Vec<Column>> {
    let columns = collector.finish()?;
    if aggregation.op == RangeOp::AbsentOverTime {
        return Ok(vec![absent(aggregation, &columns, steps)]);
    }
    Ok(columns)
}

struct Collector<'q> {
    shared: &'q Shared<'q>,
    extractor: Extractor,
    steps: Steps,
    range_ns: i64,
    differences: bool,
    sets: LabelSets,
    groups: Vec<Group>,
    /// The part of the scan that is walked.
    part: usize,
    current: Option<u32>,
    stream_hash: u64,
    memo: Memo,
}

impl<'q> Collector<'q> {
    fn new(shared: &'q Shared<'q>) -> Result<Self> {
        let range = &shared.aggregation.range;
        let extractor = Extractor::new(shared.aggregation, shared.outer, &shared.options.limits)?;
        Ok(Collector {
            shared,
            memo: Memo::new(extractor.repeats()),
            extractor,
            steps: shared.steps,
            range_ns: range.range_ns,
            differences: range.unwrap.is_none(),
            sets: LabelSets::default(),
            groups: Vec::new(),
            part: 0,
            current: None,
            stream_hash: 0,
        })
    }

    /// Takes in what a walk hands out.
    fn scan(&mut self, walk: impl FnOnce(&mut BatchSink<'_>) -> bedrock::Result<()>) -> Result<()> {
        let mut failed = None;
        walk(&mut |batch| match self.batch(batch) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn batch(&mut self, batch: &[Entry<'_>]) -> Result<()> {
        self.shared.options.check()?;
        self.shared.options.check_budget(self.shared.budget)?;
        for entry in batch {
            if self.current != Some(entry.stream) {
                self.extractor.start_stream(entry.labels);
                self.current = Some(entry.stream);
                self.stream_hash = if self.differences { 0 } else { label_hash(entry.labels) };
                self.memo.clear();
            }
            let Some((first, last)) = self.windows(entry.ts_ns) else { continue };
            if let Some((value, group)) = self.outcome(entry)? {
                self.add(group, entry.ts_ns, value, 1.0, first, last)?;
            }
        }
        Ok(())
    }

    /// The value of an entry and its group.
    fn outcome(&mut self, entry: &Entry<'_>) -> Result<Outcome> {
        let bare = entry.metadata.is_empty();
        if bare && let Some(known) = self.memo.get(entry.line) {
            return Ok(known);
        }
        let value = self.extractor.sample(entry.ts_ns, entry.line, entry.line_bytes, entry.metadata)?;
        let outcome = value.map(|value| (value, self.extractor.group(&mut self.sets)));
        if bare {
            self.memo.put(entry.line, outcome);
        }
        Ok(outcome)
    }

    /// Counts by the store's counters, where windows and steps are made of whole buckets and no stage looks at a line.
    /// Says whether it did.
    fn count_buckets(&mut self, source: &dyn LogSource) -> Result<bool> {
        let aggregation = self.shared.aggregation;
        let range = &aggregation.range;
        if !self.differences || !range.log.stages.is_empty() || range.range_ns <= 0 {
            return Ok(false);
        }
        let step_ns = if self.steps.count > 1 { self.steps.step_ns } else { range.range_ns };
        let width_ns = common_divisor(range.range_ns, step_ns);
        let origin_ns = self.steps.start_ns.saturating_sub(range.range_ns);
        let buckets =
            usize::try_from(self.steps.last().saturating_sub(origin_ns) / width_ns).unwrap_or(usize::MAX);
        if buckets > BUCKETS_MAX {
            return Ok(false);
        }
        let counts_bytes = matches!(aggregation.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
        let request = BucketRequest { matchers: &range.log.matchers, origin_ns, width_ns, buckets };
        let mut outcome = Ok(());
        let answered = source.bucket_counts(&request, &mut |labels, counts| {
            self.extractor.start_stream(labels);
            let mut ends_ns = origin_ns;
            for count in counts {
                ends_ns = ends_ns.saturating_add(width_ns);
                let windows = self.windows(ends_ns).filter(|_| count.lines > 0 && outcome.is_ok());
                let Some((first, last)) = windows else { continue };
                let value = if counts_bytes { count.line_bytes } else { count.lines };
                // What the extractor says of a line without metadata holds for all of the bucket.
                outcome = match self.extractor.sample(ends_ns, b"", 0, &[]) {
                    Ok(Some(_)) => {
                        let group = self.extractor.group(&mut self.sets);
                        self.add(group, ends_ns, value as f64, count.lines as f64, first, last)
                    }
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
            }
        })?;
        outcome.map(|()| answered)
    }

    /// The first and the last step whose window holds a timestamp.
    fn windows(&self, ts_ns: i64) -> Option<(usize, usize)> {
        let Steps { start_ns, step_ns, count } = self.steps;
        let after_start = ts_ns.saturating_sub(start_ns);
        let first = if after_start <= 0 { 0 } else { (after_start + (step_ns - 1)) / step_ns };
        // The window of a step starts behind t - range: the last step lies before ts + range.
        let last = (after_start.saturating_add(self.range_ns) - 1).div_euclid(step_ns);
        let last = last.min(count as i64 - 1);
        (0 <= first && first <= last).then_some((first as usize, last as usize))
    }

    /// The group of a label set; made where it is new.
    fn group(&mut self, number: u32) -> Result<&mut Group> {
        let group = number as usize;
        if self.groups.len() <= group {
            let max = self.shared.options.limits.series_max.saturating_mul(10);
            if self.sets.len() > max {
                let found = self.sets.len() as u64;
                return Err(QueryError::Limit {
                    what: "the number of series of a range aggregation",
                    max: max as u64,
                    found,
                });
            }
            let len = if self.differences { self.steps.count + 1 } else { 0 };
            let differences = self.differences;
            self.groups.resize_with(group + 1, || match differences {
                true => Group::Differences { lines: vec![0.0; len], sums: vec![0.0; len] },
                false => Group::Points(Vec::new()),
            });
        }
        Ok(&mut self.groups[group])
    }

    /// Adds a sample that stands for so many lines to the windows of some steps.
    fn add(
        &mut self,
        group: u32,
        ts_ns: i64,
        value: f64,
        count: f64,
        first: usize,
        last: usize,
    ) -> Result<()> {
        let (shared, part, hash) = (self.shared, self.part, self.stream_hash);
        match self.group(group)? {
            Group::Differences { lines, sums } => {
                lines[first] += count;
                lines[last + 1] -= count;
                sums[first] += value;
                sums[last + 1] -= value;
            }
            Group::Points(chunks) => {
                match chunks.last_mut() {
                    Some((of_part, points)) if *of_part == part => points.push(((ts_ns, value), hash)),
                    _ => chunks.push((part, vec![((ts_ns, value), hash)])),
                }
                let found = shared.points.fetch_add(1, Ordering::Relaxed) + 1;
                let max = shared.options.limits.samples_max;
                if found > max {
                    return Err(QueryError::Limit {
                        what: "the number of samples of a query",
                        max: max as u64,
                        found: found as u64,
                    });
                }
            }
        }
        Ok(())
    }

    /// Takes in the groups of another thread.
    fn merge(&mut self, other: Collector<'q>) -> Result<()> {
        for (number, group) in (0u32..).zip(other.groups) {
            let mine = self.sets.number_of(other.sets.get(number));
            match (self.group(mine)?, group) {
                (
                    Group::Differences { lines, sums },
                    Group::Differences { lines: other_lines, sums: other_sums },
                ) => {
                    lines.iter_mut().zip(other_lines).for_each(|(line, other)| *line += other);
                    sums.iter_mut().zip(other_sums).for_each(|(sum, other)| *sum += other);
                }
                (Group::Points(chunks), Group::Points(others)) => chunks.extend(others),
                (Group::Differences { .. }, Group::Points(_))
                | (Group::Points(_), Group::Differences { .. }) => {}
            }
        }
        Ok(())
    }

    /// The columns of the groups, in order of labels.
    fn finish(self) -> Result<Vec<Column>> {
        let aggregation = self.shared.aggregation;
        let mut columns = Vec::with_capacity(self.groups.len());
        for (number, group) in (0u32..).zip(self.groups) {
            let labels = self.sets.get(number).clone();
            let values = match group {
                Group::Differences { lines, sums } => {
                    running(aggregation.op, &lines, &sums, self.steps.count, self.range_ns)
                }
                Group::Points(mut chunks) => {
                    chunks.sort_by_key(|(part, _)| *part);
                    let mut points: Vec<(Point, u64)> =
                        chunks.into_iter().flat_map(|(_, points)| points).collect();
                    points.sort_by_key(|((ts_ns, _), hash)| (*ts_ns, *hash));
                    let points: Vec<Point> = points.into_iter().map(|(point, _)| point).collect();
                    windowed(aggregation, &points, self.steps)
                }
            };
            if values.iter().any(|value| !is_absent(*value)) {
                columns.push(Column { labels, values });
            }
        }
        columns.sort_by(|a, b| a.labels.cmp(&b.labels));
        for Column { labels, .. } in &columns {
            if labels.get(ERROR).is_some() && labels.get(PRESERVE_ERROR) != Some("true") {
                let error = labels.get(ERROR).unwrap_or_default().to_owned();
                return Err(QueryError::Pipeline { error, labels: labels.to_string() });
            }
        }
        Ok(columns)
    }
}

/// Counts and sums at each step, from their differences. Both are whole numbers, so nothing is lost.
fn running(op: RangeOp, lines: &[f64], sums: &[f64], steps: usize, range_ns: i64) -> Vec<f64> {
    let seconds = range_ns as f64 / 1e9;
    let (mut count, mut sum) = (0.0, 0.0);
    let mut values = vec![ABSENT; steps];
    for (value, (line, bytes)) in values.iter_mut().zip(lines.iter().zip(sums)) {
        count += line;
        sum += bytes;
        if count > 0.0 {
            *value = match op {
                RangeOp::Rate | RangeOp::BytesRate => sum / seconds,
                RangeOp::AbsentOverTime => 1.0,
                _ => sum,
            };
        }
    }
    values
}

/// The value of each window; the samples are sorted by time.
fn windowed(aggregation: &RangeAggregation, points: &[Point], steps: Steps) -> Vec<f64> {
    let range_ns = aggregation.range.range_ns;
    let (mut from, mut to) = (0, 0);
    (0..steps.count)
        .map(|step| {
            let end = steps.at(step);
            let start = end.saturating_sub(range_ns);
            from += points[from..].iter().take_while(|(ts, _)| *ts <= start).count();
            to = to.max(from);
            to += points[to..].iter().take_while(|(ts, _)| *ts <= end).count();
            match &points[from..to] {
                [] => ABSENT,
                window => window::value(aggregation.op, aggregation.parameter, window, end, range_ns),
            }
        })
        .collect()
}

/// 1 at each step where no series has a value, with the labels that the selector fixes.
fn absent(aggregation: &RangeAggregation, columns: &[Column], steps: Steps) -> Column {
    let mut labels = LabelsBuilder::new();
    let mut unclear = Vec::new();
    for matcher in &aggregation.range.log.matchers {
        if matcher.op() == MatchOp::Equal && labels.get(matcher.name()).is_none() {
            labels.set(matcher.name(), matcher.value());
        } else {
            unclear.push(matcher.name());
        }
    }
    for name in unclear {
        labels.remove(name);
    }
    labels.retain(|_, value| !value.is_empty());
    let labels: Labels = labels.build();
    let is_empty = |step: usize| columns.iter().all(|column| is_absent(column.values[step]));
    Column {
        labels,
        values: (0..steps.count).map(|step| if is_empty(step) { 1.0 } else { ABSENT }).collect(),
    }
}
