//! The page of the language knows every function and aggregation, and no others.

use promql::FUNCTIONS;
use promql::ast::AggregateOp;

const PAGE: &str = include_str!("../LANGUAGE.md");

/// The names before a parenthesis in the first column of the tables of functions.
fn documented() -> Vec<&'static str> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let calls = rows.flat_map(|cell| cell.split('`').filter_map(|code| code.split_once('(')));
    calls
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect()
}

#[test]
fn every_function_is_documented_once() {
    let documented = documented();
    for function in &FUNCTIONS {
        let count = documented.iter().filter(|name| **name == function.name).count();
        assert_eq!(count, 1, "{} in the first columns of LANGUAGE.md", function.name);
    }
    for op in AggregateOp::ALL {
        assert!(PAGE.contains(&format!("`{}`", op.as_str())) || documented.contains(&op.as_str()), "{op:?}");
    }
    let unknown: Vec<_> = documented
        .iter()
        .filter(|name| promql::Function::by_name(name).is_none())
        .filter(|name| !AggregateOp::ALL.iter().any(|op| op.as_str() == **name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?} are no functions");
}

#[test]
fn experimental_functions_are_marked() {
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let Some(cell) = line.split(" |").next() else { continue };
        for call in cell.split('`').filter_map(|code| code.split_once('(')) {
            let Some(function) = promql::Function::by_name(call.0) else { continue };
            assert_eq!(cell.contains("*e*"), function.experimental, "{}", function.name);
        }
    }
}
