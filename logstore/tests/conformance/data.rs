//! The data sets that recorded cases run on, loaded when first asked for.
//!
//! Each is loaded into the model in memory and into real stores: all in the head, half of it in blocks, and compacted.
//! A case passes where all of them give the right answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bedrock::labels::Labels;
use logstore::ingest::Discovery;
use logstore::memory::MemorySource;
use logstore::source::LogSource;
use logstore::{Db, Options};
use serde_json::Value;

use crate::compare::{labels_of, pairs_of};

/// An entry as it is pushed.
pub(crate) struct Pushed {
    pub(crate) labels: Labels,
    pub(crate) ts_ns: i64,
    pub(crate) line: String,
    pub(crate) metadata: Vec<(String, String)>,
}

/// The same entries in different places.
pub(crate) struct Dataset {
    /// Every place with its name, the model first.
    pub(crate) views: Vec<(&'static str, Box<dyn LogSource>)>,
}

impl Dataset {
    /// Stores entries everywhere, in the order given.
    pub(crate) fn new(entries: &[Pushed], discovery: &Discovery) -> Result<Self, String> {
        let mut model = MemorySource::new(discovery.clone());
        for entry in entries {
            model
                .push(&entry.labels, entry.ts_ns, entry.line.as_bytes(), &entry.metadata)
                .map_err(|error| error.to_string())?;
        }
        let head = store(entries, discovery, usize::MAX)?;
        let blocks = store(entries, discovery, (entries.len() / 3).max(1))?;
        let mixed = blocks.snapshot();
        blocks.flush().and_then(|()| blocks.compact()).map_err(|error| error.to_string())?;
        let compacted = blocks.snapshot();
        Ok(Dataset {
            views: vec![
                ("model", Box::new(model)),
                ("head", Box::new(head.snapshot())),
                ("blocks", Box::new(mixed)),
                ("compacted", Box::new(compacted)),
            ],
        })
    }
}

/// A store that commits a few entries at a time and flushes after each `flush_entries`.
fn store(entries: &[Pushed], discovery: &Discovery, flush_entries: usize) -> Result<Db, String> {
    let options = Options { background: false, discovery: discovery.clone(), ..Options::default() };
    let fill = || {
        let db = Db::in_memory(options)?;
        for (number, chunk) in (1..).zip(entries.chunks(50)) {
            let mut batch = db.batch();
            for entry in chunk {
                let stream = batch.stream(&entry.labels)?;
                batch.push(stream, entry.ts_ns, entry.line.as_bytes(), &entry.metadata)?;
            }
            db.commit(&batch)?;
            if number % flush_entries.div_ceil(50) == 0 {
                db.flush()?;
            }
        }
        Ok(db)
    };
    fill().map_err(|error: logstore::Error| error.to_string())
}

pub(crate) struct Datasets {
    folder: PathBuf,
    loaded: BTreeMap<String, Dataset>,
}

impl Datasets {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Datasets { folder, loaded: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, name: &str) -> Result<&Dataset, String> {
        if !self.loaded.contains_key(name) {
            let loaded = self.load(name)?;
            self.loaded.insert(name.to_owned(), loaded);
        }
        self.loaded.get(name).ok_or_else(|| format!("no data set {name}"))
    }

    fn load(&self, name: &str) -> Result<Dataset, String> {
        let path = self.folder.join(format!("{name}.jsonl"));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let on = name == "discover";
        let mut entries = Vec::new();
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            entries.push(Pushed {
                labels: labels_of(&entry["labels"])?,
                ts_ns: entry["ts"].as_str().and_then(|ts| ts.parse().ok()).ok_or("no timestamp")?,
                line: entry["line"].as_str().ok_or("no line")?.to_owned(),
                metadata: pairs_of(&entry["metadata"])?,
            });
        }
        Dataset::new(&entries, &Discovery { service_name: on, level: on })
    }
}
