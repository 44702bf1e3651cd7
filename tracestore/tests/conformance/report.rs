//! Counts, and the comparison with the baseline.

use std::collections::{BTreeMap, BTreeSet};

use testkit::conformance::caught;

pub(crate) use testkit::conformance::Verdict as Outcome;

/// The folders of the cases that run over a store.
pub(crate) const HELD: [&str; 3] = ["cases-head", "cases-mixed", "cases-compacted"];

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
}

/// What all cases came to.
#[derive(Default)]
pub(crate) struct Report {
    files: BTreeMap<(String, String), Count>,
    quirks: Count,
    quirks_stored: Count,
    failures: Vec<(String, String)>,
}

impl Report {
    /// Runs a case of `folder/file` and counts it.
    pub(crate) fn add(
        &mut self,
        folder: &str,
        file: &str,
        id: &str,
        quirk: bool,
        run: impl FnOnce() -> Outcome,
    ) {
        let count = if quirk {
            // Once, not once a way of holding the spans.
            if HELD.contains(&folder) { &mut self.quirks_stored } else { &mut self.quirks }
        } else {
            self.files.entry((folder.to_owned(), file.to_owned())).or_default()
        };
        match caught(run) {
            Ok(()) => count.passed += 1,
            Err(reason) => {
                count.failed += 1;
                let kind = if quirk { "quirk " } else { "" };
                self.failures.push((format!("{kind}{folder}/{file} {id}"), reason));
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "the lines are what the test is run for")]
    pub(crate) fn print(&self) {
        let mut folders: BTreeMap<&str, Count> = BTreeMap::new();
        for ((folder, file), count) in &self.files {
            let (passed, failed) = (count.passed, count.failed);
            println!(
                "conformance traceql {folder}/{file} total={} passed={passed} failed={failed}",
                passed + failed
            );
            let sum = folders.entry(folder).or_default();
            sum.passed += passed;
            sum.failed += failed;
        }
        for (folder, Count { passed, failed }) in folders {
            println!(
                "conformance traceql {folder} total={} passed={passed} failed={failed}",
                passed + failed
            );
        }
        println!(
            "conformance traceql differential-quirk passed={} failed={}",
            self.quirks.passed, self.quirks.failed
        );
        println!(
            "conformance traceql differential-quirk-stored passed={} failed={}",
            self.quirks_stored.passed, self.quirks_stored.failed
        );
        if std::env::var_os("TRISTORE_CONFORMANCE_FAILURES").is_some() {
            self.failures.iter().for_each(|(id, reason)| println!("failed {id}: {reason}"));
        }
    }

    /// Fails where the failures are not exactly those of the baseline.
    pub(crate) fn assert_baseline(&self) {
        let known: BTreeSet<&str> = include_str!("baseline.txt")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .filter_map(|line| line.split_once(':').map(|(id, _)| id))
            .collect();
        let failed: BTreeSet<&str> = self.failures.iter().map(|(id, _)| id.as_str()).collect();
        // What fails in memory is not listed again for the stores.
        let in_memory = |id: &str| HELD.iter().fold(id.to_owned(), |id, held| id.replace(held, "cases"));
        let is_known = |id: &str| known.contains(id) || known.contains(in_memory(id).as_str());
        let new: Vec<_> = self.failures.iter().filter(|(id, _)| !is_known(id)).collect();
        let fixed: Vec<_> = known.difference(&failed).collect();
        assert!(new.is_empty(), "{} cases fail that are not in the baseline: {new:#?}", new.len());
        assert!(fixed.is_empty(), "these pass now; take them out of the baseline: {fixed:#?}");
    }
}
