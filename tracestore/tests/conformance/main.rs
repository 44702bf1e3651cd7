//! Runs the recorded cases of the TraceQL conformance sets: what a real Tempo answered, and what its own tests say.
//!
//! Prints one line a file and one a folder. Cases whose recorded answer follows from Tempo's predicate push-down
//! rather than from the query are counted in a line of their own. Cases that are known to fail stand in
//! `baseline.txt` with the reason; the test fails where the failures are not exactly those.
//!
//! Where the sets are found is told in [`testkit::conformance`].

mod cases;
mod compare;
mod corpus;
mod mock;
mod parse;
mod report;
mod rows;

use report::Report;

#[test]
fn conformance() {
    let Some((folder, is_judged)) = testkit::conformance::folder("traceql") else {
        testkit::conformance::report(
            "conformance traceql skipped: no recorded sets found (see TRISTORE_SHARED)",
        );
        return;
    };
    let mut report = Report::default();
    for (stem, path) in rows::files(&folder.join("extracted")) {
        match stem.as_str() {
            "traceql_parse" => parse::run(&mut report, &stem, &path),
            "traceql_eval_mockspans" => mock::run_search(&mut report, &stem, &path),
            "traceql_metrics_mockspans" => mock::run_metrics(&mut report, &stem, &path),
            _ => corpus::run(&mut report, &stem, &path),
        }
    }
    cases::run(&mut report, &folder);
    report.print();
    if is_judged {
        report.assert_baseline();
    }
}
