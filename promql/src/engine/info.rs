//! `info`: adds the labels of info series that describe the same job and instance.

use std::collections::{BTreeMap, BTreeSet};

use bedrock::labels::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use bedrock::vector::is_absent;
use rustc_hash::FxHashMap;

use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::instant::{InstantStream, Take};
use super::operand::Operand;
use super::select::select;
use super::series::Series;
use super::steps::Reference;
use super::window::Reach;
use crate::ast::{Call, Expr};

/// The labels by which info series belong to others.
const IDENTIFYING: [&str; 2] = ["instance", "job"];
const DEFAULT_METRIC: &str = "target_info";

fn matcher(op: MatchOp, name: &str, value: &str) -> Result<Matcher> {
    Matcher::new(op, name, value).map_err(|error| QueryError::execution(error.to_string()))
}

/// What the second argument asks for.
struct Wanted {
    /// Which metrics are info metrics.
    names: Vec<Matcher>,
    /// Which labels to take, and what they must be.
    labels: Vec<Matcher>,
}

impl Wanted {
    fn of(call: &Call) -> Result<Self> {
        let given = match call.args.get(1).map(Expr::unparen) {
            Some(Expr::Vector(selector)) => selector.all_matchers(),
            _ => vec![matcher(MatchOp::Equal, METRIC_NAME, DEFAULT_METRIC)?],
        };
        let (mut names, labels): (Vec<_>, Vec<_>) = given.into_iter().partition(|m| m.name() == METRIC_NAME);
        if names.is_empty() {
            names.push(matcher(MatchOp::Equal, METRIC_NAME, DEFAULT_METRIC)?);
        } else if names.iter().all(|m| m.op().is_negative()) {
            names.insert(0, matcher(MatchOp::Regex, METRIC_NAME, ".+_info")?);
        }
        Ok(Wanted { names, labels })
    }

    fn takes(&self, label: &str) -> bool {
        self.labels.is_empty() || self.labels.iter().any(|m| m.name() == label)
    }

    /// Whether series without any info series may stay.
    fn allows_none(&self) -> bool {
        self.labels.iter().all(Matcher::matches_empty)
    }
}

/// Name of the info metric and identifying labels.
type Signature = (String, [String; 2]);

fn signature(name: &str, labels: &Labels) -> Signature {
    (name.to_owned(), IDENTIFYING.map(|label| labels.get(label).unwrap_or("").to_owned()))
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn info(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let wanted = Wanted::of(call)?;
        let reference = match call.args.first() {
            Some(arg) => self.info_reference(arg, Reference::default())?.unwrap_or_default(),
            None => Reference::default(),
        };
        let operand = self.argument(call, 0)?;
        let base = self.collect(operand)?;
        let is_info = |series: &Series| wanted.names.iter().all(|m| m.matches(series.metric_name()));
        let infos = self.info_series(&base, &is_info, &wanted, reference)?;
        let newest = self.newest(&base, &infos)?;
        let mut combined: FxHashMap<Labels, usize> = FxHashMap::default();
        let mut output: Vec<Series> = Vec::new();
        for series in &base {
            let ignored = is_info(series);
            for step in 0..self.steps.count {
                let Some(sample) = series.sample(step) else { continue };
                let labels = match ignored {
                    true => Some(series.labels.clone()),
                    false => enriched(series, newest.get(step), &wanted)?,
                };
                let Some(labels) = labels else { continue };
                let slot = *combined.entry(labels.clone()).or_insert_with(|| {
                    output.push(Series::absent(labels, series.drop_name, self.steps.count));
                    output.len() - 1
                });
                let Some(into) = output.get_mut(slot) else { continue };
                if into.has_sample(step) {
                    return Err(QueryError::execution(
                        "vector cannot contain metrics with the same labelset",
                    ));
                }
                into.set(step, sample.to_value());
            }
        }
        Ok(Operand::Ready(output))
    }

    /// Where the first selector of an expression looks: at the innermost fixed time, earlier by all offsets up to it.
    fn info_reference(&self, expr: &Expr, outer: Reference) -> Result<Option<Reference>> {
        let inside = |modifiers| -> Result<Reference> {
            let own: Reference = self.query.reference(modifiers)?;
            Ok(match own.at_ms {
                Some(_) => own,
                None => {
                    Reference { at_ms: outer.at_ms, offset_ms: own.offset_ms.saturating_add(outer.offset_ms) }
                }
            })
        };
        match expr {
            Expr::Vector(selector) => Ok(Some(inside(&selector.modifiers)?)),
            Expr::Matrix(matrix) => Ok(Some(inside(&matrix.selector.modifiers)?)),
            Expr::Subquery(subquery) => self.info_reference(&subquery.expr, inside(&subquery.modifiers)?),
            _ => {
                for child in expr.children() {
                    if let Some(found) = self.info_reference(child, outer)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }

    /// The info series that share identifying labels with some base series: their columns hold sample times.
    fn info_series(
        &mut self,
        base: &[Series],
        is_info: &dyn Fn(&Series) -> bool,
        wanted: &Wanted,
        reference: Reference,
    ) -> Result<Vec<Series>> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for series in base.iter().filter(|series| !is_info(series)) {
            for label in IDENTIFYING {
                if let Some(value) = series.labels.get(label).filter(|value| !value.is_empty()) {
                    values.entry(label).or_default().insert(value);
                }
            }
        }
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let mut matchers: Vec<Matcher> = wanted.names.iter().chain(&wanted.labels).cloned().collect();
        for (label, values) in &values {
            let alternatives: Vec<String> = values.iter().map(|value| escape(value)).collect();
            matchers.push(matcher(MatchOp::Regex, label, &alternatives.join("|"))?);
        }
        let lookback_ms = self.query.options.lookback_ms;
        let reach = Reach { steps: self.steps, reference, behind_ms: lookback_ms, ahead_ms: 0 };
        let limit = self.query.options.limits.series_max;
        let selection = select(self.query.source, limit, matchers, reach.range())?;
        let mut all = Vec::new();
        let mut scratch = super::stream::Scratch::default();
        let stream = InstantStream {
            query: self.query,
            selection: &selection,
            reference,
            steps: self.steps,
            take: Take::Milliseconds,
        };
        for index in 0..selection.set.len() {
            use super::stream::SeriesStream;
            let Some(series) = stream.series(index, &mut scratch)? else { continue };
            if !series.histograms.is_empty() {
                let labels = &series.labels;
                return Err(QueryError::execution(format!(
                    "this should be an info metric, with float samples: {labels}"
                )));
            }
            all.push(series);
        }
        Ok(all)
    }

    /// By step, the newest info series of each signature.
    fn newest<'i>(
        &self,
        base: &[Series],
        infos: &'i [Series],
    ) -> Result<Vec<BTreeMap<Signature, (&'i Labels, f64)>>> {
        let mut steps: Vec<BTreeMap<Signature, (&Labels, f64)>> = vec![BTreeMap::new(); self.steps.count];
        for info in infos {
            let signature = signature(info.metric_name(), &info.labels);
            for (step, (newest, time_ms)) in steps.iter_mut().zip(&info.floats).enumerate() {
                if is_absent(*time_ms) || !base.iter().any(|series| series.has_sample(step)) {
                    continue;
                }
                match newest.get(&signature) {
                    Some((_, known_ms)) if known_ms > time_ms => {}
                    Some((known, known_ms)) if known_ms == time_ms => {
                        return Err(QueryError::execution(format!(
                            "found duplicate series for info metric: existing {known} @ {known_ms}, new {} @ {time_ms}",
                            info.labels
                        )));
                    }
                    _ => {
                        newest.insert(signature.clone(), (&info.labels, *time_ms));
                    }
                }
            }
        }
        Ok(steps)
    }
}

/// The labels of a series with those of its info series; none where it has none but needs one.
fn enriched(
    series: &Series,
    newest: Option<&BTreeMap<Signature, (&Labels, f64)>>,
    wanted: &Wanted,
) -> Result<Option<Labels>> {
    let own = signature("", &series.labels).1;
    let mut added: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = false;
    for ((_, identity), (labels, _)) in newest.into_iter().flatten() {
        if *identity != own {
            continue;
        }
        found = true;
        for (name, value) in *labels {
            if name == METRIC_NAME || !wanted.takes(name) {
                continue;
            }
            if added.get(name).is_some_and(|known| *known != value) {
                return Err(QueryError::execution(format!("conflicting label: {name}")));
            }
            if series.labels.get(name).is_none() {
                added.insert(name, value);
            }
        }
    }
    if !found && !wanted.allows_none() {
        return Ok(None);
    }
    let mut builder = LabelsBuilder::from(&series.labels);
    for (name, value) in added {
        builder.set(name, value);
    }
    Ok(Some(builder.build()))
}

/// A text as a regular expression that matches only it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
