//! Another process: killed while it writes, or read while it writes.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use bedrock::disk::{Disk, FsDisk};

use super::{Journal, Mode, Reader, Subject};

/// Says to the test that it is the child, and where the store is.
const CHILD_DIR: &str = "TRISTORE_KILL_TEST_DIR";
/// Batches of the child between two deletions and two compactions.
const DELETE_EVERY: u64 = 7;
const COMPACT_EVERY: u64 = 60;
/// How often one store is killed.
const ROUNDS_OF_A_STORE: u64 = 10;

/// What a child says, line by line.
const TRIES: &str = "tries ";
const COMMITTED: &str = "committed ";
const DELETES: &str = "deletes ";
const DELETED: &str = "deleted ";

/// The test that is the child process; it does nothing where it is not one. Commits for ever, deletes some, and says what
/// is acknowledged.
pub fn child<S: Subject>() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let store = S::open(Arc::new(FsDisk::new()), Path::new(&dir), Mode::Thread).expect("the store opens");
    let first = store.found().expect("the store reads").last_key_value().map_or(0, |(last, _)| last + 1);
    let mut out = std::io::stdout().lock();
    let mut say = |what: &str, number: u64| {
        writeln!(out, "\n{what}{number}").and_then(|()| out.flush()).expect("somebody listens");
    };
    for number in first.. {
        say(TRIES, number);
        store.commit(number).expect("the store takes commits");
        say(COMMITTED, number);
        if number % DELETE_EVERY == DELETE_EVERY - 1 {
            say(DELETES, number - 2);
            store.delete(number - 2).expect("the store takes deletions");
            say(DELETED, number - 2);
        }
        if number % COMPACT_EVERY == COMPACT_EVERY - 1 {
            store.compact().expect("the store takes blocks");
        }
    }
}

/// A child that writes, and what it said.
struct Writer {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    /// `test` is the name of the test that calls [`child`].
    fn start(test: &str, dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("a test has a file"))
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD_DIR, dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test starts");
        let lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        Writer { process, lines }
    }

    /// Hears one line more; `None` at the end. Says whether a commit was acknowledged.
    fn hear(&mut self, journal: &mut Journal) -> Option<bool> {
        let line = self.lines.next()?.ok()?;
        let number = |what: &str| line.strip_prefix(what)?.trim().parse::<u64>().ok();
        if let Some(number) = number(TRIES).or_else(|| number(DELETES)) {
            journal.tried(number);
        } else if let Some(number) = number(COMMITTED) {
            journal.committed(number, &Ok(()));
            return Some(true);
        } else if let Some(number) = number(DELETED) {
            journal.deleted(number, &Ok(()));
        }
        Some(false)
    }

    /// Hears until so many commits more were acknowledged.
    fn hear_commits(&mut self, count: u64, journal: &mut Journal) {
        let mut heard = 0;
        while heard < count {
            heard += u64::from(self.hear(journal).expect("the child lives"));
        }
    }

    fn kill(&mut self) {
        self.process.kill().expect("a child can be killed");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A test that fails has more to say than a child that is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Kills a writer again and again: everything that it had acknowledged is there, and what it deleted is not.
pub fn a_killed_writer_loses_nothing<S: Subject>(test: &str, dir: &Path, rounds: u64) {
    let mut journal = Journal::default();
    for round in 0..rounds {
        // A store grows with the rounds, and a look at all of it takes longer.
        let dir = &dir.join((round / ROUNDS_OF_A_STORE).to_string());
        if round % ROUNDS_OF_A_STORE == 0 {
            FsDisk::new().create_dir(dir).expect("there is room for a directory");
            journal = Journal::default();
        }
        let mut writer = Writer::start(test, dir);
        writer.hear_commits(3 + round * 37 % 120, &mut journal);
        writer.kill();
        // What the child had said before it died.
        while writer.hear(&mut journal).is_some() {}
        drop(writer);
        let store = S::open(Arc::new(FsDisk::new()), dir, Mode::Caller).expect("the store opens");
        journal.check(&store.found().expect("the store reads"), S::ROWS);
        assert!(store.verify().is_empty(), "round {round}");
    }
}

/// Reads what another process writes, deletes and compacts: a reader sees what was acknowledged when it was refreshed,
/// whole, and moves on only then.
pub fn another_process_is_read<S: Subject>(test: &str, dir: &Path, rounds: u64) {
    let mut journal = Journal::default();
    let mut writer = Writer::start(test, dir);
    writer.hear_commits(20, &mut journal);
    let reader = S::Reader::open(dir).expect("the store opens");
    for round in 0..rounds {
        let before = reader.found().expect("the store reads");
        writer.hear_commits(25, &mut journal);
        assert_eq!(reader.found().expect("the store reads"), before, "round {round}: it moves on by itself");
        reader.refresh().expect("the store opens");
        let found = reader.found().expect("the store reads");
        // What the writer did before it was read, it had said before; some of that is heard only now.
        let mut later = journal.clone();
        let last = found.last_key_value().map_or(0, |(last, _)| *last);
        while !later.knows(last + 1) {
            writer.hear(&mut later).expect("the child lives");
        }
        journal.check_between(&found, S::ROWS, &later);
        journal = later;
    }
}
