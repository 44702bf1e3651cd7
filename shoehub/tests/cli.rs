//! The command line: queries as tables and JSON, and errors that say what to do.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::ffi::OsString;
use std::path::Path;
use std::sync::LazyLock;

use shoehub::simulate::{Plan, simulate};
use tempfile::TempDir;

/// A directory with ten minutes of the shop.
static SHOP: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    simulate(dir.path(), &TEN_MINUTES, |_, _| {}).unwrap().0.close().unwrap();
    dir
});

const TEN_MINUTES: Plan =
    Plan { seed: 7, length_ms: 600_000, end_ms: 1_780_000_000_000, orders_per_s: Some(1.0) };

fn run(arguments: &[&str]) -> Result<String, String> {
    let mut out = Vec::new();
    let arguments = ["shoehub"].iter().chain(arguments).map(OsString::from);
    match shoehub::cli::run(arguments, &mut out) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

/// Asks the shop's directory.
fn query(arguments: &[&str]) -> Result<String, String> {
    let dir = SHOP.path().to_str().unwrap();
    run(&[&["query"], arguments, &["--dir", dir]].concat())
}

#[test]
fn metrics_are_asked_in_promql() {
    let table = query(&["metrics", "sum(shoehub_sales) by (ShoeType)"]).unwrap();
    let mut rows = table.lines();
    assert_eq!(rows.next().unwrap().split_whitespace().collect::<Vec<_>>(), ["ShoeType", "value"]);
    assert_eq!(
        rows.map(|row| row.split_whitespace().next().unwrap()).collect::<Vec<_>>(),
        ["Boots", "HighHeels", "Loafers"]
    );

    let json = query(&["metrics", "sum(shoehub_sales) by (ShoeType)", "--json"]).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["resultType"], "vector");
    assert_eq!(json["result"][0]["metric"]["ShoeType"], "Boots");

    let histogram = query(&["metrics", "shoehub_order_duration_seconds"]).unwrap();
    assert!(histogram.contains("observations in"), "{histogram}");

    let json = query(&["metrics", "sum(shoehub_sales)", "--range", "5m", "--step", "1m", "--json"]).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["result"][0]["values"].as_array().unwrap().len(), 6);
}

#[test]
fn logs_are_asked_in_logql() {
    let table = query(&["logs", r#"{app="shoehub"} |= "Boots""#, "--limit", "3"]).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.lines().skip(1).all(|row| row.contains("Updated sales metric for Boots with value ")));

    let json =
        query(&["logs", r#"sum by (component) (count_over_time({job="shoehub"} | logfmt [5m]))"#, "--json"])
            .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let components: Vec<&str> = json["result"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["metric"]["component"].as_str())
        .collect();
    assert!(components.contains(&"payment") && components.contains(&"backend"), "{components:?}");
}

#[test]
fn traces_are_asked_in_traceql() {
    let json = query(&[
        "traces",
        r#"{ name = "PaymentProcessing" && span.payment.method = "Card" }"#,
        "--json",
        "--limit",
        "2",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json.unwrap()).unwrap();
    let found = json["traces"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["rootServiceName"], "Order Service");

    let trace = query(&["traces", found[0]["traceID"].as_str().unwrap()]).unwrap();
    let with_spaces = "Query result count=1";
    assert!(trace.contains("Making HTTP Call") && trace.contains(with_spaces), "{trace}");

    // Without a range the numbers are of the last hour: 600 s of it have one order a second.
    let table =
        query(&["traces", r#"{ name = "POST /order" } | rate() by (resource.service.name)"#]).unwrap();
    let rate: f64 = table.split_whitespace().last().unwrap().parse().unwrap();
    assert!(table.contains("Order Service") && (0.1..0.25).contains(&rate), "{table}");
}

#[test]
fn an_answer_without_rows_says_so() {
    assert!(query(&["metrics", "nothing_of_that_name"]).unwrap().starts_with("nothing at 2026-05-28"));
}

#[test]
fn errors_say_what_to_do() {
    let refused = |arguments: &[&str]| run(arguments).unwrap_err();
    assert!(refused(&["query"]).contains("metrics, logs or traces"));
    assert!(refused(&["query", "spans", "x"]).contains("there are metrics, logs and traces"));
    assert!(refused(&["query", "logs"]).contains("needs a query, in quotes"));
    assert!(refused(&["query", "metrics", "sum", "by"]).contains("put the query in quotes"));
    assert!(refused(&["sell"]).contains("'sell' is no command"));
    assert!(refused(&["--hours", "many"]).contains("--hours many: that is not a number above 0"));
    assert!(refused(&["--range", "1 hour"]).contains("5m or 1h30m"));
    assert!(refused(&["--colour"]).contains("--colour"));
    assert!(
        refused(&["query", "logs", "{}", "--dir", "/nowhere"]).contains("holds no shop; run the shop first")
    );
    for error in [refused(&["sell"]), refused(&["query"])] {
        assert!(error.contains("shoehub --help"), "{error}");
    }

    // Errors of a query show the place in it.
    let shown = |arguments: &[&str]| query(arguments).unwrap_err();
    assert!(shown(&["metrics", "sum(rat(up[5m]))"]).contains("      ^^^"));
    assert!(shown(&["metrics", "sum(rat(up[5m]))"]).contains("did you mean \"rate\"?"));
    assert!(shown(&["logs", r#"{app="shoehub"} | lgfmt"#]).contains('^'));
    assert!(shown(&["traces", "{ duration >> 5 }"]).contains('^'));
}

#[test]
fn a_shop_that_runs_can_be_asked_but_not_run_twice() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().to_str().unwrap();
    let (stores, _) = simulate(dir.path(), &TEN_MINUTES, |_, _| {}).unwrap();
    for (what, text) in [("metrics", "up"), ("logs", "{job=\"shoehub\"}"), ("traces", "{ kind = client }")] {
        let answer = run(&["query", what, text, "--dir", at]).unwrap();
        assert!(answer.lines().count() > 1, "{answer}");
    }
    let error = run(&["--dir", at]).unwrap_err();
    assert!(error.contains("is open in another process"), "{error}");
    stores.close().unwrap();
}

#[test]
fn the_page_is_one_file_that_needs_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dashboard.html");
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    let told =
        run(&["--hours", "0.1", "--rate", "2", "--dir", &at(&dir.path().join("data")), "--html", &at(&file)])
            .unwrap();
    assert!(told.contains("Payments by Country and Payment Method"), "{told}");
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.contains("Chart.js v4") && page.ends_with("</html>\n"));
    for outside in ["src=", "href=", "url(http", "{data}", "{script}"] {
        assert!(!page.replace("\\\"", "").contains(&format!("<script {outside}")), "{outside}");
    }
    // The data is JSON and holds all eight panels.
    let data = page.split_once(r#"id="data">"#).unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["panels"].as_array().unwrap().len(), 8);
}
