//! Deletion of entries: those that a query shows.

use bedrock::postings::Ids;
use bedrock::store::LiveBlock;

use crate::block::{Block, GroupMeta, GroupTimes, Want};
use crate::error::Result;
use crate::logql::ast::LogExpr;
use crate::logql::pipeline::Pipeline;
use crate::logql::{self, Limits};
use crate::rows::RowSet;
use crate::scan::{SelectedRun, selected_runs, wanted_rows, without_deleted};
use crate::store::Db;

impl Db {
    /// Deletes the entries that a query of log lines shows in `[start_ns, end_ns)`: those of the selected streams whose
    /// line passes all stages. Effective at once and for good; the bytes leave the disk when their block is compacted.
    /// Entries that are committed afterwards stay, also equal ones, and snapshots that exist go on to see what they saw.
    ///
    /// Returns how many entries there were; one that two blocks hold counts twice until they are compacted. Costs a
    /// flush, for line filters a scan of the selected streams, and an edit of the manifest.
    ///
    /// ```
    /// use bedrock::labels::Labels;
    /// use logstore::logql::parse_log;
    /// use logstore::{Db, Options};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// let mut batch = db.batch();
    /// let shop = batch.stream(&Labels::from_pairs([("app", "shop")])?)?;
    /// batch.push(shop, 1_000, b"card=4111111111111111 accepted", &[])?;
    /// batch.push(shop, 2_000, b"order paid", &[])?;
    /// db.commit(&batch)?;
    /// assert_eq!(db.delete(&parse_log(r#"{app="shop"} |= "card=""#)?, 0, i64::MAX)?, 1);
    /// # db.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Query`] where a stage cannot be compiled or a line goes beyond a limit of the stages, and where a
    /// block does not check out or the disk refuses. Nothing is deleted then.
    pub fn delete(&self, query: &LogExpr, start_ns: i64, end_ns: i64) -> Result<u64> {
        let mut search = Search {
            query,
            range_ns: (start_ns, end_ns),
            pipeline: Pipeline::for_lines(&query.stages, &Limits::default())?,
        };
        self.life.delete(|block| search.rows(block))
    }
}

/// Looks for the rows to delete.
struct Search<'q> {
    query: &'q LogExpr,
    range_ns: (i64, i64),
    pipeline: Pipeline,
}

impl Search<'_> {
    /// The rows of a block that the query shows.
    fn rows(&mut self, block: &LiveBlock<Block>) -> Result<Ids> {
        let mut found = Ids::new();
        let (start_ns, end_ns) = self.range_ns;
        if block.time_range().is_none_or(|(first, last)| end_ns <= first || last < start_ns) {
            return Ok(found);
        }
        let selected = block.select(&self.query.matchers);
        let streams: Vec<(u32, u32)> = selected.into_iter().map(|stream| (stream, stream)).collect();
        let mut first = 0;
        for group in block.groups() {
            let base = first;
            first += group.rows;
            let runs = selected_runs(group, &streams);
            if runs.is_empty() || group.last_ns < start_ns || end_ns <= group.first_ns {
                continue;
            }
            let times = block.times(group)?;
            let wanted = wanted_rows(group, &times, &runs, self.range_ns);
            let mut wanted = without_deleted(wanted, block, base);
            if !self.query.stages.is_empty() && !wanted.is_empty() {
                wanted = self.passing(block, group, &times, &runs, wanted)?;
            }
            found.extend(wanted.iter().map(|row| (base + row) as u32));
        }
        Ok(found)
    }

    /// The rows among `wanted` whose line passes all stages.
    fn passing(
        &mut self,
        block: &Block,
        group: &GroupMeta,
        times: &GroupTimes,
        runs: &[SelectedRun],
        mut wanted: RowSet,
    ) -> Result<RowSet> {
        let needles = self.pipeline.needles();
        let want = Want { needles: &needles, ..Want::ALL };
        let rows = block.decode(group, times, &mut wanted, want)?;
        let mut passing = RowSet::none(group.rows);
        let mut index = 0;
        let streams: Vec<u32> = runs.iter().map(|run| run.stream).collect();
        for (run, labels) in runs.iter().zip(block.labels(&streams)) {
            self.pipeline.labels_mut().start_stream(&labels);
            for row in wanted.iter_in(run.first, run.end) {
                let metadata: Vec<(&str, &str)> = rows.metadata.pairs(index).collect();
                if self.run(rows.times_ns[index], rows.line(index), &metadata)? {
                    passing.insert(row);
                }
                index += 1;
            }
        }
        Ok(passing)
    }

    fn run(&mut self, ts_ns: i64, line: &[u8], metadata: &[(&str, &str)]) -> logql::Result<bool> {
        self.pipeline.run(ts_ns, line, metadata)
    }
}
