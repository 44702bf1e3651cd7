//! The rules of the house that no compiler checks: sizes, arrows, names, promises in the documents.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Lines of code of a file: good, too large to hold in the head, refused.
const FILE_LINES: [usize; 3] = [350, 600, 1200];
/// Lines of a function: good, refused.
const FUNCTION_LINES: [usize; 2] = [70, 250];

/// What each package of the workspace may depend on; the second list is for its tests alone.
const ARROWS: [(&str, &[&str], &[&str]); 9] = [
    ("bedrock", &[], &["testkit"]),
    ("tsdb", &["bedrock"], &["testkit"]),
    ("promql", &["bedrock"], &["testkit", "tsdb"]),
    ("logstore", &["bedrock"], &["testkit"]),
    ("tracestore", &["bedrock"], &["testkit"]),
    ("testkit", &["bedrock", "tsdb", "promql", "logstore", "tracestore"], &[]),
    ("shoehub", &["bedrock", "tsdb", "promql", "logstore", "tracestore"], &["testkit"]),
    ("benches", &["bedrock", "tsdb", "promql", "logstore", "tracestore", "testkit", "shoehub"], &[]),
    ("fuzz", &["bedrock", "tsdb", "promql", "logstore", "tracestore", "testkit"], &[]),
];

/// Packages that are run by their developers and not built into anybody's process.
const TOOLS: [&str; 4] = ["testkit", "benches", "fuzz", "shoehub"];

/// Names that only some files of the shipped packages may use, by the start of their path.
const FENCES: [(&[&str], &[&str]); 4] = [
    (&["std::fs", "std::{fs", "memmap2::", "File::open", "OpenOptions"], &["bedrock/src/disk/fs.rs"]),
    (&["roaring::", "croaring::"], &["bedrock/src/postings/"]),
    (&["zstd::", "pco::"], &["bedrock/src/codec/"]),
    (
        &["unsafe {", "unsafe impl", "unsafe fn"],
        &["bedrock/src/disk/fs.rs", "bedrock/src/codec/", "bedrock/src/postings/"],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files below a directory with an ending, by their path from the root of the repository.
fn files(ending: &str) -> Vec<(String, String)> {
    fn collect(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "artifacts", "corpus", "testdata"].contains(&name) {
                    collect(&path, ending, found);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    collect(&root, ending, &mut found);
    found.sort();
    let relative = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    found.into_iter().map(|path| (relative(&path), fs::read_to_string(path).unwrap())).collect()
}

/// Whether a source file is there for tests, benches or examples.
fn is_test(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_tool = parts.next().is_some_and(|package| TOOLS.contains(&package));
    is_tool
        || path.split('/').any(|p| ["tests", "tests.rs", "benches", "examples"].contains(&p))
        || path.ends_with("_tests.rs")
}

fn code_of(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code).trim_end()
}

/// Says something that does not fail the run, past the capture of the test harness.
fn warn(warnings: &[String]) {
    let mut out = std::io::stderr().lock();
    for warning in warnings {
        writeln!(out, "tidy: {warning}").unwrap();
    }
}

fn assert_none(what: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{what}:\n  {}", violations.join("\n  "));
}

#[test]
fn files_fit_the_head() {
    let (mut warnings, mut violations) = (Vec::new(), Vec::new());
    for (path, text) in files(".rs") {
        let lines = text.lines().filter(|line| !code_of(line).trim().is_empty()).count();
        let [good, large, refused] = FILE_LINES;
        if lines > refused {
            violations.push(format!("{path} has {lines} lines of code"));
        } else if lines > large && !is_test(&path) {
            warnings.push(format!("{path} has {lines} lines of code: that is two ideas"));
        } else if lines > good && !is_test(&path) {
            warnings.push(format!("{path} has {lines} lines of code"));
        }
    }
    warn(&warnings);
    assert_none("files far above the target", &violations);
}

/// Name and length of every function, by the layout that rustfmt gives: it ends at the brace of its indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some((before, after)) = code.split_once("fn ") else { continue };
        let is_head = before.split_whitespace().all(|word| {
            ["const", "async", "unsafe", "extern", "\"C\""].contains(&word) || word.starts_with("pub")
        });
        if !is_head || code.ends_with('}') || code.ends_with(';') {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let end = lines[at..].iter().position(|line| line.strip_prefix(indent) == Some("}"));
        let name = after.split(['(', '<']).next().unwrap_or(after).to_owned();
        found.extend(end.map(|length| (name, length + 1)));
    }
    found
}

#[test]
fn functions_fit_a_screen() {
    assert_eq!(functions("    pub fn a() {\n        b();\n    }\n\nfn c() {}\n"), [("a".to_owned(), 3)]);
    let (mut warnings, mut violations) = (Vec::new(), Vec::new());
    for (path, text) in files(".rs") {
        for (name, lines) in functions(&text) {
            let [good, refused] = FUNCTION_LINES;
            if lines > refused {
                violations.push(format!("{path}: {name} has {lines} lines"));
            } else if lines > good && !is_test(&path) {
                warnings.push(format!("{path}: {name} has {lines} lines"));
            }
        }
    }
    warn(&warnings);
    assert_none("functions far above the target", &violations);
}

/// The lines of a Cargo.toml by the section they stand in.
fn cargo_sections(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut section = "";
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else {
            sections.entry(section).or_default().push(line);
        }
    }
    sections
}

#[test]
fn dependencies_follow_the_arrows() {
    let mut violations = Vec::new();
    for (package, normal, for_tests) in ARROWS {
        let text = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        for (section, lines) in
            cargo_sections(&text).into_iter().filter(|(name, _)| name.ends_with("dependencies"))
        {
            let is_for_tests = section.ends_with("dev-dependencies");
            for line in lines {
                let dependency = line.split(['.', ' ', '=']).next().unwrap_or(line);
                let is_ours = ARROWS.iter().any(|(name, ..)| *name == dependency);
                let is_allowed =
                    normal.contains(&dependency) || is_for_tests && for_tests.contains(&dependency);
                if is_ours && !is_allowed {
                    violations.push(format!("{package} depends on {dependency} in [{section}]"));
                }
                if !line.contains("workspace = true") {
                    violations.push(format!("{package} pins {dependency} on its own in [{section}]"));
                }
            }
        }
    }
    assert_none("dependencies against the design", &violations);
}

#[test]
fn names_stay_behind_their_fences() {
    let mut violations = Vec::new();
    for (path, text) in files(".rs").into_iter().filter(|(path, _)| !is_test(path)) {
        for (number, line) in text.lines().enumerate() {
            let code = code_of(line);
            for (names, allowed) in FENCES {
                let is_inside = allowed.iter().any(|start| path.starts_with(start));
                if let Some(name) = names.iter().find(|name| !is_inside && has_word(code, name)) {
                    violations
                        .push(format!("{path}:{} names {name}, which belongs to {allowed:?}", number + 1));
                }
            }
        }
    }
    assert_none("names outside of their fences", &violations);
}

/// Whether the name stands in the code and is not the end of a longer one.
fn has_word(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn every_unsafe_block_has_its_proof() {
    const COMMENT_LINES_MAX: usize = 12;
    let mut violations = Vec::new();
    for (path, text) in files(".rs") {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = code_of(line);
            let opens =
                ["unsafe {", "unsafe impl"].iter().any(|name| has_word(code, name) && !code.contains('"'));
            let before = &lines[at.saturating_sub(COMMENT_LINES_MAX)..=at];
            if opens && !before.iter().any(|line| line.contains("SAFETY:")) {
                violations.push(format!("{path}:{}", at + 1));
            }
        }
    }
    assert_none("unsafe without a SAFETY proof", &violations);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that the rule does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];
    let mut violations = Vec::new();
    for (path, text) in files(".rs").into_iter().chain(files(".toml")) {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| has_word(line, mark)) {
                violations.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("work left for later", &violations);
}

/// The paths that a document names: targets of links, and code that starts like a path of the repository.
fn named_paths<'a>(text: &'a str, top: &[String]) -> Vec<&'a str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let links =
        links.filter(|link| !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:"));
    let code = text.split('`').skip(1).step_by(2).filter(|code| {
        let is_path = code.contains('/') || code.ends_with(".md");
        let is_plain = !code.contains(|c: char| c.is_whitespace() || "*<>{}$:|\"'=,(".contains(c));
        is_path && is_plain && top.iter().any(|name| code.split('/').next() == Some(name))
    });
    links.chain(code).collect()
}

#[test]
fn documents_name_what_exists() {
    let top: Vec<String> =
        fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let example = "see [this](a/b.md#c), `a/c.rs`, `x y`, `z/d`";
    assert_eq!(named_paths(example, &["a".to_owned()]), ["a/b.md", "a/c.rs"]);
    let mut violations = Vec::new();
    for (path, text) in files(".md") {
        // A fenced example is no promise about this repository.
        let prose: String = text.split("```").step_by(2).collect();
        for named in named_paths(&prose, &top) {
            let beside = root().join(&path).parent().unwrap().join(named);
            if !root().join(named).exists() && !beside.exists() && !named.starts_with("../shared") {
                violations.push(format!("{path} names {named}"));
            }
        }
    }
    assert_none("paths that do not exist", &violations);
}
