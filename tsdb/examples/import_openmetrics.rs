//! Imports OpenMetrics or Prometheus text with timestamps into a store, and tells what it takes there.
//!
//! ```text
//! cargo run --release -p tristore-tsdb --example import_openmetrics -- [--prometheus] STORE [FILE]
//! zstd -dc scrape.om.zst | cargo run --release -p tristore-tsdb --example import_openmetrics -- STORE
//! ```
#![expect(clippy::print_stdout, reason = "an example tells what it does")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, stdin};
use std::ops::ControlFlow;
use std::time::Instant;

use tsdb::openmetrics::{Dialect, ImportOptions};
use tsdb::{Db, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let prometheus = arguments.iter().position(|argument| argument == "--prometheus");
    let dialect = match prometheus {
        Some(position) => {
            arguments.remove(position);
            Dialect::Prometheus
        }
        None => Dialect::OpenMetrics,
    };
    let (store, text): (&str, Box<dyn Read>) = match arguments.as_slice() {
        [store] => (store, Box::new(stdin().lock())),
        [store, file] => (store, Box::new(File::open(file)?)),
        _ => return Err("usage: import_openmetrics [--prometheus] STORE [FILE]".into()),
    };

    let db = Db::open(store, Options::default())?;
    let start = Instant::now();
    let mut told_mib = 0;
    let imported = db.import(text, ImportOptions { dialect, ..ImportOptions::default() }, |progress| {
        let mib = progress.bytes >> 20;
        if mib >= told_mib + 100 {
            told_mib = mib;
            println!("{mib} MiB, {} lines, {} series", progress.lines, progress.series);
        }
        ControlFlow::Continue(())
    })?;
    let seconds = start.elapsed().as_secs_f64();

    let bytes: u64 = db.snapshot().blocks().iter().map(|block| block.bytes()).sum();
    println!("{} samples of {} series in {seconds:.2} s", imported.samples, imported.progress.series);
    println!(
        "the blocks of the store take {bytes} bytes, {:.3} a sample imported",
        bytes as f64 / imported.samples.max(1) as f64
    );
    db.close()?;
    Ok(())
}
