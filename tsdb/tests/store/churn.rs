//! Series that come and go leave no memory behind; a series that has not begun yet is not one that is gone.

use std::path::Path;

use bedrock::labels::Labels;
use tsdb::{Background, Db, Durability, Options};

use crate::support::rounds;

/// Scrapes that a generation of series lives.
const SCRAPES: i64 = 4;
const INTERVAL_MS: i64 = 15_000;

fn options() -> Options {
    Options {
        durability: Durability::Never,
        background: Background::Caller,
        clock: tsdb::Clock::from_fn(|| 1 << 50),
        block_ms: 600_000,
        out_of_order_window_ms: 60_000,
        idle_ms: 60_000,
        checkpoint_after_bytes: 4 << 20,
        ..Options::default()
    }
}

/// What a pod of a deployment that never rests brings.
fn labels(generation: usize, number: usize) -> Labels {
    let pod = format!("shop-{generation:04}-{:05}", number / 10);
    let device = format!("dev{}", number % 10);
    let pairs = [("__name__", "requests_total"), ("job", "shop"), ("pod", &pod), ("device", &device)];
    Labels::from_pairs(pairs).unwrap()
}

/// Resident memory of this process, `None` where the system does not say.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? * 1024)
}

/// Takes `generations` of `step` series through a store; the most series, bytes of the head and resident bytes that were
/// seen in the second quarter, and in the last.
fn churn(dir: &Path, generations: usize, step: usize) -> [(usize, usize, usize); 2] {
    let db = Db::open(dir, options()).unwrap();
    let mut appender = db.appender();
    let mut peaks = [(0, 0, 0); 4];
    let values = vec![1.5; step];
    for generation in 0..generations {
        let series: Vec<_> =
            (0..step).map(|number| appender.series(&labels(generation, number)).unwrap()).collect();
        for scrape in 0..SCRAPES {
            let time_ms = (generation as i64 * SCRAPES + scrape) * INTERVAL_MS;
            appender.append_scrape(&series, time_ms, &values);
            assert!(appender.commit().unwrap().rejected.is_empty());
        }
        db.tick().unwrap();
        let stats = db.stats();
        let peak = &mut peaks[generation * 4 / generations];
        peak.0 = peak.0.max(stats.head_series);
        peak.1 = peak.1.max(stats.head_bytes);
        peak.2 = peak.2.max(resident_bytes().unwrap_or(0));
    }
    let taken = (generations * step) as u64 * SCRAPES as u64;
    let in_blocks = db.stats().block_samples;
    assert!(in_blocks > taken / 2, "{in_blocks} of {taken} samples in blocks");
    [peaks[1], peaks[3]]
}

/// The whole run, with `TRISTORE_ROUNDS` of 10 and more: a million series in steps of 10,000.
#[test]
fn series_that_come_and_go_leave_no_memory_behind() {
    let dir = tempfile::tempdir().unwrap();
    let step = (1_000 * rounds(1) as usize).min(10_000);
    let generations = if step == 10_000 { 100 } else { 60 };
    let [early, late] = churn(dir.path(), generations, step);
    println!(
        "{generations} x {step} series: (series, bytes of the head, resident) {early:?}, later {late:?}"
    );
    assert!(late.0 <= 24 * step, "{} series at once, {step} a step", late.0);
    assert!(late.0 <= early.0 * 5 / 4, "series: {} and then {}", early.0, late.0);
    assert!(late.1 <= early.1 * 5 / 4, "bytes of the head: {} and then {}", early.1, late.1);
    // Blocks are mapped, and their index grows with all series that ever were.
    assert!(late.2 <= early.2 * 2 + (64 << 20), "resident bytes: {} and then {}", early.2, late.2);
}

/// A scraper resolved thousands of labels before it had the first scrape together, and the store had forgotten the first of
/// them as idle by then.
#[test]
fn a_series_stays_until_it_has_had_time_to_begin() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), options()).unwrap();
    let mut appender = db.appender();
    let [first, other] = [0, 1].map(|number| appender.series(&labels(0, number)).unwrap());
    for (series, time_ms) in
        [(other, 1_700_000_000_000), (other, 1_700_000_010_000), (first, 1_700_000_020_000)]
    {
        appender.append(series, time_ms, 1.0);
        assert!(appender.commit().unwrap().rejected.is_empty(), "it was idle for no more than ten seconds");
        db.tick().unwrap();
    }
    let never = appender.series(&labels(0, 2)).unwrap();
    for look in 0..20 {
        appender.append(other, 1_700_000_100_000 + look * 10_000, 1.0);
        appender.commit().unwrap();
        db.tick().unwrap();
    }
    appender.append(never, 1_700_000_400_000, 1.0);
    assert_eq!(appender.commit().unwrap().rejected.len(), 1, "it never began, and was forgotten");
}
