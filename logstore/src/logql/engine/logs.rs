//! Queries of log lines.

use std::ops::ControlFlow;

use crate::logql::ast::LogExpr;
use crate::logql::engine::{Direction, QueryData, QueryOptions, StreamResult, push_down};
use crate::logql::error::{QueryError, Result};
use crate::logql::label_sets::LabelSets;
use crate::logql::line::Category;
use crate::logql::pipeline::Pipeline;
use crate::parallel;
use crate::source::{Budget, Entry, LogSource, Order, Selection};
use crate::templates::TemplateQuery;

/// What an entry of an answer takes beside its line.
const ENTRY_BYTES: u64 = size_of::<(i64, Vec<u8>)>() as u64;

pub(super) fn evaluate(
    source: &dyn LogSource,
    log: &LogExpr,
    options: &QueryOptions<'_>,
) -> Result<QueryData> {
    let pipeline = Pipeline::for_lines(&log.stages, &options.limits)?;
    if options.limit == 0 {
        return Err(QueryError::invalid("the limit of a query has to be above 0"));
    }
    if options.limit > options.limits.entries_max {
        return Err(QueryError::Limit {
            what: "the number of entries of one answer",
            max: options.limits.entries_max as u64,
            found: options.limit as u64,
        });
    }
    let mut selection = Selection::new(&log.matchers, options.start_ns, options.end_ns);
    push_down(&pipeline, &mut selection);
    let templates = Pipeline::for_lines(&log.stages, &options.limits)?.into_templates(false);
    selection.templates = templates.as_ref().map(|templates| templates as &dyn TemplateQuery);
    selection.threads = parallel::threads_or_all(options.threads);
    selection.patience = options.patience();
    let budget = options.budget();
    selection.budget = Some(&budget);
    selection.limit = Some(options.limit);
    selection.order = match options.direction {
        Direction::Forward => Order::Forward,
        Direction::Backward => Order::Backward,
    };
    let mut collector = Collector {
        options,
        budget: &budget,
        pipeline,
        sets: LabelSets::default(),
        streams: Vec::new(),
        current: None,
        left: options.limit,
        last_ns: None,
        same_time: (i64::MIN, Vec::new()),
    };
    let mut failed = None;
    source.scan(&selection, &mut |batch| match collector.batch(batch) {
        Ok(flow) => flow,
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    options.check()?;
    options.check_budget(&budget)?;
    let mut streams: Vec<StreamResult> = collector.streams.into_iter().flatten().collect();
    streams.retain(|stream| !stream.entries.is_empty());
    streams.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(QueryData::Streams(streams))
}

struct Collector<'q> {
    options: &'q QueryOptions<'q>,
    budget: &'q Budget,
    pipeline: Pipeline,
    sets: LabelSets,
    /// By the number of the label set.
    streams: Vec<Option<StreamResult>>,
    /// The stream that the pipeline is set to, with the number of its label set.
    current: Option<(u32, u32)>,
    left: usize,
    last_ns: Option<i64>,
    /// The time of the last entry, and for each entry of that time its stream, its result and its place in there.
    same_time: (i64, Vec<(u32, usize, usize)>),
}

impl Collector<'_> {
    fn batch(&mut self, batch: &[Entry<'_>]) -> Result<ControlFlow<()>> {
        self.options.check()?;
        self.options.check_budget(self.budget)?;
        for entry in batch {
            let stream_set = match self.current {
                Some((stream, set)) if stream == entry.stream => set,
                _ => {
                    self.pipeline.labels_mut().start_stream(entry.labels);
                    let set = self.sets.number_of(entry.labels);
                    self.current = Some((entry.stream, set));
                    set
                }
            };
            if self.pipeline.run(entry.ts_ns, entry.line, entry.metadata)? {
                self.keep(entry, stream_set);
                if self.left == 0 {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes an entry into the answer. Entries of one stream that the stages have made equal are one, and the limit
    /// counts what passes the stages, also where the interval leaves it out.
    fn keep(&mut self, entry: &Entry<'_>, stream_set: u32) {
        let labels = self.pipeline.labels();
        let mut triples: Vec<(&str, &str, Category)> = Vec::new();
        let set = if labels.is_unchanged() {
            stream_set
        } else {
            labels.for_each(|category, name, value| triples.push((name, value, category)));
            let mut pairs: Vec<(&str, &str)> =
                triples.iter().map(|&(name, value, _)| (name, value)).collect();
            self.sets.number(&mut pairs)
        };
        let slot = set as usize;
        if self.streams.len() <= slot {
            self.streams.resize(slot + 1, None);
        }
        let sets = &self.sets;
        let stream = self.streams[slot].get_or_insert_with(|| {
            let labels = sets.get(set).clone();
            let category = |name: &str| {
                triples.iter().find(|(known, _, _)| *known == name).map_or(Category::Stream, |(_, _, c)| *c)
            };
            let categories = labels.iter().map(|(name, _)| category(name)).collect();
            StreamResult { labels, categories, entries: Vec::new() }
        });
        let line = self.pipeline.line(entry.line);
        if self.same_time.0 != entry.ts_ns {
            self.same_time = (entry.ts_ns, Vec::new());
        }
        let is_known = |&(source, result, place): &(u32, usize, usize)| {
            source == entry.stream
                && result == slot
                && stream.entries.get(place).is_some_and(|(_, known)| known == line)
        };
        if self.same_time.1.iter().any(is_known) {
            return;
        }
        self.left -= 1;
        let (interval, last) = (self.options.interval_ns, self.last_ns.filter(|last| *last >= 0));
        let due = match (last, self.options.direction) {
            (Some(last), Direction::Forward) if interval > 0 => entry.ts_ns >= last.saturating_add(interval),
            (Some(last), Direction::Backward) if interval > 0 => entry.ts_ns <= last.saturating_sub(interval),
            _ => true,
        };
        if due {
            self.last_ns = Some(entry.ts_ns);
            self.same_time.1.push((entry.stream, slot, stream.entries.len()));
            self.budget.hold(ENTRY_BYTES + line.len() as u64);
            stream.entries.push((entry.ts_ns, line.to_vec()));
        }
    }
}
