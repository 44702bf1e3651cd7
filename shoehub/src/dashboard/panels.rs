//! The eight panels of the tutorial's dashboard: a title, a kind of chart and a query each.

use super::ask::Ask;
use crate::error::Result;
use bedrock::labels::Labels;

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Shape {
    Gauge,
    Stat,
    Trend,
    Pie,
    Bars,
    HeatMap,
}

impl Shape {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Shape::Gauge => "gauge",
            Shape::Stat => "stat",
            Shape::Trend => "trend",
            Shape::Pie => "pie",
            Shape::Bars => "bars",
            Shape::HeatMap => "heatmap",
        }
    }

    /// Whether it shows values over time.
    fn is_over_time(self) -> bool {
        matches!(self, Shape::Stat | Shape::Trend | Shape::HeatMap)
    }
}

/// A panel with its answer.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What stands above it.
    pub title: &'static str,
    /// How it is drawn.
    pub shape: Shape,
    /// The question, in PromQL.
    pub query: &'static str,
    /// The answer.
    pub series: Vec<Series>,
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels as people call them: `AU, Card`.
    pub name: String,
    /// The value at the end of the window.
    pub now: f64,
    /// One value a step, `NaN` where there is none; empty where the panel shows no time.
    pub points: Vec<f64>,
}

/// Title, kind and query, in the order of the tutorial.
pub const PANELS: [(&str, Shape, &str); 8] = [
    ("Total Sales", Shape::Gauge, "sum(shoehub_sales)"),
    ("Total Payments", Shape::Stat, "sum(shoehub_payments)"),
    ("Sales Trend", Shape::Trend, "sum(rate(shoehub_sales[5m])) by (ShoeType)"),
    ("Sales by Shoe Type", Shape::Pie, "sum(shoehub_sales) by (ShoeType)"),
    ("Payments by Payment Method", Shape::Pie, "sum(shoehub_payments) by (PaymentMethod)"),
    ("Payments by Country", Shape::Bars, "sum(shoehub_payments) by (CountryCode)"),
    (
        "Payments by Country and Payment Method",
        Shape::HeatMap,
        "sum(shoehub_payments) by (CountryCode, PaymentMethod)",
    ),
    ("Payments Trend by Country", Shape::Trend, "sum(rate(shoehub_payments[5m])) by (CountryCode)"),
];

/// Asks for every panel.
///
/// # Errors
///
/// Where a query has no answer.
pub fn ask_all(ask: &Ask<'_>) -> Result<Vec<Panel>> {
    let one = |&(title, shape, query): &(&'static str, Shape, &'static str)| {
        Ok(Panel { title, shape, query, series: series(ask, shape, query)? })
    };
    PANELS.iter().map(one).collect()
}

fn series(ask: &Ask<'_>, shape: Shape, query: &str) -> Result<Vec<Series>> {
    let over_time = if shape.is_over_time() { ask.range(query, ask.window.step_ms)? } else { Vec::new() };
    let now = ask.instant(query)?;
    let of = |(labels, now): (Labels, f64)| {
        let points = over_time.iter().find(|(other, _)| *other == labels);
        Series {
            name: name(&labels),
            now,
            points: points.map_or_else(Vec::new, |(_, points)| points.clone()),
        }
    };
    Ok(now.into_iter().map(of).collect())
}

fn name(labels: &Labels) -> String {
    let values: Vec<&str> = labels.iter().map(|(_, value)| value).collect();
    values.join(", ")
}
