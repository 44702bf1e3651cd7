//! The log open for writing: a queue of frames, and one committer at a time that carries it to the medium.
//!
//! A commit puts its frame into the queue and waits. Whoever finds nobody carrying takes the whole queue, writes it
//! with one append, syncs once, and wakes everyone whose frame was in it. While it is at that, the next group
//! gathers in the queue. So there is no thread and no delay, and the more threads commit, the more share a sync.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::format::{
    FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, RECORD_BYTES_MAX, SegmentHeader, segment_path,
};
use super::reader::{Next, SegmentReader};
use super::replay::segments;
use super::segment::{NewSegment, Tail};
use super::{Durability, Replay, WalOptions, WalPosition, WalRecord, replay};
use crate::disk::{Disk, TEMPORARY_SUFFIX, create_dir_durable};
use crate::error::{Error, Result};

/// An append that finds more than this in the queue carries it to the medium first.
const QUEUE_BYTES_MAX: usize = 16 << 20;

/// How often a thread that waits for the carrier looks again before it goes to sleep, where no sync is to be waited for: a
/// write of some hundred bytes takes 1 to 2 us, and falling asleep and being woken 5 to 10.
const LOOKS: u32 = 8;
/// Pauses between two looks, about 0.4 us.
const PAUSES: u32 = 32;

/// A log open for writing. All methods but [`Wal::close`] take `&self` and may be called from several threads.
#[derive(Debug)]
pub struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: WalOptions,
    queue: Mutex<Queue>,
    progress: Condvar,
    /// Held by the thread that carries.
    carrier: Mutex<Carrier>,
}

/// What was counted since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Records accepted.
    pub commits: u64,
    /// Syncs of a segment.
    pub syncs: u64,
    /// Bytes accepted, frames included.
    pub bytes: u64,
    /// The end of the log.
    pub end: WalPosition,
}

#[derive(Debug)]
struct Queue {
    work: Vec<Work>,
    work_bytes: usize,
    /// The end of the log once the queue has been carried.
    end: WalPosition,
    written: WalPosition,
    /// Up to where the log would survive a power loss.
    synced: WalPosition,
    is_carried: bool,
    failure: Option<Arc<Error>>,
    stats: WalStats,
}

#[derive(Debug)]
enum Work {
    Frames(Vec<u8>),
    /// End the segment and begin the one of this number.
    Rotate(u64),
}

struct Carrier {
    tail: Tail,
    last_sync: Instant,
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "segment {} of {} bytes", self.tail.segment, self.tail.end)
    }
}

/// What one round of carrying achieved.
struct Carried {
    written: WalPosition,
    synced: Option<WalPosition>,
    syncs: u64,
}

/// A panic while a lock is held leaves queue and carrier whole: they change at the end of a round only.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wal {
    /// Opens the log in `dir`, which is made where it is missing, gives the records at `from` and behind it to
    /// `visit`, and begins a new segment. Segments before that of `from` are removed.
    ///
    /// Where `dir` holds no segment at all the log is empty and begins behind `from`. The caller holds the lock of
    /// the store.
    ///
    /// # Errors
    ///
    /// Those of [`replay`]; nothing has been changed then.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: WalOptions,
        from: WalPosition,
        visit: impl FnMut(WalRecord) -> Result<()>,
    ) -> Result<(Self, Replay)> {
        create_dir_durable(&*disk, dir)?;
        for entry in disk.list(dir)? {
            if entry.name.ends_with(TEMPORARY_SUFFIX) {
                disk.remove_file(&dir.join(&entry.name))?;
            }
        }
        let report = replay(&*disk, dir, from, visit)?;
        let tail = begin(&*disk, dir, from, &report)?;
        let end = WalPosition { segment: tail.segment, offset: tail.end };
        let queue = Queue {
            work: Vec::new(),
            work_bytes: 0,
            end,
            written: end,
            synced: end,
            is_carried: false,
            failure: None,
            stats: WalStats::default(),
        };
        let wal = Wal {
            disk,
            dir: dir.to_owned(),
            options: WalOptions { segment_bytes: options.segment_bytes.min(RECORD_BYTES_MAX), ..options },
            queue: Mutex::new(queue),
            progress: Condvar::new(),
            carrier: Mutex::new(Carrier { tail, last_sync: Instant::now() }),
        };
        wal.truncate_before(from)?;
        Ok((wal, report))
    }

    /// Appends a record and waits until it is as durable as the options ask. Returns the end of the record.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::append`] and [`Wal::wait`].
    pub fn commit(&self, record: &[u8]) -> Result<WalPosition> {
        let end = self.append(record)?;
        self.wait(end)?;
        Ok(end)
    }

    /// Gives a record its place in the log without waiting for the medium, and returns the record's end. A store
    /// that applies records in their order holds its own lock over this and waits after it has given it back.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a record above `record_bytes_max`, [`Error::Invalid`] for an empty one,
    /// [`Error::Poisoned`] after a failure, and [`Error::Io`] where it had to make room in the queue and failed.
    pub fn append(&self, record: &[u8]) -> Result<WalPosition> {
        let max = self.options.record_bytes_max.min(RECORD_BYTES_MAX);
        if record.len() as u64 > max {
            return Err(Error::Limit { what: "bytes of a WAL record", max, found: record.len() as u64 });
        }
        if record.is_empty() {
            return Err(Error::Invalid { what: "WAL record", problem: "it has no bytes".into() });
        }
        let payload_crc = crc32fast::hash(record);
        let mut queue = locked(&self.queue);
        while queue.work_bytes > QUEUE_BYTES_MAX {
            let end = queue.end;
            drop(queue);
            self.carry_until(|queue| queue.written >= end, false)?;
            queue = locked(&self.queue);
        }
        queue.check()?;
        let frame_bytes = (FRAME_HEADER_BYTES + record.len()) as u64;
        if queue.end.offset + frame_bytes > self.options.segment_bytes
            && queue.end.offset > HEADER_BYTES as u64
        {
            queue.rotate();
        }
        queue.push(record, payload_crc);
        queue.stats.commits += 1;
        Ok(queue.end)
    }

    /// Waits until everything before `end` is as durable as the options ask.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refused, to the caller that carried the group, and [`Error::Poisoned`] with
    /// that cause to everyone else. Whether the records survive is then unknown.
    pub fn wait(&self, end: WalPosition) -> Result<()> {
        match self.options.durability {
            Durability::EveryCommit => self.carry_until(|queue| queue.synced >= end, true),
            _ => self.carry_until(|queue| queue.written >= end, false),
        }
    }

    /// Makes everything that was appended so far durable, whatever the options say.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::wait`].
    pub fn sync(&self) -> Result<()> {
        let end = locked(&self.queue).end;
        self.carry_until(|queue| queue.synced >= end, true)
    }

    /// Syncs what an idle log under [`Durability::Interval`] still owes. Whoever drives the store's background work
    /// calls it about once per interval; it does nothing where nothing is due.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::wait`].
    pub fn tick(&self) -> Result<()> {
        let Durability::Interval(interval) = self.options.durability else { return Ok(()) };
        let is_idle = {
            let queue = locked(&self.queue);
            queue.check()?;
            queue.synced >= queue.end
        };
        if is_idle || locked(&self.carrier).last_sync.elapsed() < interval {
            return Ok(());
        }
        self.sync()
    }

    /// Ends the segment and begins another: records appended before lie before the returned position, later ones
    /// behind it. Everything before it is durable on return. A segment without records is kept.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::wait`].
    pub fn rotate(&self) -> Result<WalPosition> {
        let start = {
            let mut queue = locked(&self.queue);
            queue.check()?;
            if queue.end.offset > HEADER_BYTES as u64 {
                queue.rotate();
            }
            queue.end
        };
        self.carry_until(|queue| queue.written >= start, false)?;
        Ok(start)
    }

    /// Removes the segments that lie wholly before a position. The caller has made durable, in its manifest, that
    /// replay starts there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; what is left behind is removed by a later call.
    pub fn truncate_before(&self, position: WalPosition) -> Result<()> {
        let current = locked(&self.carrier).tail.segment;
        let segments = segments(&*self.disk, &self.dir)?;
        let old: Vec<u64> = segments.into_iter().filter(|s| *s < position.segment.min(current)).collect();
        for &segment in &old {
            self.disk.remove_file(&segment_path(&self.dir, segment))?;
        }
        if old.is_empty() { Ok(()) } else { self.disk.sync_dir(&self.dir) }
    }

    /// The end of the last record that was appended.
    pub fn end(&self) -> WalPosition {
        locked(&self.queue).end
    }

    /// The failure that poisoned the log, `None` where it takes commits.
    pub fn failure(&self) -> Option<Error> {
        locked(&self.queue).failure.as_deref().cloned()
    }

    /// What was counted since the log was opened.
    pub fn stats(&self) -> WalStats {
        let queue = locked(&self.queue);
        WalStats { end: queue.end, ..queue.stats }
    }

    /// Makes everything durable and says so in the log, so that the next open need not doubt its tail.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::wait`]. The log is then as after a crash.
    pub fn close(self) -> Result<()> {
        self.sync()?;
        let end = {
            let mut queue = locked(&self.queue);
            queue.push(&[], crc32fast::hash(&[]));
            queue.end
        };
        self.carry_until(|queue| queue.written >= end, false)
    }

    /// Carries, or waits for whoever carries, until `is_done` holds.
    fn carry_until(&self, is_done: impl Fn(&Queue) -> bool, wants_sync: bool) -> Result<()> {
        let mut queue = locked(&self.queue);
        let mut looks = if wants_sync { LOOKS } else { 0 };
        while !is_done(&queue) {
            queue.check()?;
            if queue.is_carried && looks < LOOKS {
                looks += 1;
                drop(queue);
                (0..PAUSES).for_each(|_| std::hint::spin_loop());
                queue = locked(&self.queue);
                continue;
            }
            if queue.is_carried {
                queue = self.progress.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.is_carried = true;
            queue.work_bytes = 0;
            let work = mem::take(&mut queue.work);
            drop(queue);
            let outcome = self.carry(work, wants_sync);
            queue = locked(&self.queue);
            queue.is_carried = false;
            self.progress.notify_all();
            match outcome {
                Ok(carried) => queue.advance(&carried),
                Err(error) => {
                    queue.failure = Some(Arc::new(error.clone()));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Brings the work to the medium, and syncs where it is wanted or due.
    fn carry(&self, work: Vec<Work>, wants_sync: bool) -> Result<Carried> {
        let mut carrier = locked(&self.carrier);
        let mut syncs = 0;
        let mut synced = None;
        for step in work {
            match step {
                Work::Frames(frames) => carrier.tail.append(&frames)?,
                Work::Rotate(segment) => {
                    // The new segment says that all of the old one counts, so that must hold first.
                    carrier.tail.sync()?;
                    let header = SegmentHeader { segment, previous_end: carrier.tail.end };
                    let next = NewSegment::create(&*self.disk, &self.dir, header)?;
                    carrier.tail = next.publish(&*self.disk, &self.dir)?;
                    carrier.last_sync = Instant::now();
                    syncs += 2;
                    synced = Some(carrier.tail.position());
                }
            }
        }
        let is_due = match self.options.durability {
            Durability::Interval(interval) => carrier.last_sync.elapsed() >= interval,
            Durability::EveryCommit | Durability::Never => false,
        };
        if wants_sync || is_due {
            carrier.tail.sync()?;
            carrier.last_sync = Instant::now();
            syncs += 1;
            synced = Some(carrier.tail.position());
        }
        Ok(Carried { written: carrier.tail.position(), synced, syncs })
    }
}

impl Queue {
    fn check(&self) -> Result<()> {
        match &self.failure {
            None => Ok(()),
            Some(cause) => Err(Error::Poisoned { cause: Arc::clone(cause) }),
        }
    }

    fn push(&mut self, payload: &[u8], payload_crc: u32) {
        let is_same_segment = self.synced.segment == self.end.segment;
        let synced = if is_same_segment { self.synced.offset } else { HEADER_BYTES as u64 };
        // Offsets and payloads fit a u32: the format asserts it of its limits.
        let header = FrameHeader { payload_bytes: payload.len() as u32, synced: synced as u32, payload_crc };
        let header = header.encode(self.end.segment, self.end.offset);
        let frames = match self.work.last_mut() {
            Some(Work::Frames(frames)) => frames,
            _ => {
                self.work.push(Work::Frames(Vec::new()));
                let Some(Work::Frames(frames)) = self.work.last_mut() else { return };
                frames
            }
        };
        frames.extend_from_slice(&header);
        frames.extend_from_slice(payload);
        let bytes = header.len() + payload.len();
        self.work_bytes += bytes;
        self.end.offset += bytes as u64;
        self.stats.bytes += bytes as u64;
    }

    fn rotate(&mut self) {
        let segment = self.end.segment + 1;
        self.work.push(Work::Rotate(segment));
        self.end = WalPosition { segment, offset: HEADER_BYTES as u64 };
    }

    fn advance(&mut self, carried: &Carried) {
        self.written = self.written.max(carried.written);
        self.synced = self.synced.max(carried.synced.unwrap_or_default());
        self.stats.syncs += carried.syncs;
    }
}

/// Begins the segment that follows what replay found. Records behind the last known sync are written again into
/// it, since the old file may hold them in the page cache only.
fn begin(disk: &dyn Disk, dir: &Path, from: WalPosition, found: &Replay) -> Result<Tail> {
    if found.end == WalPosition::default() {
        let header = SegmentHeader { segment: from.segment + 1, previous_end: 0 };
        return NewSegment::create(disk, dir, header)?.publish(disk, dir);
    }
    let mut reader = SegmentReader::open(disk, dir, found.end.segment)?;
    let start = if from.segment == found.end.segment { from.offset } else { 0 }.max(HEADER_BYTES as u64);
    let known_end = last_frame_end(&mut reader, start, found.synced.offset)?;
    // Where nothing was synced into the last segment, its name may be in doubt as well: it is made anew. A position
    // inside of it vouches for the name, and keeps its meaning.
    let is_doubtful = known_end == HEADER_BYTES as u64 && start == HEADER_BYTES as u64;
    let header = if is_doubtful {
        reader.header
    } else {
        SegmentHeader { segment: found.end.segment + 1, previous_end: known_end }
    };
    let mut next = NewSegment::create(disk, dir, header)?;
    let mut offset = start.max(known_end);
    while offset < found.end.offset {
        let Next::Frame(frame) = reader.frame_at(offset)? else { break };
        offset = frame.end();
        if !frame.payload.is_empty() {
            let tail = next.tail();
            let again = FrameHeader { synced: HEADER_BYTES as u32, ..frame.header };
            let again = again.encode(tail.segment, tail.end);
            tail.append(&again)?;
            tail.append(&frame.payload)?;
        }
    }
    next.publish(disk, dir)
}

/// The end of the last frame, from `start` on, that ends at or before `synced`. A writer has synced whole frames;
/// that bytes on a disk say so proves nothing.
fn last_frame_end(reader: &mut SegmentReader, start: u64, synced: u64) -> Result<u64> {
    let mut end = HEADER_BYTES as u64;
    let mut offset = start;
    while offset < synced {
        let Next::Frame(frame) = reader.frame_at(offset)? else { break };
        offset = frame.end();
        if offset <= synced {
            end = offset;
        }
    }
    Ok(end)
}
