//! From a line to a sample: the pipeline of a range aggregation, what it counts, and the labels it groups by.

use bedrock::labels::Labels;

use crate::logql::ast::{Conversion, Grouping, MetricExpr, RangeAggregation, RangeOp, Stage, VectorOp};
use crate::logql::error::Result;
use crate::logql::label_sets::LabelSets;
use crate::logql::limits::Limits;
use crate::logql::pipeline::Pipeline;
use crate::logql::pipeline::hints::{Hints, Wanted};
use crate::logql::pipeline::label_filter::LabelTest;
use crate::logql::pipeline::labels::{ERROR_DETAILS, LineLabels};
use crate::logql::pipeline::templates::PipelineTemplates;
use crate::logql::{number, quantity};

/// The error of a value that cannot be read.
const SAMPLE_ERROR: &str = "SampleExtractionErr";

/// What a line counts for.
#[derive(Debug)]
enum Value {
    One,
    Bytes,
    Label { name: String, conversion: Option<Conversion>, filters: Vec<LabelTest> },
}

/// Turns lines into samples.
#[derive(Debug)]
pub(crate) struct Extractor {
    pub(crate) pipeline: Pipeline,
    value: Value,
    groups: Vec<String>,
    without: bool,
    no_labels: bool,
}

impl Extractor {
    /// The extractor of a range aggregation; `outer` is the grouping of a sum around it.
    pub(crate) fn new(
        aggregation: &RangeAggregation,
        outer: Option<&Grouping>,
        limits: &Limits,
    ) -> Result<Self> {
        let grouping = outer.or(aggregation.grouping.as_ref());
        let mut groups = grouping.map(|grouping| grouping.labels.clone()).unwrap_or_default();
        let mut without = grouping.is_some_and(|grouping| grouping.without);
        let no_labels =
            grouping.is_some_and(Grouping::is_single) || aggregation.op == RangeOp::AbsentOverTime;
        let mut tests = Vec::new();
        let value = match &aggregation.range.unwrap {
            Some(unwrap) => {
                if groups.is_empty() || without {
                    without = true;
                    groups.push(unwrap.label.clone());
                }
                for filter in &unwrap.filters {
                    tests.push(LabelTest::compile(filter)?);
                }
                let filters = unwrap.filters.iter().map(LabelTest::compile).collect::<Result<_>>()?;
                Value::Label { name: unwrap.label.clone(), conversion: unwrap.conversion, filters }
            }
            None if matches!(aggregation.op, RangeOp::BytesOverTime | RangeOp::BytesRate) => Value::Bytes,
            None => Value::One,
        };
        groups.sort();
        let stages = needed_stages(aggregation);
        let unwrapped = aggregation.range.unwrap.as_ref().map(|unwrap| unwrap.label.as_str());
        let pipeline = Pipeline::compile(&stages, limits, |mut required, mut filters| {
            tests.iter().for_each(|test| test.names(&mut required));
            // One filter behind unwrap is asked early too; several are one condition, which is not.
            if tests.len() == 1
                && let Some(test) = tests.pop()
            {
                filters.extend(test.single_name().map(str::to_owned).map(|name| (name, test)));
            }
            let wanted = Wanted { required: &required, groups: &groups, without, no_labels, unwrapped };
            Hints::metric(wanted, filters)
        })?;
        Ok(Extractor { pipeline, value, groups, without, no_labels })
    }

    /// The extractor of the range aggregation that a metric query consists of, with a sum around it taken in.
    pub(crate) fn of_query(metric: &MetricExpr, limits: &Limits) -> Result<Option<Self>> {
        match metric {
            MetricExpr::Range(aggregation) => Extractor::new(aggregation, None, limits).map(Some),
            MetricExpr::Aggregation(outer) => match &outer.inner {
                MetricExpr::Range(aggregation) => {
                    let taken_in = takes_in(outer.op, aggregation).then_some(&outer.grouping);
                    Extractor::new(aggregation, taken_in, limits).map(Some)
                }
                inner => Extractor::of_query(inner, limits),
            },
            MetricExpr::LabelReplace(replace) => Extractor::of_query(&replace.inner, limits),
            // Of two operands it is the left one that speaks for the query.
            MetricExpr::Binary(binary) => Extractor::of_query(&binary.left, limits),
            MetricExpr::Literal(_) | MetricExpr::Vector(_) => Ok(None),
        }
    }

    /// What the pipeline says of templates. Where nothing counts the bytes of a line, it may be another one.
    pub(crate) fn into_templates(self) -> Option<PipelineTemplates> {
        let may_shorten = !matches!(self.value, Value::Bytes);
        self.pipeline.into_templates(may_shorten)
    }

    /// Whether equal lines of a stream give equal samples: no stage knows the time, and no length counts but that of the
    /// line itself. Where lines are not looked at there is nothing to remember.
    pub(crate) fn repeats(&self) -> bool {
        self.pipeline.reads_lines() && !self.pipeline.runs_templates() && !matches!(self.value, Value::Bytes)
    }

    /// Whether the lines themselves are looked at.
    pub(crate) fn reads_lines(&self) -> bool {
        self.pipeline.reads_lines()
    }

    pub(crate) fn start_stream(&mut self, labels: &Labels) {
        self.pipeline.labels_mut().start_stream(labels);
    }

    /// The value of a line, none where it has none. The labels are in the pipeline.
    pub(crate) fn sample(
        &mut self,
        ts_ns: i64,
        line: &[u8],
        line_bytes: u32,
        metadata: &[(&str, &str)],
    ) -> Result<Option<f64>> {
        if !self.pipeline.run(ts_ns, line, metadata)? {
            return Ok(None);
        }
        let (name, conversion, filters) = match &self.value {
            Value::One => return Ok(Some(1.0)),
            Value::Bytes => {
                let len = if self.pipeline.reads_lines() {
                    self.pipeline.line(line).len()
                } else {
                    line_bytes as usize
                };
                return Ok(Some(len as f64));
            }
            Value::Label { name, conversion, filters } => (name, conversion, filters),
        };
        let labels = self.pipeline.labels_mut();
        let Some(text) = labels.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let value = match convert(text, *conversion) {
            Ok(value) => value,
            Err(details) => {
                labels.fail(SAMPLE_ERROR, &details);
                0.0
            }
        };
        // As in pipelines, each filter is asked, for the error it may set.
        let kept = filters.iter().fold(true, |kept, filter| filter.test(labels) & kept);
        Ok(kept.then_some(value))
    }

    /// The number of the label set that the sample belongs to.
    pub(crate) fn group(&self, sets: &mut LabelSets) -> u32 {
        let labels = self.pipeline.labels();
        if self.no_labels && !labels.has_error() {
            return sets.number(&mut []);
        }
        if labels.is_unchanged() && self.groups.is_empty() {
            return sets.number_of(labels.stream());
        }
        sets.number(&mut self.grouped(labels))
    }

    /// The pairs of the group. A line that failed keeps all its labels, so that the error can name it.
    fn grouped<'l>(&self, labels: &'l LineLabels) -> Vec<(&'l str, &'l str)> {
        let mut pairs = Vec::new();
        let all = labels.has_error() || self.groups.is_empty();
        labels.for_each(|_, name, value| {
            let listed = self.groups.iter().any(|group| group == name);
            if all || name != ERROR_DETAILS && listed != self.without {
                pairs.push((name, value));
            }
        });
        pairs
    }
}

/// Whether a sum around a range aggregation may group the lines right away.
pub(crate) fn takes_in(op: VectorOp, aggregation: &RangeAggregation) -> bool {
    let additive = matches!(
        aggregation.op,
        RangeOp::BytesOverTime
            | RangeOp::BytesRate
            | RangeOp::SumOverTime
            | RangeOp::Rate
            | RangeOp::CountOverTime
    );
    op == VectorOp::Sum && additive && aggregation.grouping.is_none()
}

/// The stages without any `line_format` that nothing looks at, as the reference leaves them out.
fn needed_stages(aggregation: &RangeAggregation) -> Vec<Stage> {
    let stages = &aggregation.range.log.stages;
    if matches!(aggregation.op, RangeOp::BytesOverTime | RangeOp::BytesRate) {
        return stages.clone();
    }
    let reads_line = |stage: &Stage| {
        matches!(
            stage,
            Stage::Logfmt { .. }
                | Stage::Json(_)
                | Stage::Regexp(_)
                | Stage::Pattern(_)
                | Stage::Unpack
                | Stage::LineFilters(_)
        )
    };
    let needed = |(at, stage): (usize, &Stage)| {
        let idle = matches!(stage, Stage::LineFormat(_)) && !stages[at..].iter().any(reads_line);
        (!idle).then(|| stage.clone())
    };
    stages.iter().enumerate().filter_map(needed).collect()
}

fn convert(text: &str, conversion: Option<Conversion>) -> std::result::Result<f64, String> {
    match conversion {
        None => number::parse_float(text)
            .ok_or_else(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
        Some(Conversion::Bytes) => quantity::parse_bytes(text).map(|bytes| bytes as f64),
        Some(Conversion::Duration | Conversion::DurationSeconds) => match quantity::parse_go_duration(text) {
            Some(ns) => Ok((ns / 1_000_000_000) as f64 + (ns % 1_000_000_000) as f64 / 1e9),
            None => Err(format!("time: invalid duration {text:?}")),
        },
    }
}
