//! Test scripts: each `eval` with its extra runs is one case, its line is its id.

use std::path::Path;

use promql::script::{Script, ScriptReport, test_engine};

use testkit::conformance::caught;

use crate::Verdicts;

pub(crate) fn run(path: &Path) -> Verdicts {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return vec![("file".to_owned(), Err(error.to_string()))],
    };
    let script = Script::parse(&text);
    let mut report = ScriptReport::default();
    let outcome = caught(|| {
        report = script.run(&test_engine());
        Ok(())
    });
    if let Err(panic) = outcome {
        return (0..script.eval_count()).map(|index| (index.to_string(), Err(panic.clone()))).collect();
    }
    let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    let cases = report.evals.iter().map(|eval| {
        let verdict = match &eval.mismatch {
            // A load that failed leaves the evaluations after it without their data, whatever they answer.
            None if errors.is_empty() => Ok(()),
            None => Err(format!("after a failed command: {errors:?}")),
            Some(mismatch) => Err(mismatch.to_string()),
        };
        (eval.line.to_string(), verdict)
    });
    cases.collect()
}
