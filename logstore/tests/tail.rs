//! Subscriptions see what is committed after them, through their query, and lose the oldest entries where they are full.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::Duration;

use bedrock::labels::Labels;
use logstore::logql::parse_log;
use logstore::{Db, Options, Tail, TailOptions};

const SOON: Duration = Duration::from_millis(20);

fn store() -> Db {
    Db::in_memory(Options { background: false, ..Options::default() }).unwrap()
}

fn commit(db: &Db, app: &str, lines: &[&str]) {
    let mut batch = db.batch();
    let stream = batch.stream(&Labels::from_pairs([("app", app)]).unwrap()).unwrap();
    for (at, line) in (0..).zip(lines) {
        batch.push(stream, at, line.as_bytes(), &[("trace".to_owned(), "t1".to_owned())]).unwrap();
    }
    db.commit(&batch).unwrap();
}

fn lines(tail: &Tail) -> Vec<String> {
    std::iter::from_fn(|| tail.next(SOON)).map(|entry| String::from_utf8(entry.line).unwrap()).collect()
}

#[test]
fn a_subscription_sees_what_its_query_keeps() {
    let db = store();
    commit(&db, "shop", &["level=error msg=before"]);
    let query =
        parse_log(r#"{app="shop"} | logfmt | level="error" | line_format "{{.msg}} {{.trace}}""#).unwrap();
    let tail = db.tail(&query, TailOptions::default()).unwrap();
    commit(&db, "shop", &["level=error msg=one", "level=info msg=two", "level=error msg=three"]);
    commit(&db, "web", &["level=error msg=other"]);
    db.flush().unwrap();
    commit(&db, "shop", &["level=error msg=four"]);
    assert_eq!(lines(&tail), ["one t1", "three t1", "four t1"]);
    assert_eq!(tail.dropped(), 0);
    commit(&db, "shop", &["level=error msg=last"]);
    db.clone().close().unwrap();
    assert!(tail.is_closed());
    assert_eq!(lines(&tail), ["last t1"], "what came before the end can still be taken");
}

#[test]
fn a_full_subscription_loses_the_oldest_and_counts_them() {
    let db = store();
    let query = parse_log(r#"{app=~".+"}"#).unwrap();
    let few = db.tail(&query, TailOptions { entries_max: 2, ..TailOptions::default() }).unwrap();
    let small = db.tail(&query, TailOptions { bytes_max: 32, ..TailOptions::default() }).unwrap();
    commit(&db, "a", &["one", "two", "three", "four"]);
    assert_eq!((lines(&few), few.dropped()), (vec!["three".to_owned(), "four".to_owned()], 2));
    assert_eq!((lines(&small), small.dropped()), (vec!["three".to_owned(), "four".to_owned()], 2));
}

#[test]
fn a_waiting_subscriber_is_woken_and_a_dropped_one_forgotten() {
    let db = store();
    let query = parse_log(r#"{app="a"}"#).unwrap();
    let tail = db.tail(&query, TailOptions::default()).unwrap();
    let waiting = std::thread::spawn(move || tail.next(Duration::from_secs(60)).map(|entry| entry.line));
    std::thread::sleep(SOON);
    commit(&db, "a", &["here"]);
    assert_eq!(waiting.join().unwrap(), Some(b"here".to_vec()));
    commit(&db, "a", &["nobody listens"]);
}
