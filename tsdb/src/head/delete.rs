//! Deleting from the head: an interval of the selected series is gone from the next commit on.

use bedrock::labels::Matcher;
use bedrock::series::Select;
use bedrock::time::TimeRange;
use rustc_hash::FxHashSet;

use super::Head;
use super::page::{HeldPages, SharedPage, page_of, reference, slot_of_reference};
use super::sync::held;
use crate::records::RecordWriter;

impl Head {
    /// Deletes what the series that satisfy the matchers have in a range. Everything committed before is concerned and
    /// nothing that comes later. `log` takes the record, which carries `tombstones` for the blocks; `publish` runs
    /// before any commit behind this one is visible. Returns what `log` returned and the number of series with samples in
    /// the range. Exemplars go with the samples, also those of series that the head has forgotten.
    pub(crate) fn delete<P>(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        tombstones: &[u8],
        log: impl FnOnce(&[u8]) -> bedrock::Result<P>,
        publish: impl FnOnce(u64),
    ) -> bedrock::Result<(P, usize)> {
        let candidates = self.candidates(matchers);
        let mut numbers: Vec<u32> = candidates.iter().map(page_of).collect();
        numbers.dedup();
        let mut shared: Vec<(u32, SharedPage)> = Vec::with_capacity(numbers.len());
        self.pages.some(&numbers, &mut shared);
        let mut pages = HeldPages::lock(&shared);
        let mut concerned = Vec::new();
        for slot in &candidates {
            let series = pages.page(slot).and_then(|page| page.at(slot));
            if let Some(series) = series.filter(|series| series.logged && series.has_samples_in(range)) {
                concerned.push(reference(series.generation, slot));
            }
        }
        let with_samples = concerned.len();
        concerned.extend(self.with_exemplars_alone(&Select { matchers, range }, &concerned));
        let begun = self.visibility.begin();
        let mut record = RecordWriter::default();
        record.begin(begun.number());
        record.deletion(range, &concerned, tombstones);
        let logged = log(record.bytes())?;
        for reference in &concerned {
            let page = pages.page(slot_of_reference(*reference));
            if let Some(series) = page.and_then(|page| page.get_mut(*reference)) {
                series.delete(range, begun.number(), &self.chunks);
            }
        }
        drop(pages);
        held(&self.exemplars).delete(&concerned, range, begun.number());
        publish(begun.number());
        drop(begun);
        Ok((logged, with_samples))
    }

    /// The series with selected exemplars that are not among `known`: their samples are in blocks, or the head has
    /// forgotten them.
    fn with_exemplars_alone(&self, select: &Select<'_>, known: &[u64]) -> Vec<u64> {
        let ring = held(&self.exemplars);
        let selected = ring.iter().filter(|entry| entry.is_selected(select));
        let mut alone: FxHashSet<u64> = selected.map(|entry| entry.reference).collect();
        known.iter().for_each(|reference| {
            alone.remove(reference);
        });
        alone.into_iter().collect()
    }
}
