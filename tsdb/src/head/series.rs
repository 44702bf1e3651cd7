//! One series of the head: its open chunk, its sealed chunks, and what arrived out of order.
//!
//! About 250 bytes beside the labels and the packed bits. What few series have (out-of-order samples, deleted
//! intervals, commits that some reader must not see yet, a histogram) hangs behind one pointer.

use std::sync::Arc;

use bedrock::histogram::Histogram;
use bedrock::labels::Labels;
use bedrock::time::TimeRange;
use bytes::Bytes;

use super::order::NO_RANK;
use super::samples::{CHUNK_SAMPLES, Samples};
use super::sealed::{Sealed, SealedChunks};
use crate::chunk::{Chunk, OpenFloats, OpenHistograms};
use crate::records::SampleRecord;

/// The value of one sample.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

impl Value {
    /// Whether the bits are the same: NaN payloads and the sign of zero count.
    pub(crate) fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Histogram(a), Value::Histogram(b)) => same_histogram(a, b),
            _ => false,
        }
    }
}

fn same_histogram(a: &Histogram, b: &Histogram) -> bool {
    let same =
        |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    a.schema == b.schema
        && same(
            &[a.zero_threshold, a.zero_count, a.count, a.sum],
            &[b.zero_threshold, b.zero_count, b.count, b.sum],
        )
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && same(&a.positive_buckets, &b.positive_buckets)
        && same(&a.negative_buckets, &b.negative_buckets)
        && same(&a.custom_values, &b.custom_values)
        && a.counter_reset_hint == b.counter_reset_hint
}

/// A sample that arrived out of order and is not sealed yet.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    pub(crate) time_ms: i64,
    pub(crate) start_ms: i64,
    pub(crate) value: Value,
    pub(crate) commit: u64,
    /// The flush that moved the sample into a block; 0 where none did.
    pub(crate) flushed_in: u32,
}

impl Late {
    /// The sample as a record has it, without its series.
    pub(crate) fn record(&self) -> SampleRecord {
        let Late { time_ms, start_ms, ref value, .. } = *self;
        SampleRecord { reference: 0, time_ms, start_ms, value: value.clone() }
    }

    /// The late sample that a record describes.
    pub(crate) fn of(sample: &SampleRecord, commit: u64) -> Self {
        let SampleRecord { time_ms, start_ms, ref value, .. } = *sample;
        Late { time_ms, start_ms, value: value.clone(), commit, flushed_in: 0 }
    }
}

/// An interval that was deleted: samples of commits before `commit` are gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deleted {
    pub(crate) range: TimeRange,
    pub(crate) commit: u64,
}

/// The open chunk.
#[derive(Debug)]
pub(crate) enum Open {
    None,
    Floats(OpenFloats),
    Histograms(Box<OpenHistograms>),
}

/// What few series have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Out-of-order samples in the order of their arrival.
    pub(crate) late: Vec<Late>,
    pub(crate) deleted: Vec<Deleted>,
    /// Commits before the last one that some reader may not see: (commit, samples of it), ascending.
    recent: Vec<(u64, u32)>,
    last_histogram: Option<Arc<Histogram>>,
}

/// A series of the head.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// The upper half of the reference: a slot that is used again gets a new one.
    pub(crate) generation: u32,
    /// Its place in the order of labels, see `order`.
    pub(crate) rank: u32,
    /// Whether the WAL or a checkpoint names the series.
    pub(crate) logged: bool,
    /// Whether the newest sample was deleted, so that its timestamp may be written again.
    last_gone: bool,
    last_is_float: bool,
    /// How often idle series were looked for before the series had a sample.
    pub(crate) looks: u8,
    last_time_ms: i64,
    last_value_bits: u64,
    /// The last commit that appended in order, and how many samples it brought.
    last_commit: u64,
    last_commit_samples: u32,
    pub(crate) open: Open,
    cut_at_ms: i64,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) rare: Option<Box<Rare>>,
}

/// What a series remembers of its newest sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesState {
    pub(crate) last_gone: bool,
    pub(crate) last_is_float: bool,
    pub(crate) last_time_ms: i64,
    pub(crate) last_value_bits: u64,
    pub(crate) last_commit: u64,
}

/// What a series says of a sample before it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Newer than everything the series has.
    InOrder,
    /// Older: it goes to the out-of-order samples.
    Late,
    /// The same sample is there already.
    Same,
    /// A sample with this timestamp and another value is there already.
    Other,
}

/// Which commits and which flushes a reader sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The last visible commit.
    pub(crate) commit: u64,
    /// The last visible flush: chunks that it, or one before it, moved to a block are not seen here.
    pub(crate) flush: u32,
}

impl Sight {
    /// Whether what a flush of this number moved to a block is still seen here.
    fn sees(&self, flushed_in: u32) -> bool {
        flushed_in == 0 || flushed_in > self.flush
    }
}

impl Series {
    pub(crate) fn new(labels: Labels, generation: u32) -> Self {
        Series {
            labels,
            generation,
            rank: NO_RANK,
            logged: false,
            last_gone: false,
            last_is_float: true,
            looks: 0,
            last_time_ms: i64::MIN,
            last_value_bits: 0,
            last_commit: 0,
            last_commit_samples: 0,
            open: Open::None,
            cut_at_ms: i64::MIN,
            sealed: Vec::new(),
            rare: None,
        }
    }

    /// The timestamp of the newest sample that came in order, `i64::MIN` where there was none.
    pub(crate) fn last_time_ms(&self) -> i64 {
        self.last_time_ms
    }

    /// The bits of the newest float, which the WAL encodes the next one against.
    pub(crate) fn last_value_bits(&self) -> u64 {
        self.last_value_bits
    }

    /// What a checkpoint keeps of the newest sample.
    pub(crate) fn state(&self) -> SeriesState {
        SeriesState {
            last_gone: self.last_gone,
            last_is_float: self.last_is_float,
            last_time_ms: self.last_time_ms,
            last_value_bits: self.last_value_bits,
            last_commit: self.last_commit,
        }
    }

    /// Takes over what a checkpoint kept.
    pub(crate) fn set_state(&mut self, state: SeriesState) {
        self.last_gone = state.last_gone;
        self.last_is_float = state.last_is_float;
        self.last_time_ms = state.last_time_ms;
        self.last_value_bits = state.last_value_bits;
        self.last_commit = state.last_commit;
    }

    /// Makes a packed chunk the open one again.
    pub(crate) fn reopen(
        &mut self,
        chunk: &Chunk,
        end_of_slot: impl Fn(i64) -> i64,
    ) -> Result<(), crate::chunk::ChunkError> {
        let mut samples = Samples::default();
        samples.decode(chunk)?;
        self.open = samples.open();
        self.cut_at_ms = match &self.open {
            Open::None => i64::MIN,
            Open::Floats(open) => end_of_slot(open.min_time_ms()),
            Open::Histograms(open) => end_of_slot(open.min_time_ms()),
        };
        Ok(())
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// What becomes of a float sample, given that in-order samples must not lie before `in_order_from_ms`.
    #[inline]
    pub(crate) fn judge_float(&self, time_ms: i64, value: f64, in_order_from_ms: i64) -> Verdict {
        if time_ms > self.last_time_ms {
            return if time_ms >= in_order_from_ms { Verdict::InOrder } else { Verdict::Late };
        }
        if time_ms < self.last_time_ms || self.last_gone {
            return Verdict::Late;
        }
        match self.last_is_float && value.to_bits() == self.last_value_bits {
            true => Verdict::Same,
            false => Verdict::Other,
        }
    }

    /// As [`Series::judge_float`] for a histogram.
    pub(crate) fn judge_histogram(&self, time_ms: i64, value: &Histogram, in_order_from_ms: i64) -> Verdict {
        if time_ms > self.last_time_ms {
            return if time_ms >= in_order_from_ms { Verdict::InOrder } else { Verdict::Late };
        }
        if time_ms < self.last_time_ms || self.last_gone {
            return Verdict::Late;
        }
        let last = self.rare.as_ref().and_then(|rare| rare.last_histogram.as_ref());
        match !self.last_is_float && last.is_some_and(|last| same_histogram(last, value)) {
            true => Verdict::Same,
            false => Verdict::Other,
        }
    }

    /// Appends a float that was judged in order. Commits up to `floor` are seen by every reader. About 10 ns.
    #[inline]
    pub(crate) fn append_float(&mut self, sample: (i64, f64, i64), commit: u64, floor: u64, to: &Target<'_>) {
        let (time_ms, value, start_ms) = sample;
        self.note_commit(commit, floor);
        let fits = match &self.open {
            Open::Floats(open) => open.len() < CHUNK_SAMPLES && time_ms < self.cut_at_ms,
            _ => false,
        };
        if !fits {
            self.seal(to.chunks);
            self.open = Open::Floats(OpenFloats::new());
            self.cut_at_ms = to.end_of_slot(time_ms);
        }
        if let Open::Floats(open) = &mut self.open {
            open.append(time_ms, value, start_ms);
        }
        self.last_time_ms = time_ms;
        self.last_value_bits = value.to_bits();
        self.last_is_float = true;
        self.last_gone = false;
    }

    /// Appends a histogram that was judged in order.
    pub(crate) fn append_histogram(
        &mut self,
        sample: (i64, &Arc<Histogram>, i64),
        commit: u64,
        floor: u64,
        to: &Target<'_>,
    ) {
        let (time_ms, value, start_ms) = sample;
        self.note_commit(commit, floor);
        let fits = match &self.open {
            Open::Histograms(open) => open.len() < CHUNK_SAMPLES && time_ms < self.cut_at_ms,
            _ => false,
        };
        if !fits {
            self.seal(to.chunks);
            self.open = Open::Histograms(Box::default());
            self.cut_at_ms = to.end_of_slot(time_ms);
        }
        if let Open::Histograms(open) = &mut self.open {
            open.append(time_ms, value, start_ms);
        }
        self.last_time_ms = time_ms;
        self.rare().last_histogram = Some(Arc::clone(value));
        self.last_is_float = false;
        self.last_gone = false;
    }

    #[inline]
    fn note_commit(&mut self, commit: u64, floor: u64) {
        if commit == self.last_commit {
            self.last_commit_samples += 1;
            return;
        }
        if self.last_commit > floor {
            let last = (self.last_commit, self.last_commit_samples);
            let recent = &mut self.rare().recent;
            recent.retain(|(commit, _)| *commit > floor);
            recent.push(last);
        } else if let Some(rare) = &mut self.rare {
            rare.recent.clear();
        }
        self.last_commit = commit;
        self.last_commit_samples = 1;
    }

    /// Takes a sample that was judged late, and seals the late samples before it where they are many. Returns how many
    /// were sealed.
    pub(crate) fn insert_late(&mut self, late: Late, floor: u64, to: &Target<'_>) -> usize {
        let rare = self.rare();
        let mut count = 0;
        let settled = |late: &Late| late.commit <= floor && late.flushed_in == 0;
        if rare.late.len() >= CHUNK_SAMPLES && rare.late.iter().all(settled) {
            count = rare.late.len();
            self.seal_late(to);
        }
        self.rare().late.push(late);
        count
    }

    /// Seals the open chunk.
    pub(crate) fn seal(&mut self, chunks: &SealedChunks) {
        let chunk = match std::mem::replace(&mut self.open, Open::None) {
            Open::None => None,
            Open::Floats(open) => open.seal(),
            Open::Histograms(open) => open.seal(),
        };
        if let Some(chunk) = chunk {
            let sealed = seal_one(&chunk, self.last_commit, false, chunks);
            self.sealed.push(sealed);
        }
    }

    /// Seals the open chunk where all of it lies before `until_ms`.
    pub(crate) fn seal_before(&mut self, until_ms: i64, chunks: &SealedChunks) {
        let newest = match &self.open {
            Open::None => return,
            Open::Floats(open) => open.max_time_ms(),
            Open::Histograms(open) => open.max_time_ms(),
        };
        if newest < until_ms {
            self.seal(chunks);
        }
    }

    /// Seals all late samples, one chunk for each time slot and kind at least.
    fn seal_late(&mut self, to: &Target<'_>) {
        let Some(rare) = self.rare.as_mut().filter(|rare| !rare.late.is_empty()) else { return };
        let late = std::mem::take(&mut rare.late);
        let last_commit = late.iter().map(|late| late.commit).max().unwrap_or(0);
        for chunk in pack_late(late.iter(), |time| slot_of(time, to.slot_ms)) {
            self.sealed.push(seal_one(&chunk, last_commit, true, to.chunks));
        }
    }

    /// Deletes an interval from everything up to now. What comes later is not touched.
    pub(crate) fn delete(&mut self, range: TimeRange, commit: u64, chunks: &SealedChunks) {
        self.seal(chunks);
        if range.contains(self.last_time_ms) {
            self.last_gone = true;
        }
        self.rare().deleted.push(Deleted { range, commit });
    }

    /// Forgets deleted intervals that concern nothing any more.
    pub(crate) fn forget_deleted(&mut self) {
        let Some(rare) = &mut self.rare else { return };
        let sealed = &self.sealed;
        let late = &rare.late;
        rare.deleted.retain(|gone| {
            sealed.iter().any(|chunk| chunk.last_commit < gone.commit)
                || late.iter().any(|late| late.commit < gone.commit)
        });
    }

    /// The sample with this timestamp, where the head still has it: what a late sample is compared with.
    pub(crate) fn find(&self, time_ms: i64, chunks: &SealedChunks) -> bedrock::Result<Option<Value>> {
        let sight = Sight { commit: u64::MAX, flush: 0 };
        let mut found = Vec::new();
        self.collect(sight, TimeRange::new(time_ms, time_ms), chunks, &mut found)?;
        let mut last = None;
        for chunk in &found {
            let mut samples = Samples::default();
            samples.decode(chunk).map_err(damaged)?;
            samples.cut(TimeRange::new(time_ms, time_ms), &[]);
            if let Some(value) = samples.floats.values.last() {
                last = Some(Value::Float(*value));
            }
            if let Some(value) = samples.histograms.values.last() {
                last = Some(Value::Histogram(Arc::clone(value)));
            }
        }
        Ok(last)
    }

    /// Collects the chunks that overlap `range`, as `sight` sees them. Returns whether they may overlap each other.
    pub(crate) fn collect(
        &self,
        sight: Sight,
        range: TimeRange,
        chunks: &SealedChunks,
        out: &mut Vec<Chunk>,
    ) -> bedrock::Result<bool> {
        self.collect_where(sight, range, chunks, out, |flushed_in| sight.sees(flushed_in))
    }

    /// As [`Series::collect`], of the chunks whose flush `takes` accepts; the open chunk counts as not flushed.
    pub(crate) fn collect_where(
        &self,
        sight: Sight,
        range: TimeRange,
        chunks: &SealedChunks,
        out: &mut Vec<Chunk>,
        takes: impl Fn(u32) -> bool,
    ) -> bedrock::Result<bool> {
        let mut hidden = self.hidden(sight);
        let first = out.len();
        let concerns = |min, max, hidden| overlaps(range, min, max) || hidden > 0;
        let mut take = |chunk: Option<Chunk>| {
            out.extend(chunk.filter(|chunk| overlaps(range, chunk.min_time_ms, chunk.max_time_ms)));
        };
        match &self.open {
            Open::Floats(open) if takes(0) && concerns(open.min_time_ms(), open.max_time_ms(), hidden) => {
                // Hidden samples are counted from the end of the whole chunk.
                let chunk = if hidden == 0 { open.tail(range.start) } else { open.snapshot() };
                take(without_newest(chunk, &mut hidden)?);
            }
            Open::Histograms(open)
                if takes(0) && concerns(open.min_time_ms(), open.max_time_ms(), hidden) =>
            {
                take(without_newest(open.snapshot(), &mut hidden)?);
            }
            _ => {}
        }
        for sealed in self.sealed.iter().rev().filter(|s| !s.out_of_order && takes(s.flushed_in)) {
            if concerns(sealed.min_time_ms, sealed.max_time_ms, hidden)
                && let Some(chunk) = without_newest(Some(read_sealed(sealed, chunks)?), &mut hidden)?
            {
                take(self.without_deleted(chunk, sealed.last_commit, sight)?);
            }
        }
        // The newest came first.
        out.get_mut(first..).unwrap_or(&mut []).reverse();
        let before = out.len();
        for sealed in self.sealed.iter().filter(|s| s.out_of_order && takes(s.flushed_in)) {
            if overlaps(range, sealed.min_time_ms, sealed.max_time_ms) {
                let chunk = read_sealed(sealed, chunks)?;
                out.extend(self.without_deleted(chunk, sealed.last_commit, sight)?);
            }
        }
        if let Some(rare) = self.rare.as_ref().filter(|rare| !rare.late.is_empty()) {
            let seen = rare.late.iter().filter(|late| {
                takes(late.flushed_in)
                    && late.commit <= sight.commit
                    && range.contains(late.time_ms)
                    && !rare.has_deleted(late, sight)
            });
            out.extend(pack_late(seen, |_| 0));
        }
        Ok(out.len() > before)
    }

    /// How many of the newest in-order samples belong to commits that are not seen.
    fn hidden(&self, sight: Sight) -> usize {
        if self.last_commit <= sight.commit {
            return 0;
        }
        let recent = self.rare.as_ref().map_or(&[][..], |rare| &rare.recent);
        let older: u32 =
            recent.iter().filter(|(commit, _)| *commit > sight.commit).map(|(_, count)| count).sum();
        (self.last_commit_samples + older) as usize
    }

    /// The chunk without what was deleted after `last_commit`, as `sight` sees it; `None` where nothing is left.
    fn without_deleted(
        &self,
        chunk: Chunk,
        last_commit: u64,
        sight: Sight,
    ) -> bedrock::Result<Option<Chunk>> {
        let deleted = self.rare.as_ref().map_or(&[][..], |rare| &rare.deleted);
        let concerned: Vec<TimeRange> = deleted
            .iter()
            .filter(|gone| last_commit < gone.commit && gone.commit <= sight.commit)
            .map(|gone| gone.range)
            .filter(|gone| overlaps(*gone, chunk.min_time_ms, chunk.max_time_ms))
            .collect();
        if concerned.is_empty() {
            return Ok(Some(chunk));
        }
        let mut samples = Samples::default();
        samples.decode(&chunk).map_err(damaged)?;
        samples.cut(TimeRange::ALL, &concerned);
        Ok(samples.one_chunk())
    }

    /// Whether the series may hold samples in a range.
    pub(crate) fn has_samples_in(&self, range: TimeRange) -> bool {
        let open = match &self.open {
            Open::None => false,
            Open::Floats(open) => overlaps(range, open.min_time_ms(), open.max_time_ms()),
            Open::Histograms(open) => overlaps(range, open.min_time_ms(), open.max_time_ms()),
        };
        let sealed = || self.sealed.iter().any(|s| overlaps(range, s.min_time_ms, s.max_time_ms));
        let late = || self.rare.iter().flat_map(|rare| &rare.late).any(|late| range.contains(late.time_ms));
        open || sealed() || late()
    }
}

impl Rare {
    /// The newest histogram.
    pub(crate) fn last_histogram(&self) -> Option<Arc<Histogram>> {
        self.last_histogram.clone()
    }

    /// Takes over the newest histogram from a checkpoint.
    pub(crate) fn set_last_histogram(&mut self, last: Arc<Histogram>) {
        self.last_histogram = Some(last);
    }

    /// Whether a late sample was deleted, as `sight` sees it.
    fn has_deleted(&self, late: &Late, sight: Sight) -> bool {
        self.deleted.iter().any(|gone| {
            gone.commit <= sight.commit && late.commit < gone.commit && gone.range.contains(late.time_ms)
        })
    }
}

/// A chunk without its newest `hidden` samples, which are counted down; `None` where nothing is left.
fn without_newest(chunk: Option<Chunk>, hidden: &mut usize) -> bedrock::Result<Option<Chunk>> {
    let Some(chunk) = chunk else { return Ok(None) };
    let count = usize::from(chunk.count);
    if *hidden == 0 {
        return Ok(Some(chunk));
    }
    if *hidden >= count {
        *hidden -= count;
        return Ok(None);
    }
    let mut samples = Samples::default();
    samples.decode(&chunk).map_err(damaged)?;
    samples.keep_first(count - *hidden);
    *hidden = 0;
    Ok(samples.one_chunk())
}

fn overlaps(range: TimeRange, min_time_ms: i64, max_time_ms: i64) -> bool {
    range.start <= max_time_ms && min_time_ms <= range.end
}

fn read_sealed(sealed: &Sealed, chunks: &SealedChunks) -> bedrock::Result<Chunk> {
    let data: Bytes = chunks.read(sealed.location)?;
    let Sealed { min_time_ms, max_time_ms, count, .. } = *sealed;
    Ok(Chunk { min_time_ms, max_time_ms, count, data })
}

fn seal_one(chunk: &Chunk, last_commit: u64, out_of_order: bool, chunks: &SealedChunks) -> Sealed {
    Sealed {
        min_time_ms: chunk.min_time_ms,
        max_time_ms: chunk.max_time_ms,
        last_commit,
        location: chunks.push(chunk),
        flushed_in: 0,
        count: chunk.count,
        out_of_order,
    }
}

/// Sorts late samples and packs them; of equal timestamps the last arrival stays.
fn pack_late<'a>(late: impl Iterator<Item = &'a Late>, slot: impl Fn(i64) -> i64) -> Vec<Chunk> {
    let mut sorted: Vec<&Late> = late.collect();
    sorted.sort_by_key(|late| late.time_ms);
    let mut samples = Samples::default();
    for (position, late) in sorted.iter().enumerate() {
        if sorted.get(position + 1).is_some_and(|next| next.time_ms == late.time_ms) {
            continue;
        }
        match &late.value {
            Value::Float(value) => samples.floats.push(late.time_ms, *value, late.start_ms),
            Value::Histogram(value) => {
                samples.histograms.push(late.time_ms, Arc::clone(value), late.start_ms);
            }
        }
    }
    let mut out = Vec::new();
    samples.encode(slot, &mut out);
    out
}

/// A chunk that left the encoder or passed its checksum does not decode.
pub(crate) fn damaged(error: crate::chunk::ChunkError) -> bedrock::Error {
    bedrock::Error::corrupt("head chunk", error.offset as u64, error.what, "a chunk that decodes", "damage")
}

/// Where sealed chunks go, and where chunks are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) chunks: &'a SealedChunks,
    pub(crate) slot_ms: i64,
}

impl Target<'_> {
    /// The first timestamp behind the slot of `time_ms`.
    pub(crate) fn end_of_slot(&self, time_ms: i64) -> i64 {
        slot_of(time_ms, self.slot_ms).saturating_add(1).saturating_mul(self.slot_ms)
    }
}

/// The number of the slot of `slot_ms` that a timestamp lies in.
pub(crate) fn slot_of(time_ms: i64, slot_ms: i64) -> i64 {
    time_ms.div_euclid(slot_ms)
}
