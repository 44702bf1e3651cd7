//! The head: the newest samples, in memory and queryable at once, made durable by the WAL.
//!
//! | file | what |
//! |---|---|
//! | `page` | the table of series: slots in pages, one lock each; references |
//! | `index` | labels to references, matchers to slots |
//! | `series` | one series: open chunk, sealed chunks, late samples, deleted intervals |
//! | `sealed` | sealed chunks on their way from memory to mapped files |
//! | `samples` | unpacked samples: merging and cutting |
//! | `commit` | a batch is judged, logged and applied |
//! | `visibility` | which commits a reader sees |
//! | `view` | what flush and reading see |
//! | `order` | series in the order of their labels |
//! | `delete` | intervals that are gone |
//! | `drain` | what a flush takes out, and forgetting idle series |
//! | `checkpoint` | the head as a file, so that the WAL stays short |
//! | `replay` | a head from a checkpoint and a WAL, on several threads |
//! | `salvage` | whether chunks and checkpoint are sound, and saving what is |
//!
//! # What a series costs
//!
//! | | bytes |
//! |---|---|
//! | slot | 224 |
//! | labels of ten pairs, once | about 200 |
//! | open chunk | 32 to 256, and 80 from 32 samples on |
//! | each sealed chunk (about 120 samples on disk) | 48 |
//! | map from labels | 27 to 48 |
//! | postings of ten pairs | about 20, and the values once |

mod checkpoint;
mod commit;
mod delete;
mod drain;
mod exemplars;
mod index;
mod order;
mod page;
mod replay;
mod salvage;
mod samples;
mod sealed;
mod series;
mod sync;
mod view;
mod visibility;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use bedrock::disk::Disk;
use bedrock::labels::{Labels, Matcher};
use bedrock::postings::Ids;
use rustc_hash::FxHashMap;

use crate::metadata::Metadata;

pub(crate) use commit::{Batch, CommitRules, Judgement};
pub(crate) use drain::Marked;
pub(crate) use replay::{Recovered, Recovery};
pub use salvage::{HeadCheck, HeadLoss};
pub(crate) use salvage::{check_checkpoint, salvage};
pub(crate) use series::Value;
pub(crate) use sync::{held, read, write};
pub(crate) use view::MemoryView;
pub use view::{HeadSeries, HeadView};

use exemplars::ExemplarRing;
use index::Index;
use order::Order;
use page::{PageTable, SharedPage, page_of};
use sealed::{Sealed, SealedChunks};
use series::{Series, Target};
use visibility::Visibility;

/// What the head needs to know of the store's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadOptions {
    /// Chunks and level-0 blocks are cut at multiples of this.
    pub(crate) slot_ms: i64,
    /// How far behind the newest sample of the head a late one may lie; 0 switches late samples off.
    pub(crate) out_of_order_window_ms: i64,
    /// Whether a late sample replaces one with the same timestamp.
    pub(crate) last_write_wins: bool,
    /// Exemplars kept.
    pub(crate) exemplars_max: usize,
}

/// The head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) options: HeadOptions,
    pages: PageTable,
    index: Index,
    order: Order,
    pub(crate) chunks: SealedChunks,
    pub(crate) visibility: Visibility,
    /// The generation of the references that are given out now.
    generation: AtomicU32,
    /// In-order samples must not lie before this: everything earlier is, or is about to be, in blocks.
    in_order_from_ms: AtomicI64,
    /// The newest timestamp ever taken.
    max_time_ms: AtomicI64,
    exemplars: Mutex<ExemplarRing>,
    metadata: RwLock<FxHashMap<String, Metadata>>,
    series: AtomicUsize,
    label_bytes: AtomicUsize,
    late: AtomicUsize,
    /// Whether a release had to leave something to a reader.
    flushed_chunks: AtomicBool,
}

impl Head {
    /// An empty head whose sealed chunks go to `dir`, which exists.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, options: HeadOptions, start: HeadStart) -> Self {
        Head {
            options,
            pages: PageTable::default(),
            index: Index::default(),
            order: Order::default(),
            chunks: SealedChunks::new(disk, dir, start.next_piece),
            visibility: Visibility::new(start.last_commit),
            generation: AtomicU32::new(start.generation),
            in_order_from_ms: AtomicI64::new(start.in_order_from_ms),
            max_time_ms: AtomicI64::new(start.max_time_ms),
            exemplars: Mutex::new(ExemplarRing::new(options.exemplars_max)),
            metadata: RwLock::default(),
            series: AtomicUsize::new(0),
            label_bytes: AtomicUsize::new(0),
            late: AtomicUsize::new(0),
            flushed_chunks: AtomicBool::new(false),
        }
    }

    /// The reference of a label set; a new series is made where there is none.
    pub(crate) fn resolve(&self, labels: &Labels) -> u64 {
        let mut shard = self.index.shard(labels);
        if let Some(reference) = shard.get(labels) {
            return *reference;
        }
        let (slot, page) = self.pages.take_slot();
        let generation = self.generation.load(Ordering::Relaxed);
        held(&page).put(slot, Series::new(labels.clone(), generation));
        let reference = page::reference(generation, slot);
        shard.insert(labels.clone(), reference);
        drop(shard);
        write(&self.index.postings).add(slot, labels);
        self.series.fetch_add(1, Ordering::Relaxed);
        self.label_bytes.fetch_add(labels.heap_bytes(), Ordering::Relaxed);
        reference
    }

    /// The reference of a label set that the head knows.
    pub(crate) fn find(&self, labels: &Labels) -> Option<u64> {
        self.index.get(labels)
    }

    /// The labels of a reference.
    pub(crate) fn labels(&self, reference: u64) -> Option<Labels> {
        let page = self.pages.page(page_of(page::slot_of_reference(reference)))?;
        let page = held(&page);
        page.get(reference).map(|series| series.labels.clone())
    }

    /// Fills the index from the pages of a recovered head.
    fn rebuild_index(&self, threads: usize) {
        let pages = self.pages.all();
        let series: usize = pages.iter().map(|(_, page)| held(page).iter().count()).sum();
        self.series.store(series, Ordering::Relaxed);
        self.index.reserve(series);
        let rebuild = |thread: usize| {
            // The map takes as long as the postings.
            if thread == 0 {
                self.rebuild_postings(&pages);
            }
            if thread == 1 || threads == 1 {
                self.rebuild_map(&pages);
            }
            Ok::<(), std::convert::Infallible>(())
        };
        match replay::in_parallel(threads.min(2), rebuild) {
            Ok(_) => {}
            Err(never) => match never {},
        }
    }

    fn rebuild_postings(&self, pages: &[(u32, SharedPage)]) {
        let mut postings = write(&self.index.postings);
        let mut entering = postings.entering();
        for (number, page) in pages {
            for (at, found) in held(page).iter() {
                entering.add(number << page::PAGE_SLOT_BITS | at as u32, &found.labels);
            }
        }
    }

    fn rebuild_map(&self, pages: &[(u32, SharedPage)]) {
        let mut label_bytes = 0;
        for (number, page) in pages {
            for (at, found) in held(page).iter() {
                let slot = number << page::PAGE_SLOT_BITS | at as u32;
                self.index.enter(found.labels.clone(), page::reference(found.generation, slot));
                label_bytes += found.labels.heap_bytes();
            }
        }
        self.label_bytes.store(label_bytes, Ordering::Relaxed);
    }

    /// The slots of the series that satisfy the matchers.
    fn candidates(&self, matchers: &[Matcher]) -> Ids {
        read(&self.index.postings).select_with(matchers, |slot, matcher| {
            let page = self.pages.page(page_of(slot));
            let page = page.as_ref().map(|page| held(page));
            let series = page.as_ref().and_then(|page| page.at(slot));
            matcher.matches(series.and_then(|series| series.labels.get(matcher.name())).unwrap_or(""))
        })
    }

    fn target(&self) -> Target<'_> {
        Target { chunks: &self.chunks, slot_ms: self.options.slot_ms }
    }

    /// The newest timestamp ever taken, `i64::MIN` where there was none.
    pub(crate) fn max_time_ms(&self) -> i64 {
        self.max_time_ms.load(Ordering::Relaxed)
    }

    /// Where in-order samples may begin.
    pub(crate) fn in_order_from_ms(&self) -> i64 {
        self.in_order_from_ms.load(Ordering::Relaxed)
    }

    /// The generation of the references that are given out now.
    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Number of series.
    pub(crate) fn series(&self) -> usize {
        self.series.load(Ordering::Relaxed)
    }

    /// The metadata of a metric family.
    pub(crate) fn metadata(&self, family: &str) -> Option<Metadata> {
        read(&self.metadata).get(family).cloned()
    }

    /// The metadata of all families, sorted by name.
    pub(crate) fn all_metadata(&self) -> Vec<(String, Metadata)> {
        let mut all: Vec<_> =
            read(&self.metadata).iter().map(|(family, m)| (family.clone(), m.clone())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// An estimate of the memory of the head in bytes. O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        let series = self.series();
        series * SERIES_BYTES
            + self.label_bytes.load(Ordering::Relaxed)
            + self.chunks.count() * size_of::<Sealed>()
            + self.late.load(Ordering::Relaxed) * size_of::<series::Late>()
            + self.chunks.memory_bytes()
    }
}

/// How often idle series are looked for while the head moves on by the idle time. Looking takes 30 ns a series.
pub(crate) const IDLE_LOOKS: u8 = 8;

/// What the estimate counts for a series: its slot, the room of its open chunk, and its entries in the index.
const SERIES_BYTES: usize = size_of::<Option<Series>>() + 160 + 80;

/// What a head begins with, from the manifest or a checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadStart {
    pub(crate) last_commit: u64,
    pub(crate) generation: u32,
    pub(crate) next_piece: u32,
    pub(crate) in_order_from_ms: i64,
    pub(crate) max_time_ms: i64,
}

impl Default for HeadStart {
    fn default() -> Self {
        HeadStart {
            last_commit: 0,
            generation: 1,
            next_piece: 1,
            in_order_from_ms: i64::MIN,
            max_time_ms: i64::MIN,
        }
    }
}
