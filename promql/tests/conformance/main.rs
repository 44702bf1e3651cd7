//! Runs PromQL against Prometheus' own test scripts, against answers recorded from a real Prometheus, and against the
//! project's own scripts.
//!
//! Every evaluation of a script (`*.test`) and every row of a case file (`*.jsonl`) counts; one that cannot be read
//! counts as failed. What is known to fail stands in `baseline.txt` by id, with the reason. Where the sets are found is
//! told in [`testkit::conformance`].

mod compare;
mod differential;
mod scripts;

use std::path::{Path, PathBuf};

use testkit::conformance::{Run, Tally, Verdict, baseline, folder, report, sorted_entries};

/// What a file holds: the verdict of each case by id.
type Verdicts = Vec<(String, Verdict)>;

#[test]
fn recorded_answers() {
    let Some((root, is_judged)) = folder("promql") else {
        report("conformance promql skipped: no recorded sets found (see TRISTORE_SHARED)");
        return;
    };
    let mut run = Run::new("promql");
    let folders: Vec<PathBuf> = sorted_entries(&root).into_iter().filter(|path| path.is_dir()).collect();
    if folders.is_empty() {
        report(&format!("conformance promql found no set in {}", root.display()));
    }
    for folder in folders {
        run_folder(&mut run, &folder, &name_of(&folder));
    }
    if is_judged {
        run.judge(&baseline(include_str!("baseline.txt")));
    }
}

#[test]
fn own_scripts() {
    let mut run = Run::new("promql");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let tally = run_folder(&mut run, &folder, "scripts");
    assert!(tally.total > 0 && run.is_clean(), "{run:#?}");
}

/// Runs every file of a folder.
fn run_folder(run: &mut Run, folder: &Path, name: &str) -> Tally {
    let mut tallies = Vec::new();
    for path in sorted_entries(folder) {
        let file = name_of(&path);
        let verdicts = if file.ends_with(".test") {
            scripts::run(&path)
        } else if file.ends_with(".jsonl") {
            differential::run(&path)
        } else {
            continue;
        };
        let verdicts = verdicts.into_iter().map(|(id, verdict)| (format!("{file}:{id}"), verdict));
        tallies.push(run.file(&format!("{name}/{file}"), verdicts));
    }
    run.folder(name, &tallies)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
