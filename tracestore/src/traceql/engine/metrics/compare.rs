//! `compare`: how attributes are spread among the selected spans and among the others.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::eval::Evaluator;
use super::super::expr::Expr;
use super::super::pools::{Pool, Pools};
use super::{Grid, Label, MetricsOptions, Observer, Result, Series};
use crate::field::{Field, Intrinsic, Scope};
use crate::traceql::Value;
use crate::traceql::ast::FieldExpr;
use crate::traceql::error::QueryError;

/// The intrinsics that are compared beside attributes: those with few values.
const INTRINSICS: [Intrinsic; 9] = [
    Intrinsic::Name,
    Intrinsic::Kind,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::RootName,
    Intrinsic::RootServiceName,
    Intrinsic::InstrumentationName,
    Intrinsic::InstrumentationVersion,
    Intrinsic::ChildCount,
];

/// Counts of a value at each step: among the other spans, and among the selected.
type Counts = [Vec<f64>; 2];

/// Builds the series of `compare`.
pub(super) struct Compare {
    selection: Expr,
    top: usize,
    window_ns: (i64, i64),
    extrapolate: bool,
    /// The fields that the conditions before name, with the values that they let through. The reference reads those
    /// twice and counts them twice.
    twice: Vec<(Field, Arc<Pool>)>,
    grid: Grid,
    points_max: usize,
    points: usize,
    values: FxHashMap<Field, FxHashMap<Value, Counts>>,
}

impl Compare {
    pub(super) fn new(
        selection: &FieldExpr,
        top: i64,
        window_ns: (i64, i64),
        extrapolate: bool,
        pools: &Pools,
        options: &MetricsOptions,
    ) -> Result<Self> {
        let twice = pools.named().map(|(field, pool)| (field.clone(), pool)).collect();
        Ok(Compare {
            selection: Expr::new(selection, &Pools::default())?,
            top: usize::try_from(top).unwrap_or(usize::MAX),
            window_ns,
            extrapolate,
            twice,
            grid: options.grid,
            points_max: options.points_max,
            points: 0,
            values: FxHashMap::default(),
        })
    }

    fn add(&mut self, field: &Field, value: Value, selected: bool, step: usize, weight: f64) -> Result<()> {
        let steps = self.grid.len();
        let values = match self.values.get_mut(field) {
            Some(values) => values,
            None => self.values.entry(field.clone()).or_default(),
        };
        if !values.contains_key(&value) {
            self.points += 2 * steps;
            if self.points > self.points_max {
                let what = "the numbers that a metrics query builds";
                return Err(QueryError::limit(what, self.points_max, self.points));
            }
        }
        let counts = values.entry(value).or_insert_with(|| [vec![0.0; steps], vec![0.0; steps]]);
        if let Some(count) = counts[usize::from(selected)].get_mut(step) {
            *count += weight;
        }
        Ok(())
    }
}

impl Observer for Compare {
    fn fields(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = INTRINSICS.map(Field::Intrinsic).to_vec();
        self.selection.each_field(&mut |field| fields.push(field.clone()));
        fields
    }

    fn observe(&mut self, evaluator: &Evaluator<'_>, rows: &[(u32, usize)]) -> Result<()> {
        let selected = evaluator.truths(&self.selection)?;
        let starts = evaluator.column(&Field::Intrinsic(Intrinsic::StartTime))?;
        let weights = match self.extrapolate {
            true => Some(evaluator.column(&Field::Intrinsic(Intrinsic::SampleWeight))?),
            false => None,
        };
        let (after, until) = self.window_ns;
        let is_selected = |row: usize| {
            let inside = (after, until) == (0, 0)
                || matches!(starts.get(row), Value::Int(start) if start > after && start <= until);
            inside && selected.get(row) == Some(&true)
        };
        let mut fields: Vec<Field> = INTRINSICS.map(Field::Intrinsic).to_vec();
        fields.extend(
            evaluator.batch().attributes()?.into_iter().filter(|field| field.nested_scope().is_none()),
        );
        let service = Field::attribute(Scope::Resource, "service.name");
        if !fields.contains(&service) {
            fields.push(service);
        }
        for field in fields {
            let column = evaluator.column(&field)?;
            let twice =
                self.twice.iter().find(|(named, _)| *named == field).map(|(_, pool)| Arc::clone(pool));
            for (row, step) in rows {
                let row = *row as usize;
                let value = column.get(row);
                if !value.is_nil() {
                    let weight =
                        weights.as_ref().and_then(|weights| weights.get(row).as_f64()).unwrap_or(1.0);
                    let twice = twice.as_ref().is_some_and(|pool| pool.lets(&value));
                    let weight = if twice { 2.0 * weight } else { weight };
                    self.add(&field, value, is_selected(row), *step, weight)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Vec<Series> {
        let mut series = Vec::new();
        for (field, values) in &self.values {
            let name = field.to_string();
            let mut too_many = false;
            for (side, (meta, total)) in
                [("baseline", "baseline_total"), ("selection", "selection_total")].into_iter().enumerate()
            {
                too_many |= self.side(&name, values, side, (meta, total), &mut series);
            }
            if too_many {
                let labels = vec![
                    Label::new("__meta_error", Value::str("__too_many_values__")),
                    Label::new(name, Value::Nil),
                ];
                series.push(Series {
                    labels,
                    values: vec![f64::NAN; self.grid.len()],
                    exemplars: Vec::new(),
                });
            }
        }
        series
    }
}

impl Compare {
    /// Adds the series of one side of an attribute; says whether there were more values than are shown.
    fn side(
        &self,
        name: &str,
        values: &FxHashMap<Value, Counts>,
        side: usize,
        (meta, total): (&str, &str),
        series: &mut Vec<Series>,
    ) -> bool {
        let mut present: Vec<(&Value, &Vec<f64>, f64)> = values
            .iter()
            .map(|(value, counts)| (value, &counts[side], counts[side].iter().sum()))
            .filter(|(_, _, sum)| *sum > 0.0)
            .collect();
        if present.is_empty() {
            return false;
        }
        let mut totals = vec![0.0; self.grid.len()];
        for (_, counts, _) in &present {
            totals.iter_mut().zip(*counts).for_each(|(total, count)| *total += count);
        }
        let labels = |meta: &str, value: Value| {
            vec![Label::new("__meta_type", Value::str(meta)), Label::new(name, value)]
        };
        series.push(Series { labels: labels(total, Value::Nil), values: totals, exemplars: Vec::new() });
        let too_many = present.len() > self.top;
        present.sort_by(|(a, _, a_sum), (b, _, b_sum)| b_sum.total_cmp(a_sum).then_with(|| a.order(b)));
        // Arrays have no text of their own in a label: the most frequent stands for all.
        let mut array = false;
        for (value, counts, _) in present.into_iter().take(self.top) {
            if value.kind().is_array() {
                if !std::mem::replace(&mut array, true) {
                    series.push(Series {
                        labels: labels(meta, Value::Nil),
                        values: counts.clone(),
                        exemplars: Vec::new(),
                    });
                }
                continue;
            }
            series.push(Series {
                labels: labels(meta, value.clone()),
                values: counts.clone(),
                exemplars: Vec::new(),
            });
        }
        too_many
    }
}
