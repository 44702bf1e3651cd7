//! The simulation follows from its seed, the stores agree with what it counted, and a second run goes on.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;

use bedrock::wal::Durability;
use logstore::logql::QueryData;
use shoehub::dashboard::{Ask, Dashboard, State, Window, rule};
use shoehub::draw::render;
use shoehub::simulate::{Plan, Totals, simulate};
use shoehub::stores::Stores;
use tsdb::Clock;

/// A busy half hour, so that every panel has something to show.
const HALF_HOUR: Plan =
    Plan { seed: 7, length_ms: 1_800_000, end_ms: 1_780_000_000_000, orders_per_s: Some(2.0) };

fn run(dir: &Path, plan: &Plan) -> (Stores, Totals) {
    simulate(dir, plan, |_, _| {}).unwrap()
}

/// One number, in PromQL, at the end of what is stored.
fn number(stores: &Stores, query: &str) -> f64 {
    Ask::new(stores, Window::last_hours(stores).unwrap()).number(query).unwrap()
}

#[test]
fn the_same_seed_and_time_give_the_same_shop() {
    let (first, second, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (stores, totals) = run(first.path(), &HALF_HOUR);
    let (again_stores, again) = run(second.path(), &HALF_HOUR);
    assert_eq!(totals, again);
    let drawn = |stores: &Stores| {
        let dashboard = Dashboard::ask(stores).unwrap();
        render(&shoehub::dashboard::text::draw(&dashboard), false)
    };
    assert_eq!(drawn(&stores), drawn(&again_stores));
    let (_, different) = run(other.path(), &Plan { seed: 8, ..HALF_HOUR });
    assert_ne!(totals.sales, different.sales);
}

#[test]
fn the_stores_agree_with_what_the_simulation_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (stores, totals) = run(dir.path(), &HALF_HOUR);
    let orders = totals.all_orders() as f64;
    assert!(orders > 3_000.0, "{totals:?}");

    // Metrics: the panels' numbers, the counters and the native histogram.
    let dashboard = Dashboard::ask(&stores).unwrap();
    let panel = |title: &str| dashboard.panels.iter().find(|panel| panel.title == title).unwrap();
    let total: f64 = totals.sales.iter().sum();
    assert_eq!(panel("Total Sales").series[0].now, total);
    let by_shoe: Vec<(String, f64)> =
        panel("Sales by Shoe Type").series.iter().map(|series| (series.name.clone(), series.now)).collect();
    let [loafers, boots, heels] = totals.sales;
    let expected = [("Boots", boots), ("HighHeels", heels), ("Loafers", loafers)];
    assert_eq!(by_shoe, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(panel("Payments by Country and Payment Method").series.len(), 9);
    assert_eq!(number(&stores, "sum(otel_order_total)"), orders);
    assert_eq!(number(&stores, "histogram_count(shoehub_order_duration_seconds)"), orders);
    assert_eq!(number(&stores, r#"http_request_duration_seconds_count{route="POST /order"}"#), orders);

    // Logs: every order was answered in a line, every sale is one.
    let ask = Ask::new(&stores, dashboard.window);
    let count = |query: &str| match ask.logs_instant(query).unwrap() {
        QueryData::Vector(_, samples) => samples.iter().map(|sample| sample.value).sum::<f64>(),
        other => panic!("{other:?}"),
    };
    let range = dashboard.window.range();
    assert_eq!(
        count(&format!(r#"count_over_time({{app="order-service"}} |= "order answered" [{range}])"#)),
        orders
    );
    let sold = format!(
        r#"sum(sum_over_time({{app="shoehub"}} | pattern "Updated sales metric for <shoe> with value <value>" | unwrap value [{range}]))"#
    );
    assert_eq!(count(&sold), total);

    // Traces: a root span an order, and what failed.
    let spans = |query: &str| {
        let answer = ask.trace_metrics(query).unwrap();
        answer.series.iter().flat_map(|series| &series.values).sum::<f64>()
    };
    assert_eq!(spans(r#"{ name = "POST /order" } | count_over_time()"#), orders);
    let declined =
        spans(r#"{ name = "POST /order" && span.http.response.status_code = 402 } | count_over_time()"#);
    assert_eq!(declined, totals.orders[1] as f64);

    // What is stored is what was recorded.
    let stored = stores.stored().map(|stored| stored.items);
    assert_eq!(stored, [totals.recorded.samples, totals.recorded.lines, totals.recorded.spans]);
}

#[test]
fn a_second_run_goes_on_where_the_first_one_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (stores, first) = run(dir.path(), &HALF_HOUR);
    stores.close().unwrap();
    let (stores, second) = run(dir.path(), &HALF_HOUR);
    assert_eq!(second.start_ms, first.end_ms);
    assert!(second.sales.iter().sum::<f64>() > first.sales.iter().sum::<f64>() * 1.5);
    assert_eq!(number(&stores, "sum(shoehub_sales)"), second.sales.iter().sum::<f64>());
    let stored = stores.stored().map(|stored| stored.items);
    let both = [
        first.recorded.samples + second.recorded.samples,
        first.recorded.lines + second.recorded.lines,
        first.recorded.spans + second.recorded.spans,
    ];
    assert_eq!(stored, both);
    assert_eq!(Window::last_hours(&stores).unwrap().length_ms(), 2 * HALF_HOUR.length_ms);
}

#[test]
fn the_story_goes_from_an_exemplar_over_its_trace_to_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (stores, _) = run(dir.path(), &HALF_HOUR);
    let story = Dashboard::ask(&stores).unwrap().story.unwrap();
    let root = &story.trace.spans.iter().find(|record| record.span.parent_span_id.is_zero()).unwrap().span;
    assert_eq!((root.name.as_str(), root.duration_ns() as f64 / 1e9), ("POST /order", story.slowest_s));
    assert!(story.p50_s < story.p99_s && story.p99_s < story.slowest_s, "{story:?}");
    let lines: Vec<&str> = story.lines.rows.iter().map(|row| row[2].as_str()).collect();
    assert!(lines.first().unwrap().contains("order received"), "{lines:?}");
    assert!(lines.last().unwrap().contains("order answered"), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(&story.trace.id.to_string())), "{lines:?}");
}

#[test]
fn exemplars_are_there_after_the_store_was_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (stores, _) = run(dir.path(), &HALF_HOUR);
    let before = Dashboard::ask(&stores).unwrap().story.unwrap();
    stores.close().unwrap();
    let stores = Stores::open(dir.path(), Clock::system(), Durability::Never).unwrap();
    let after = Dashboard::ask(&stores).unwrap().story.unwrap();
    assert_eq!((before.trace.id, before.exemplars), (after.trace.id, after.exemplars));
}

#[test]
fn an_alert_fires_once_its_condition_has_held_for_a_minute() {
    let minutes = [1.0, f64::NAN, 2.0, 2.0, 2.0, f64::NAN];
    let samples: Vec<(i64, f64)> =
        minutes.iter().enumerate().map(|(minute, value)| (minute as i64 * 60_000, *value)).collect();
    let states: Vec<State> = rule::states(&samples).into_iter().map(|(_, state)| state).collect();
    use State::{Firing, Inactive, Pending};
    assert_eq!(states, [Pending, Inactive, Pending, Firing, Firing, Inactive]);
}
