//! The dashboard in the terminal.

use super::rule::{self, State};
use super::{Answer, Dashboard, Panel, Rule, Shape, Story};
use crate::draw::{Line, Paint, WIDTH, beside, boxed, chart, heat, number, time, tree};
use crate::stores::Stored;

/// The width of a box that has another one beside it.
const HALF: usize = (WIDTH - 2) / 2;

/// Everything, in the order in which it is read.
pub fn draw(dashboard: &Dashboard) -> Vec<Line> {
    let window = &dashboard.window;
    let mut out = Vec::new();
    let hours = bedrock::time::format_duration_ms(window.length_ms() / 1_000 * 1_000);
    heading(
        &mut out,
        "ShoeHub Business Dashboard",
        &format!("{hours} until {} UTC, asked in PromQL", time::stamp(window.end_ms)),
    );
    panels(dashboard, &mut out);
    heading(&mut out, "The rule", &format!("every minute, for 1m, severity warning: {}", rule::NAME));
    out.extend(draw_rule(&dashboard.rule));
    heading(&mut out, "Logs", "asked in LogQL");
    dashboard.logs.iter().for_each(|answer| out.extend(draw_answer(answer)));
    heading(&mut out, "Traces", "asked in TraceQL");
    dashboard.traces.iter().for_each(|answer| out.extend(draw_answer(answer)));
    heading(&mut out, "One story, end to end", "from a metric to its trace to its log lines");
    match &dashboard.story {
        Some(story) => out.extend(draw_story(story)),
        None => out.push(Line::plain("No order of this time has left an exemplar with a trace.")),
    }
    out
}

fn heading(out: &mut Vec<Line>, title: &str, note: &str) {
    out.push(Line::default());
    out.push(
        Line::of(Paint::Colour(208), "▌ ").with(Paint::Bold, title).with(Paint::Dim, format!("  {note}")),
    );
}

/// Small panels stand in pairs, those over time have the whole width.
fn panels(dashboard: &Dashboard, out: &mut Vec<Line>) {
    let mut waiting: Option<&Panel> = None;
    for panel in &dashboard.panels {
        if matches!(panel.shape, Shape::Trend | Shape::HeatMap) {
            if let Some(left) = waiting.take() {
                out.extend(draw_panel(dashboard, left, WIDTH));
            }
            out.extend(draw_panel(dashboard, panel, WIDTH));
        } else if let Some(left) = waiting.take() {
            out.extend(beside(draw_panel(dashboard, left, HALF), draw_panel(dashboard, panel, HALF)));
        } else {
            waiting = Some(panel);
        }
    }
    if let Some(left) = waiting {
        out.extend(draw_panel(dashboard, left, WIDTH));
    }
}

fn draw_panel(dashboard: &Dashboard, panel: &Panel, width: usize) -> Vec<Line> {
    let inside = width - 4;
    let ends_ms = dashboard.window.ends_ms();
    let now: Vec<(String, f64)> =
        panel.series.iter().map(|series| (series.name.clone(), series.now)).collect();
    let points =
        || panel.series.iter().map(|series| (series.name.clone(), series.points.clone())).collect::<Vec<_>>();
    let total: f64 = now.iter().map(|(_, value)| value).sum();
    let lines = match panel.shape {
        Shape::Gauge => chart::gauge(total, inside),
        Shape::Stat => stat(total, panel, inside),
        Shape::Trend => chart::trend(&points(), ends_ms, 2, inside),
        Shape::Pie => chart::pie(&now, inside),
        Shape::Bars => chart::bars(&now, inside),
        Shape::HeatMap => heat::heat_map(&points(), ends_ms, inside),
    };
    boxed(panel.title, panel.query, lines, width)
}

/// A large number over its own history.
fn stat(value: f64, panel: &Panel, width: usize) -> Vec<Line> {
    let points = panel.series.first().map_or(&[][..], |series| &series.points);
    let values = chart::resampled(points, width);
    let number = Line::of(Paint::Bold, format!("{:^width$}", number::plain(value)));
    let area = chart::spark_rows(&values, 2).into_iter().map(|row| Line::of(Paint::series(1), row));
    std::iter::once(number).chain(area).collect()
}

fn draw_rule(rule: &Rule) -> Vec<Line> {
    let paint = |state: State| match state {
        State::Inactive => Paint::Colour(77),
        State::Pending => Paint::Colour(220),
        State::Firing => Paint::Alarm,
    };
    let now = rule.now();
    let value =
        if rule.value.is_nan() { String::new() } else { format!(", {} a second", number::plain(rule.value)) };
    let told = format!(
        "  since {}{value}; it fired in {} of {} minutes",
        time::minute(rule.since_ms()),
        rule.firing(),
        rule.states.len()
    );
    let mut strip = Line::plain("");
    let room = WIDTH - 4;
    for column in 0..room {
        let state =
            rule.states.get(column * rule.states.len() / room).map_or(State::Inactive, |(_, state)| *state);
        let mark = match state {
            State::Inactive => "▁",
            State::Pending => "▄",
            State::Firing => "█",
        };
        strip = strip.with(paint(state), mark);
    }
    let ends_ms = (rule.states.first(), rule.states.last());
    let axis = match ends_ms {
        (Some((start_ms, _)), Some((end_ms, _))) => chart::axis((*start_ms, *end_ms), room),
        _ => String::new(),
    };
    let lines = vec![
        Line::of(paint(now), now.as_str().to_uppercase()).with(Paint::Plain, told),
        strip,
        Line::of(Paint::Dim, axis),
    ];
    boxed(rule::NAME, rule::QUERY, lines, WIDTH)
}

fn draw_answer(answer: &Answer) -> Vec<Line> {
    let lines = if answer.table.rows.is_empty() {
        vec![Line::of(Paint::Dim, "nothing")]
    } else {
        answer.table.lines(Some(WIDTH - 4))
    };
    boxed(answer.title, &answer.query, lines, WIDTH)
}

fn draw_story(story: &Story) -> Vec<Line> {
    let told = format!(
        "p50 {}, p99 {}; the slowest of {} exemplars is an order of {} at {}:",
        number::seconds(story.p50_s),
        number::seconds(story.p99_s),
        number::count(story.exemplars as u64),
        number::seconds(story.slowest_s),
        time::clock(story.time_ms),
    );
    let exemplar = Line::of(Paint::Bold, format!("trace_id=\"{}\"", story.trace.id));
    let metric = vec![Line::plain(told), exemplar];
    let mut out = boxed("1  The metric and its exemplar", super::story::METRIC, metric, WIDTH);
    let spans = tree::trace(&story.trace, WIDTH - 4);
    out.extend(boxed("2  The trace", &format!("trace {}", story.trace.id), spans, WIDTH));
    out.extend(boxed("3  Its log lines", &story.query, story.lines.lines(Some(WIDTH - 4)), WIDTH));
    out
}

/// What is stored, and how long it all took.
pub fn draw_stored(stored: &[Stored; 3], dir: &std::path::Path, took: &str) -> Vec<Line> {
    let mut table = crate::draw::table::Table::new(["", ">stored", ">on disk", ">bytes each", "where"]);
    for store in stored {
        let each = store.bytes as f64 / store.items.max(1) as f64;
        table.row([
            store.what.to_owned(),
            number::count(store.items),
            number::bytes(store.bytes),
            format!("{each:.2}"),
            dir.join(store.folder).display().to_string(),
        ]);
    }
    let mut out = Vec::new();
    heading(&mut out, "What was stored", took);
    out.extend(boxed("Everything, log and indexes included", "", table.lines(Some(WIDTH - 4)), WIDTH));
    out
}
