//! The shop in real time: killed in the middle, it loses nothing that it has told of; told to stop, it ends well.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bedrock::wal::Durability;
use shoehub::stores::Stores;
use tsdb::Clock;

fn live(dir: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_shoehub"))
        .args(["--live", "--rate", "40", "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a shop has told of: the traces of its orders, and the sales at its last scrape.
#[derive(Debug, Default)]
struct Told {
    traces: Vec<String>,
    sales: f64,
    scrapes: usize,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let mut words = line.split_whitespace().skip(2);
        match words.next() {
            Some("order") => self.traces.push(words.next().unwrap().to_owned()),
            Some("scraped") => {
                self.sales = words.last().unwrap().parse().unwrap();
                self.scrapes += 1;
            }
            other => panic!("{other:?} in {line:?}"),
        }
    }
}

/// Listens until so many orders and scrapes were told of, then kills without warning and hears the rest.
fn until_killed(mut shop: Child, orders: usize, scrapes: usize) -> Told {
    let mut told = Told::default();
    let mut lines = BufReader::new(shop.stdout.take().unwrap()).lines();
    while told.traces.len() < orders || told.scrapes < scrapes {
        told.hear(&lines.next().unwrap().unwrap());
    }
    // SIGKILL: no destructor and no handler runs.
    shop.kill().unwrap();
    shop.wait().unwrap();
    // The last line may be torn; it is told of once it has its end.
    let mut rest = String::new();
    lines.map_while(Result::ok).for_each(|line| rest.push_str(&(line + "\n")));
    let whole = rest.lines().filter(|line| line.ends_with(" ms") || line.contains("  sales "));
    whole.for_each(|line| told.hear(line));
    told
}

fn check(dir: &Path, told: &Told) {
    let stores = Stores::open(dir, Clock::system(), Durability::Never).unwrap();
    assert!(stores.sold_before().unwrap().iter().sum::<f64>() >= told.sales, "{told:?}");
    let (traces, logs) = (stores.traces.snapshot(), stores.logs.snapshot());
    let query = logstore::logql::parse(r#"{app="order-service"} |= "order answered""#).unwrap();
    let options = logstore::logql::QueryOptions {
        limit: 1_000_000,
        ..logstore::logql::QueryOptions::range(0, i64::MAX / 2, 1_000_000_000)
    };
    let logstore::logql::QueryData::Streams(streams) =
        logstore::logql::evaluate(&logs, &query, &options).unwrap()
    else {
        panic!("a query for lines gives lines")
    };
    let lines: Vec<String> = streams
        .iter()
        .flat_map(|stream| stream.entries.iter().map(|(_, line)| String::from_utf8_lossy(line).into_owned()))
        .collect();
    for id in &told.traces {
        let trace = tracestore::api::trace_by_id(&traces, id).unwrap();
        let trace = trace.unwrap_or_else(|| panic!("the trace {id} was told of and is gone"));
        assert!(trace.spans.iter().any(|record| record.span.name == "POST /order"), "{trace:?}");
        assert!(lines.iter().any(|line| line.contains(id.as_str())), "the lines of {id} are gone");
    }
    stores.close().unwrap();
}

#[test]
fn a_kill_loses_nothing_that_was_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let first = until_killed(live(dir.path()), 60, 2);
    check(dir.path(), &first);
    // Started again it goes on, and what was there before is still there.
    let second = until_killed(live(dir.path()), 30, 1);
    assert!(second.sales >= first.sales, "{} then {}", first.sales, second.sales);
    check(dir.path(), &first);
    check(dir.path(), &second);
}

#[test]
fn told_to_stop_it_shows_what_it_has_and_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let mut shop = live(dir.path());
    let mut out = BufReader::new(shop.stdout.take().unwrap());
    let mut told = Told::default();
    while told.traces.len() < 10 {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        told.hear(line.trim_end());
    }
    let stopped = Command::new("kill").args(["-INT", &shop.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(shop.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("What was stored") && rest.contains("ShoeHub Business Dashboard"), "{rest}");
    check(dir.path(), &told);
}
