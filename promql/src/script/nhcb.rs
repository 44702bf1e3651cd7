//! Classic histograms to native ones with custom buckets.

use std::collections::BTreeMap;

use bedrock::histogram::{CUSTOM_BUCKETS_SCHEMA, Histogram, Span};
use bedrock::labels::{Labels, LabelsBuilder, METRIC_NAME};

use crate::script::load::LoadedSeries;
use crate::script::points::Point;

/// The parts of one classic histogram at one time.
#[derive(Default)]
struct Parts {
    /// Upper bounds and cumulative counts.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// The histograms of one series by index of their point.
type Converted = BTreeMap<usize, Histogram>;

/// Gathers `X_bucket`, `X_sum` and `X_count` of equal other labels into series `X` of histograms.
pub(super) fn convert(series: &[LoadedSeries]) -> Result<BTreeMap<Labels, Converted>, String> {
    let mut gathered: BTreeMap<Labels, BTreeMap<usize, Parts>> = BTreeMap::new();
    for one in series {
        let name = one.labels.get(METRIC_NAME).unwrap_or_default();
        let Some((base, suffix)) = name.rsplit_once('_') else { continue };
        let bound = match suffix {
            "bucket" => match parse_bound(&one.labels) {
                Some(bound) => bound,
                None => continue,
            },
            "sum" | "count" => f64::NAN,
            _ => continue,
        };
        let labels = LabelsBuilder::from(&one.labels).set(METRIC_NAME, base).remove("le").build();
        let histograms = gathered.entry(labels).or_default();
        for (index, point) in one.points.iter().enumerate() {
            let Point::Float(value) = *point else { continue };
            let parts = histograms.entry(index).or_default();
            match suffix {
                "sum" => parts.sum = value,
                "count" => parts.count = Some(value),
                _ => parts.buckets.push((bound, value)),
            }
        }
    }
    let convert_all = |(labels, histograms): (Labels, BTreeMap<usize, Parts>)| {
        let converted: Result<Converted, String> = histograms
            .into_iter()
            .map(|(index, parts)| {
                let histogram = parts.convert().map_err(|error| format!("{labels}: {error}"))?;
                Ok((index, histogram))
            })
            .collect();
        Ok((labels, converted?))
    };
    gathered.into_iter().map(convert_all).collect()
}

fn parse_bound(labels: &Labels) -> Option<f64> {
    let text = labels.get("le")?;
    text.parse().ok().filter(|bound: &f64| !bound.is_nan())
}

impl Parts {
    fn convert(mut self) -> Result<Histogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|b, a| a.0 == b.0);
        let highest = self.buckets.last().map_or(0.0, |bucket| bucket.1);
        let count = self.count.unwrap_or(highest);
        if self.buckets.last().is_none_or(|bucket| bucket.0 != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut below = 0.0;
        let mut counts = Vec::with_capacity(self.buckets.len());
        for (bound, cumulative) in &self.buckets {
            if *cumulative < below {
                return Err(format!("bucket {bound} holds {cumulative}, the one below it {below}"));
            }
            counts.push(cumulative - below);
            below = *cumulative;
        }
        if below != count {
            return Err(format!("the count is {count}, the highest bucket holds {below}"));
        }
        let length = u32::try_from(counts.len()).map_err(|_| "too many buckets".to_owned())?;
        let mut histogram = Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive_spans: vec![Span { offset: 0, length }],
            positive_buckets: counts,
            custom_values: self
                .buckets
                .iter()
                .map(|bucket| bucket.0)
                .filter(|bound| bound.is_finite())
                .collect(),
            ..Histogram::default()
        };
        histogram.compact();
        Ok(histogram)
    }
}
