//! What the conformance runners of the query languages share: where the recorded sets are, the table, the judgement.
//!
//! The sets lie outside the repository, at `../shared/conformance` beside the workspace (`TRISTORE_SHARED` names another
//! place for `shared`). `TRISTORE_CONFORMANCE` names another folder of sets, with a folder for each language or the
//! sets of one language itself; there a runner reports and does not judge. `TRISTORE_CONFORMANCE_VERBOSE` prints each
//! failure.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Why a case failed; nothing where it passed.
pub type Verdict = Result<(), String>;

/// How often a folder may fail, in parts per thousand.
pub const FAILURES_PER_MILLE_MAX: usize = 5;

/// The recorded sets of a language, and whether the runner judges them; none where they are not on this machine.
///
/// ```
/// if let Some((folder, is_judged)) = testkit::conformance::folder("promql") {
///     assert!(folder.is_dir() || !is_judged);
/// }
/// ```
pub fn folder(language: &str) -> Option<(PathBuf, bool)> {
    if let Some(other) = std::env::var_os("TRISTORE_CONFORMANCE").map(PathBuf::from) {
        let inside = other.join(language);
        return Some((if inside.is_dir() { inside } else { other }, false));
    }
    let shared = std::env::var_os("TRISTORE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let folder = shared.join("conformance").join(language);
    folder.is_dir().then_some((folder, true))
}

/// Prints a line past the capture of the test harness: the table is the point.
pub fn report(line: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is no reason to fail.
    let _ = writeln!(out, "{line}");
}

/// The entries of a folder, sorted; none where there is no folder.
pub fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    entries.sort();
    entries
}

/// Runs a case. A panic is a failure like any other.
pub fn caught(run: impl FnOnce() -> Verdict) -> Verdict {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("")))
    })
}

/// The ids that are known to fail: the first word of each line that is no comment.
pub fn baseline(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// How many cases a file or folder holds, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All cases.
    pub total: usize,
    /// Those that failed.
    pub failed: usize,
}

/// A run of one language: counts, reports, and remembers what failed.
#[derive(Debug)]
pub struct Run {
    language: &'static str,
    failed: BTreeMap<String, String>,
    too_many: Vec<String>,
    is_verbose: bool,
}

impl Run {
    /// A run before its first file.
    pub fn new(language: &'static str) -> Self {
        let is_verbose = std::env::var_os("TRISTORE_CONFORMANCE_VERBOSE").is_some();
        Run { language, failed: BTreeMap::new(), too_many: Vec::new(), is_verbose }
    }

    /// Counts the verdicts of a file, each with its id, and prints the file's line.
    pub fn file(&mut self, name: &str, verdicts: impl IntoIterator<Item = (String, Verdict)>) -> Tally {
        let mut tally = Tally::default();
        for (id, verdict) in verdicts {
            tally.total += 1;
            if let Err(reason) = verdict {
                tally.failed += 1;
                if self.is_verbose {
                    report(&format!("FAILED {id}: {reason}"));
                }
                self.failed.insert(id, reason);
            }
        }
        self.line(name, tally);
        tally
    }

    /// Prints the line of a folder whose files came to `tallies`.
    pub fn folder(&mut self, name: &str, tallies: &[Tally]) -> Tally {
        let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum();
        let tally = Tally { total: sum(|tally| tally.total), failed: sum(|tally| tally.failed) };
        self.line(name, tally);
        if tally.failed * 1000 > tally.total * FAILURES_PER_MILLE_MAX {
            self.too_many.push(name.to_owned());
        }
        tally
    }

    fn line(&self, name: &str, Tally { total, failed }: Tally) {
        let passed = total - failed;
        report(&format!(
            "conformance {} {name} total={total} passed={passed} failed={failed}",
            self.language
        ));
    }

    /// Whether nothing failed so far.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty()
    }

    /// # Panics
    ///
    /// Where a case fails that `known` does not have, where one of `known` passes, and where a folder fails too often.
    #[track_caller]
    pub fn judge(&self, known: &BTreeSet<String>) {
        let unexpected: Vec<_> = self.failed.iter().filter(|(id, _)| !known.contains(*id)).collect();
        let healed: Vec<_> = known.iter().filter(|id| !self.failed.contains_key(*id)).collect();
        assert!(unexpected.is_empty(), "these cases fail and are not in the baseline: {unexpected:#?}");
        assert!(healed.is_empty(), "these cases of the baseline pass now: {healed:#?}");
        assert!(
            self.too_many.is_empty(),
            "more than {FAILURES_PER_MILLE_MAX} of 1000 fail in {:?}",
            self.too_many
        );
    }
}
