//! A batch becomes a commit: judged, logged, applied, visible.
//!
//! All locks of the concerned pages are held from the first judgement to the last append, so that what was judged is
//! what is applied, the log has the commits of a series in the order in which they are applied, and a value can be
//! written as the XOR with the one before it. A commit of 90 neighbouring series takes three locks and about
//! 30 ns a sample in all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bedrock::histogram::Histogram;
use bedrock::labels::Labels;
use rustc_hash::FxHashMap;

use super::Head;
use super::exemplars::Entry;
use super::page::{HeldPages, SharedPage, page_of, slot_of_reference};
use super::series::{Late, Series, Value, Verdict};
use super::sync::{held, write};
use crate::error::{Rejection, SampleProblem};
use crate::exemplar::Exemplar;
use crate::limits::histogram_problem;
use crate::metadata::Metadata;
use crate::records::{FloatRecord, FloatWriter, RecordWriter, SampleRecord, Section};

/// Samples on their way into the head, in columns. The memory is reused from commit to commit.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) references: Vec<u64>,
    pub(crate) times_ms: Vec<i64>,
    pub(crate) values: Vec<f64>,
    /// Empty where no float has a start.
    pub(crate) starts_ms: Vec<i64>,
    pub(crate) histograms: Vec<SampleRecord>,
    pub(crate) exemplars: Vec<(u64, Exemplar)>,
    pub(crate) metadata: Vec<(String, Metadata)>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.references.clear();
        self.times_ms.clear();
        self.values.clear();
        self.starts_ms.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.references.is_empty()
            && self.histograms.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
    }

    fn start_ms(&self, index: usize) -> i64 {
        self.starts_ms.get(index).copied().unwrap_or(0)
    }
}

/// What the judgement of a batch found, and the scratch memory for it.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// Positions of the floats to append, in the order of their series.
    in_order: Vec<u32>,
    /// Positions of the histograms to append.
    histograms: Vec<SampleRecord>,
    late: Vec<SampleRecord>,
    pub(crate) rejected: Vec<Rejection>,
    /// Samples that are there already.
    pub(crate) same: usize,
    order: Vec<u32>,
    pages: Vec<u32>,
    undefined: Vec<(u64, Labels)>,
    floats: FloatWriter,
    record: RecordWriter,
    newest_ms: i64,
}

impl Judgement {
    fn clear(&mut self) {
        self.in_order.clear();
        self.histograms.clear();
        self.late.clear();
        self.rejected.clear();
        self.same = 0;
        self.undefined.clear();
        self.floats.clear();
        self.newest_ms = i64::MIN;
    }

    /// Samples that were appended in order.
    pub(crate) fn appended(&self) -> usize {
        self.in_order.len() + self.histograms.len()
    }

    /// Samples that came out of order and were taken.
    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }
}

/// How far behind an early flush the scrapes lie that were under way.
const GRACE_MS: i64 = 60_000;

/// Which timestamps are taken at this moment.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    stored: Stored<'a>,
    in_order_from_ms: i64,
    /// `None` where late samples are switched off.
    oldest_ms: Option<i64>,
    newest_ms: i64,
}

/// A sample that is not simply appended.
struct Doubtful {
    index: usize,
    sample: SampleRecord,
    verdict: Verdict,
    /// The newest timestamp of its series, this batch included.
    newest_ms: i64,
}

/// The newest sample of a series as the batch itself moves it on.
#[derive(Clone, Copy, Debug)]
struct Moved {
    time_ms: i64,
    value_bits: u64,
    is_float: bool,
}

/// What the caller asks of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitRules {
    /// Whether one sample that cannot be taken spoils the batch.
    pub(crate) all_or_nothing: bool,
    /// The newest timestamp that is taken.
    pub(crate) newest_ms: i64,
}

/// Finds the sample of a series with a timestamp in the blocks.
pub(crate) type Stored<'a> = &'a dyn Fn(&Labels, i64) -> bedrock::Result<Option<Value>>;

impl Head {
    /// Judges a batch, logs what is taken through `log`, applies it, and makes it visible. Under `all_or_nothing`
    /// nothing is taken where `judgement.rejected` is not empty afterwards. Returns what `log` returned, `None`
    /// where there was nothing to log.
    pub(crate) fn commit<P>(
        &self,
        batch: &Batch,
        judgement: &mut Judgement,
        rules: CommitRules,
        stored: Stored<'_>,
        log: impl FnOnce(&[u8]) -> bedrock::Result<P>,
    ) -> bedrock::Result<Option<P>> {
        judgement.clear();
        judgement.arrange(batch);
        let mut shared: Vec<(u32, SharedPage)> = Vec::with_capacity(judgement.pages.len());
        self.pages.some(&judgement.pages, &mut shared);
        let mut pages = HeldPages::lock(&shared);
        let bounds = self.bounds(rules, stored);
        self.judge_floats(batch, judgement, &mut pages, bounds)?;
        self.judge_histograms(batch, judgement, &mut pages, bounds)?;
        if rules.all_or_nothing && !judgement.rejected.is_empty() {
            return Ok(None);
        }
        judgement.note_exemplars(batch, &mut pages);
        let nothing = judgement.appended() == 0 && judgement.late.is_empty();
        if nothing && batch.exemplars.is_empty() && batch.metadata.is_empty() {
            return Ok(None);
        }
        let begun = self.visibility.begin();
        judgement.write_record(batch, begun.number());
        let logged = log(judgement.record.bytes())?;
        self.apply(batch, judgement, &mut pages, begun.number());
        drop(pages);
        drop(begun);
        Ok(Some(logged))
    }

    fn bounds<'a>(&self, rules: CommitRules, stored: Stored<'a>) -> Bounds<'a> {
        let window_ms = self.options.out_of_order_window_ms;
        Bounds {
            in_order_from_ms: self.in_order_from_ms(),
            oldest_ms: (window_ms > 0).then(|| self.max_time_ms().saturating_sub(window_ms)),
            newest_ms: rules.newest_ms,
            stored,
        }
    }

    fn judge_floats(
        &self,
        batch: &Batch,
        judgement: &mut Judgement,
        pages: &mut HeldPages<'_>,
        bounds: Bounds<'_>,
    ) -> bedrock::Result<()> {
        let count = batch.references.len();
        judgement.floats.reserve(count);
        let mut moved: Option<(u64, Moved)> = None;
        for position in 0..count {
            let index = judgement.order.get(position).map_or(position, |index| *index as usize);
            let (Some(reference), Some(time_ms), Some(value)) =
                (batch.references.get(index), batch.times_ms.get(index), batch.values.get(index))
            else {
                continue;
            };
            let (reference, time_ms, value) = (*reference, *time_ms, *value);
            let series = pages.page(slot_of_reference(reference)).and_then(|page| page.get(reference));
            let Some(series) = series else {
                let problem = SampleProblem::UnknownSeries { reference };
                judgement.reject(index, Labels::empty(), time_ms, problem);
                continue;
            };
            let before = moved.filter(|(of, _)| *of == reference).map(|(_, before)| before);
            let verdict = match before {
                None => series.judge_float(time_ms, value, bounds.in_order_from_ms),
                Some(before) => before.judge(time_ms, value.to_bits(), bounds.in_order_from_ms),
            };
            if verdict == Verdict::InOrder && time_ms <= bounds.newest_ms {
                let bits = value.to_bits();
                let previous = before.map_or(series.last_value_bits(), |before| before.value_bits);
                let start_ms = batch.start_ms(index);
                judgement.floats.push(FloatRecord { reference, time_ms, start_ms, xor: bits ^ previous });
                judgement.in_order.push(index as u32);
                judgement.note(series, reference, time_ms);
                moved = Some((reference, Moved { time_ms, value_bits: bits, is_float: true }));
                continue;
            }
            let sample = SampleRecord {
                reference,
                time_ms,
                start_ms: batch.start_ms(index),
                value: Value::Float(value),
            };
            let newest_ms = before.map_or(series.last_time_ms(), |before| before.time_ms);
            let doubtful = Doubtful { index, sample, verdict, newest_ms };
            self.judge_rest(batch, judgement, series, doubtful, bounds)?;
        }
        Ok(())
    }

    fn judge_histograms(
        &self,
        batch: &Batch,
        judgement: &mut Judgement,
        pages: &mut HeldPages<'_>,
        bounds: Bounds<'_>,
    ) -> bedrock::Result<()> {
        if batch.histograms.is_empty() {
            return Ok(());
        }
        let mut moved: FxHashMap<u64, (Moved, Option<Arc<Histogram>>)> = FxHashMap::default();
        for &index in &judgement.in_order {
            let index = index as usize;
            if let (Some(reference), Some(time_ms)) = (batch.references.get(index), batch.times_ms.get(index))
            {
                let value_bits = batch.values.get(index).map_or(0, |value| value.to_bits());
                let newest = Moved { time_ms: *time_ms, value_bits, is_float: true };
                moved.insert(*reference, (newest, None));
            }
        }
        for (index, sample) in batch.histograms.iter().enumerate() {
            let index = batch.references.len() + index;
            let reference = sample.reference;
            let Value::Histogram(histogram) = &sample.value else { continue };
            let series = pages.page(slot_of_reference(reference)).and_then(|page| page.get(reference));
            let Some(series) = series else {
                let problem = SampleProblem::UnknownSeries { reference };
                judgement.reject(index, Labels::empty(), sample.time_ms, problem);
                continue;
            };
            if let Some(problem) = histogram_problem(histogram) {
                let problem = SampleProblem::Histogram(problem);
                judgement.reject(index, series.labels.clone(), sample.time_ms, problem);
                continue;
            }
            let verdict = match moved.get(&reference) {
                None => series.judge_histogram(sample.time_ms, histogram, bounds.in_order_from_ms),
                Some((before, last)) => {
                    before.judge_histogram(sample, last.as_ref(), bounds.in_order_from_ms)
                }
            };
            if verdict == Verdict::InOrder && sample.time_ms <= bounds.newest_ms {
                judgement.histograms.push(sample.clone());
                judgement.note(series, reference, sample.time_ms);
                let newest = Moved { time_ms: sample.time_ms, value_bits: 0, is_float: false };
                moved.insert(reference, (newest, Some(Arc::clone(histogram))));
                continue;
            }
            let newest_ms = moved.get(&reference).map_or(series.last_time_ms(), |(before, _)| before.time_ms);
            let doubtful = Doubtful { index, sample: sample.clone(), verdict, newest_ms };
            self.judge_rest(batch, judgement, series, doubtful, bounds)?;
        }
        Ok(())
    }

    /// What becomes of a sample that is not simply appended.
    fn judge_rest(
        &self,
        batch: &Batch,
        judgement: &mut Judgement,
        series: &Series,
        Doubtful { index, sample, verdict, newest_ms }: Doubtful,
        bounds: Bounds<'_>,
    ) -> bedrock::Result<()> {
        let time_ms = sample.time_ms;
        // The newest sample may have been replaced by a late one already, in this very batch even.
        let replaced = || judgement.late.iter().any(|late| late.reference == sample.reference);
        let overwritten = self.options.last_write_wins && (series.rare.is_some() || replaced());
        if time_ms > bounds.newest_ms {
            let problem = SampleProblem::TooFarAhead { newest_ms: bounds.newest_ms };
            judgement.reject(index, series.labels.clone(), time_ms, problem);
            return Ok(());
        }
        if verdict == Verdict::Same && !overwritten {
            judgement.same += 1;
            return Ok(());
        }
        if verdict == Verdict::Other && !self.options.last_write_wins {
            judgement.reject(index, series.labels.clone(), time_ms, SampleProblem::Duplicate);
            return Ok(());
        }
        match bounds.oldest_ms {
            // A sample at the newest timestamp is no older than the series itself.
            _ if time_ms == newest_ms => {}
            // In order for its series, and late only since the head was flushed early.
            None if time_ms > newest_ms && time_ms >= bounds.in_order_from_ms.saturating_sub(GRACE_MS) => {}
            None => {
                let problem = SampleProblem::OutOfOrder { newest_ms };
                judgement.reject(index, series.labels.clone(), time_ms, problem);
                return Ok(());
            }
            Some(oldest_ms) if time_ms < oldest_ms => {
                judgement.reject(index, series.labels.clone(), time_ms, SampleProblem::TooOld { oldest_ms });
                return Ok(());
            }
            Some(_) => {}
        }
        let known = match judgement.taken(batch, sample.reference, time_ms) {
            Some(value) => Some(value),
            None => series.find(time_ms, &self.chunks)?,
        };
        let known = match known {
            None if time_ms < bounds.in_order_from_ms => (bounds.stored)(&series.labels, time_ms)?,
            known => known,
        };
        match known {
            Some(known) if known.same(&sample.value) => judgement.same += 1,
            Some(_) if !self.options.last_write_wins => {
                judgement.reject(index, series.labels.clone(), time_ms, SampleProblem::Duplicate);
            }
            _ => {
                judgement.note(series, sample.reference, time_ms);
                judgement.late.push(sample);
            }
        }
        Ok(())
    }

    /// Appends what was judged; nothing can fail any more.
    fn apply(&self, batch: &Batch, judgement: &Judgement, pages: &mut HeldPages<'_>, commit: u64) {
        let floor = self.visibility.floor();
        let target = self.target();
        for &index in &judgement.in_order {
            let index = index as usize;
            let (Some(reference), Some(time_ms), Some(value)) =
                (batch.references.get(index), batch.times_ms.get(index), batch.values.get(index))
            else {
                continue;
            };
            let page = pages.page(slot_of_reference(*reference));
            if let Some(series) = page.and_then(|page| page.get_mut(*reference)) {
                series.append_float((*time_ms, *value, batch.start_ms(index)), commit, floor, &target);
            }
        }
        for sample in &judgement.histograms {
            let page = pages.page(slot_of_reference(sample.reference));
            let series = page.and_then(|page| page.get_mut(sample.reference));
            if let (Some(series), Value::Histogram(histogram)) = (series, &sample.value) {
                let sample = (sample.time_ms, histogram, sample.start_ms);
                series.append_histogram(sample, commit, floor, &target);
            }
        }
        for sample in &judgement.late {
            let page = pages.page(slot_of_reference(sample.reference));
            if let Some(series) = page.and_then(|page| page.get_mut(sample.reference)) {
                let sealed = series.insert_late(Late::of(sample, commit), floor, &target);
                self.late.fetch_add(1, Ordering::Relaxed);
                self.late.fetch_sub(sealed, Ordering::Relaxed);
            }
        }
        for (reference, _) in &judgement.undefined {
            let page = pages.page(slot_of_reference(*reference));
            if let Some(series) = page.and_then(|page| page.get_mut(*reference)) {
                series.logged = true;
            }
        }
        self.max_time_ms.fetch_max(judgement.newest_ms, Ordering::Relaxed);
        self.apply_rest(batch, pages, commit);
    }

    /// Exemplars and metadata.
    fn apply_rest(&self, batch: &Batch, pages: &mut HeldPages<'_>, commit: u64) {
        if !batch.exemplars.is_empty() {
            let mut ring = held(&self.exemplars);
            for (reference, exemplar) in &batch.exemplars {
                let page = pages.page(slot_of_reference(*reference));
                let Some(series) = page.and_then(|page| page.get(*reference)) else { continue };
                ring.push(Entry {
                    reference: *reference,
                    series: series.labels.clone(),
                    exemplar: exemplar.clone(),
                    commit,
                });
            }
        }
        if !batch.metadata.is_empty() {
            let mut known = write(&self.metadata);
            for (family, metadata) in &batch.metadata {
                known.insert(family.clone(), metadata.clone());
            }
        }
    }
}

impl Judgement {
    /// Brings the samples into the order of their slots, and names the pages.
    fn arrange(&mut self, batch: &Batch) {
        self.order.clear();
        self.pages.clear();
        let references = &batch.references;
        if !references.is_sorted_by_key(|reference| slot_of_reference(*reference)) {
            self.order.extend(0..references.len() as u32);
            // Stable: the samples of one series stay in the order in which they were given.
            self.order.sort_by_key(|index| references.get(*index as usize).map(|r| slot_of_reference(*r)));
        }
        let rest = batch.histograms.iter().map(|sample| sample.reference);
        let rest = rest.chain(batch.exemplars.iter().map(|(reference, _)| *reference));
        for reference in references.iter().copied().chain(rest) {
            let page = page_of(slot_of_reference(reference));
            if self.pages.last() != Some(&page) {
                self.pages.push(page);
            }
        }
        if !self.pages.is_sorted() {
            self.pages.sort_unstable();
        }
        self.pages.dedup();
    }

    fn reject(&mut self, index: usize, labels: Labels, timestamp_ms: i64, problem: SampleProblem) {
        self.rejected.push(Rejection { index, labels, timestamp_ms, problem });
    }

    /// Notes that a sample of a series will be taken.
    #[inline]
    fn note(&mut self, series: &Series, reference: u64, time_ms: i64) {
        self.newest_ms = self.newest_ms.max(time_ms);
        if !series.logged && self.undefined.last().is_none_or(|(last, _)| *last != reference) {
            self.undefined.push((reference, series.labels.clone()));
        }
    }

    /// Notes the series of exemplars: the log has to name them, also where they bring no sample.
    fn note_exemplars(&mut self, batch: &Batch, pages: &mut HeldPages<'_>) {
        for (reference, _) in &batch.exemplars {
            let page = pages.page(slot_of_reference(*reference));
            if let Some(series) = page.and_then(|page| page.get(*reference)).filter(|series| !series.logged) {
                self.undefined.push((*reference, series.labels.clone()));
            }
        }
    }

    /// The value that this batch itself has taken for a series and a timestamp. O(batch), for late samples alone.
    fn taken(&self, batch: &Batch, reference: u64, time_ms: i64) -> Option<Value> {
        let is_it = |sample: &&SampleRecord| sample.reference == reference && sample.time_ms == time_ms;
        if let Some(late) = self.late.iter().rev().find(is_it) {
            return Some(late.value.clone());
        }
        if let Some(histogram) = self.histograms.iter().rev().find(is_it) {
            return Some(histogram.value.clone());
        }
        let at = self.in_order.iter().rev().find(|index| {
            let index = **index as usize;
            batch.references.get(index) == Some(&reference) && batch.times_ms.get(index) == Some(&time_ms)
        })?;
        batch.values.get(*at as usize).map(|value| Value::Float(*value))
    }

    fn write_record(&mut self, batch: &Batch, commit: u64) {
        self.record.begin(commit);
        if !self.undefined.is_empty() {
            self.undefined.sort_by_key(|(reference, _)| *reference);
            self.undefined.dedup_by_key(|(reference, _)| *reference);
            self.record.definitions(self.undefined.iter().map(|(reference, labels)| (*reference, labels)));
        }
        if !self.floats.is_empty() {
            self.record.floats(&mut self.floats);
        }
        if !self.histograms.is_empty() {
            self.record.samples(Section::Histograms, &self.histograms);
        }
        if !self.late.is_empty() {
            self.record.samples(Section::Late, &self.late);
        }
        if !batch.exemplars.is_empty() {
            self.record.exemplars(&batch.exemplars);
        }
        if !batch.metadata.is_empty() {
            let families = batch.metadata.iter().map(|(family, metadata)| (family.as_str(), metadata));
            self.record.metadata(families);
        }
    }
}

impl Moved {
    fn judge(&self, time_ms: i64, value_bits: u64, in_order_from_ms: i64) -> Verdict {
        match time_ms.cmp(&self.time_ms) {
            std::cmp::Ordering::Greater if time_ms >= in_order_from_ms => Verdict::InOrder,
            std::cmp::Ordering::Equal if self.is_float && value_bits == self.value_bits => Verdict::Same,
            std::cmp::Ordering::Equal => Verdict::Other,
            _ => Verdict::Late,
        }
    }

    fn judge_histogram(
        &self,
        sample: &SampleRecord,
        last: Option<&Arc<Histogram>>,
        in_order_from_ms: i64,
    ) -> Verdict {
        match sample.time_ms.cmp(&self.time_ms) {
            std::cmp::Ordering::Greater if sample.time_ms >= in_order_from_ms => Verdict::InOrder,
            std::cmp::Ordering::Equal => {
                let last = last.map(|last| Value::Histogram(Arc::clone(last)));
                let same = last.is_some_and(|last| last.same(&sample.value));
                if same { Verdict::Same } else { Verdict::Other }
            }
            _ => Verdict::Late,
        }
    }
}
