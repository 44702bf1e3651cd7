//! Commits to the log on the disk under the target directory, with a real sync.
//!
//! Beside the time per commit it prints how many commits shared one sync.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bedrock::disk::{Disk, FsDisk, remove_dir_all};
use bedrock::wal::{Durability, Wal, WalOptions, WalPosition, replay};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// About what 100 samples of one scrape take.
const RECORD: [u8; 400] = [0x5a; 400];

fn fresh(name: &str) -> (Arc<dyn Disk>, PathBuf) {
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::new());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if disk.list(&dir).is_ok() {
        remove_dir_all(&*disk, &dir).expect("a directory of an earlier run can be removed");
    }
    (disk, dir)
}

fn open(disk: &Arc<dyn Disk>, dir: &Path, durability: Durability) -> Wal {
    let options = WalOptions { durability, ..WalOptions::default() };
    let opened = Wal::open(Arc::clone(disk), dir, options, WalPosition::START, |_| Ok(()));
    opened.expect("a log on a sound disk opens").0
}

fn commits(c: &mut Criterion) {
    let mut group = c.benchmark_group("wal");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for (mode, durability) in [("every_commit", Durability::EveryCommit), ("never", Durability::Never)] {
        for threads in [1, 8] {
            let (disk, dir) = fresh(&format!("wal-{mode}-{threads}"));
            let wal = open(&disk, &dir, durability);
            group.bench_function(format!("commit/{mode}/{threads}_threads"), |b| {
                b.iter_custom(|iterations| {
                    let each = iterations.div_ceil(threads);
                    let start = Instant::now();
                    std::thread::scope(|scope| {
                        for _ in 0..threads {
                            scope.spawn(|| {
                                for _ in 0..each {
                                    wal.commit(&RECORD).expect("a sound disk");
                                }
                            });
                        }
                    });
                    start.elapsed()
                });
            });
            let stats = wal.stats();
            eprintln!(
                "{mode}, {threads} threads: {} commits, {} syncs, {:.2} commits per sync",
                stats.commits,
                stats.syncs,
                stats.commits as f64 / stats.syncs.max(1) as f64
            );
            wal.close().expect("a sound disk");
            remove_dir_all(&*disk, &dir).expect("a sound disk");
        }
    }
    group.finish();
}

fn replays(c: &mut Criterion) {
    const RECORDS: u64 = 20_000;
    let (disk, dir) = fresh("wal-replay");
    let wal = open(&disk, &dir, Durability::Never);
    for _ in 0..RECORDS {
        wal.commit(&RECORD).expect("a sound disk");
    }
    wal.close().expect("a sound disk");
    let mut group = c.benchmark_group("wal");
    group.throughput(Throughput::Bytes(RECORDS * RECORD.len() as u64)).sample_size(10);
    group.bench_function("replay/400_byte_records", |b| {
        b.iter(|| replay(&*disk, &dir, WalPosition::START, |_| Ok(())).expect("a sound disk").records);
    });
    group.finish();
    remove_dir_all(&*disk, &dir).expect("a sound disk");
}

criterion_group!(benches, commits, replays);
criterion_main!(benches);
