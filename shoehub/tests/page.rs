//! The page in a browser: its script draws every panel and every table. Needs Chromium; without it the test says so.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io::Write;
use std::process::Command;

use shoehub::dashboard::Dashboard;
use shoehub::page;
use shoehub::simulate::{Plan, simulate};

/// The document after the scripts have run; `None` where there is no browser.
fn in_browser(html: &str, dir: &std::path::Path) -> Option<String> {
    let file = dir.join("page.html");
    std::fs::write(&file, html).unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_script_draws_everything() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { seed: 7, length_ms: 1_800_000, end_ms: 1_780_000_000_000, orders_per_s: Some(1.0) };
    let (stores, _) = simulate(&dir.path().join("data"), &plan, |_, _| {}).unwrap();
    let dashboard = Dashboard::ask(&stores).unwrap();
    let Some(document) = in_browser(&page::html(&dashboard), dir.path()) else {
        writeln!(std::io::stderr(), "chromium is not installed here: the page was NOT looked at").unwrap();
        return;
    };
    // What the script added comes before the scripts; behind them the texts stand as data.
    let (drawn, _) = document.split_once("<script").unwrap();
    assert_eq!(drawn.matches("<canvas").count(), 7, "{drawn}");
    assert_eq!(
        drawn.matches("<i title=\"").count(),
        9 * dashboard.window.steps().count() - empty(&dashboard)
    );
    for panel in &dashboard.panels {
        assert!(drawn.contains(panel.title), "{} is missing", panel.title);
    }
    // The story stands last: a script that failed would not have come so far.
    let story = dashboard.story.unwrap();
    assert!(drawn.contains(&format!("trace_id={}", story.trace.id)), "{drawn}");
    assert!(drawn.contains("Everything, log and indexes included") && drawn.contains("spans in"), "{drawn}");
}

/// Cells of the heat map without a value.
fn empty(dashboard: &Dashboard) -> usize {
    let heat =
        dashboard.panels.iter().find(|panel| panel.shape == shoehub::dashboard::Shape::HeatMap).unwrap();
    heat.series.iter().flat_map(|series| &series.points).filter(|value| !value.is_finite()).count()
}
