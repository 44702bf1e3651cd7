//! The index of a head: grows with every new series.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;

use super::Ids;
use super::bulk::Run;
use super::select::{self, List as _, Source};
use super::union::Union;
use super::writer::PostingsWriter;
use crate::error::Error;
use crate::labels::{Labels, Matcher};

/// Name -> value -> ids, in memory.
///
/// Adding a series of ten labels takes 1 to 3 us. A pair takes the bytes of its value and about 60 bytes, plus 2 bytes
/// and less a series (see [`HeadPostings::heap_bytes`]).
///
/// ```
/// use bedrock::labels::{Labels, MatchOp, Matcher};
/// use bedrock::postings::HeadPostings;
///
/// let mut index = HeadPostings::default();
/// index.add(0, &Labels::from_pairs([("job", "api"), ("code", "200")])?);
/// index.add(1, &Labels::from_pairs([("job", "api"), ("code", "503")])?);
/// index.add(2, &Labels::from_pairs([("job", "db")])?);
/// let matchers = [
///     Matcher::new(MatchOp::Equal, "job", "api")?,
///     Matcher::new(MatchOp::NotRegex, "code", "5..")?,
/// ];
/// assert_eq!(index.select(&matchers).iter().collect::<Vec<_>>(), [0]);
/// assert_eq!(index.label_values("job", None, usize::MAX), ["api", "db"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadPostings {
    all: Ids,
    names: BTreeMap<Box<str>, Name>,
    pairs: usize,
    text_bytes: usize,
}

/// The values of one label name.
#[derive(Clone, Debug, Default)]
pub(super) struct Name {
    values: BTreeMap<Box<str>, List>,
    /// Every series that has the label.
    ids: Ids,
}

impl Name {
    /// Enters a series; whether it is the first with this value.
    fn add(&mut self, id: u32, value: &str) -> bool {
        self.ids.insert(id);
        self.add_run(Run::of(id), value)
    }

    /// Enters series with one value; whether they are the first with it.
    pub(super) fn add_run(&mut self, run: Run, value: &str) -> bool {
        if let Some(list) = self.values.get_mut(value) {
            list.add(run);
            return false;
        }
        let mut list = List::Few { count: 0, ids: [0; FEW] };
        list.add(run);
        self.values.insert(value.into(), list);
        true
    }

    /// Enters series that have the label, whatever its value.
    pub(super) fn add_carriers(&mut self, run: Run) {
        self.ids.insert_range(run.ids());
    }
}

/// The series of one pair. A label that tells series apart has one or two series per value, for which a bitmap would
/// take three allocations.
#[derive(Clone, Debug)]
pub(super) enum List {
    Few { count: u8, ids: [u32; FEW] },
    Many(Ids),
}

/// Ids that fit into the room of a bitmap's handle.
const FEW: usize = 5;

impl List {
    fn add(&mut self, run: Run) {
        match self {
            List::Few { count, ids } => {
                for id in run.ids() {
                    if ids[..usize::from(*count)].contains(&id) {
                        continue;
                    }
                    let Some(slot) = ids.get_mut(usize::from(*count)) else {
                        let mut many: Ids = ids.iter().copied().collect();
                        many.insert_range(run.ids());
                        *self = List::Many(many);
                        return;
                    };
                    *slot = id;
                    *count += 1;
                }
            }
            // Not a push, though ids mostly ascend: that looks for the largest in up to 8 KiB.
            List::Many(ids) => {
                ids.insert_range(run.ids());
            }
        }
    }

    /// Takes an id out; whether none is left.
    fn remove(&mut self, id: u32) -> bool {
        match self {
            List::Few { count, ids } => {
                let known = &mut ids[..usize::from(*count)];
                if let Some(at) = known.iter().position(|known| *known == id) {
                    known[at..].rotate_left(1);
                    *count -= 1;
                }
                *count == 0
            }
            List::Many(ids) => {
                ids.remove(id);
                ids.is_empty()
            }
        }
    }
}

impl select::List for &List {
    type Error = Infallible;

    fn len(&self) -> u64 {
        match self {
            List::Few { count, .. } => u64::from(*count),
            List::Many(ids) => ids.len(),
        }
    }

    fn to_ids(&self) -> Result<Ids, Infallible> {
        Ok(match self {
            List::Few { count, ids } => ids[..usize::from(*count)].iter().copied().collect(),
            List::Many(ids) => ids.clone(),
        })
    }

    fn intersect(&self, among: &Ids) -> Result<Ids, Infallible> {
        Ok(match self {
            List::Few { count, ids } => {
                ids[..usize::from(*count)].iter().copied().filter(|&id| among.contains(id)).collect()
            }
            List::Many(ids) => ids & among,
        })
    }

    fn add_to(&self, union: &mut Union<'_>) -> Result<(), Infallible> {
        match self {
            List::Few { count, ids } => ids[..usize::from(*count)].iter().for_each(|&id| union.add(id)),
            List::Many(ids) => union.add_ids(ids),
        }
        Ok(())
    }

    fn meets(&self, among: &Ids) -> Result<bool, Infallible> {
        Ok(match self {
            List::Few { count, ids } => ids[..usize::from(*count)].iter().any(|&id| among.contains(id)),
            List::Many(ids) => !ids.is_disjoint(among),
        })
    }
}

impl HeadPostings {
    /// Enters a series. Entering it again with the same labels changes nothing; an id must not be given to another
    /// series.
    pub fn add(&mut self, id: u32, labels: &Labels) {
        self.all.insert(id);
        for (name, value) in labels {
            if value.is_empty() {
                continue;
            }
            let is_new = match self.names.get_mut(name) {
                Some(entry) => entry.add(id, value),
                None => {
                    self.text_bytes += name.len();
                    self.names.entry(name.into()).or_default().add(id, value)
                }
            };
            self.note_value(is_new, value);
        }
    }

    pub(super) fn add_all(&mut self, run: Run) {
        self.all.insert_range(run.ids());
    }

    /// Counts a value of a label, where it is new.
    pub(super) fn note_value(&mut self, is_new: bool, value: &str) {
        if is_new {
            self.pairs += 1;
            self.text_bytes += value.len();
        }
    }

    /// Takes the values of a name out; none where no series has it yet.
    pub(super) fn take_name(&mut self, name: &str) -> Name {
        self.names.remove(name).unwrap_or_else(|| {
            self.text_bytes += name.len();
            Name::default()
        })
    }

    /// Puts the values of a name back, of which there is at least one.
    pub(super) fn put_name(&mut self, name: Box<str>, values: Name) {
        self.names.insert(name, values);
    }

    /// Takes a series out that was entered with these labels; its id may be given to another one afterwards. Names and
    /// values that no series carries any more leave with it.
    pub fn remove(&mut self, id: u32, labels: &Labels) {
        self.all.remove(id);
        for (name, value) in labels {
            let Some(entry) = self.names.get_mut(name) else { continue };
            entry.ids.remove(id);
            if entry.values.get_mut(value).is_some_and(|list| list.remove(id)) {
                entry.values.remove(value);
                self.pairs -= 1;
                self.text_bytes -= value.len();
            }
            if entry.values.is_empty() {
                self.names.remove(name);
                self.text_bytes -= name.len();
            }
        }
    }

    /// Every id.
    pub fn all(&self) -> &Ids {
        &self.all
    }

    /// The series that satisfy every matcher; all of them where there is none.
    ///
    /// Costs one lookup per equality, a walk over the values that share the prefix of each expression, and the set
    /// algebra over what they name.
    pub fn select(&self, matchers: &[Matcher]) -> Ids {
        let Ok(ids) = select::select(self, matchers, None);
        ids
    }

    /// As [`HeadPostings::select`], with a store's answer to whether one series satisfies a matcher, which takes the
    /// place of reading lists where few series are left: two equalities and an expression over a thousand values then
    /// take tens of microseconds at a million series, and not up to a millisecond.
    ///
    /// ```
    /// use bedrock::labels::{Labels, MatchOp, Matcher};
    /// use bedrock::postings::HeadPostings;
    ///
    /// let series = [Labels::from_pairs([("job", "api")])?, Labels::from_pairs([("job", "db")])?];
    /// let mut index = HeadPostings::default();
    /// for (id, labels) in (0..).zip(&series) {
    ///     index.add(id, labels);
    /// }
    /// let matchers = [Matcher::new(MatchOp::Regex, "job", "a.+")?];
    /// let selected = index.select_with(&matchers, |id, matcher| {
    ///     matcher.matches(series[id as usize].get(matcher.name()).unwrap_or_default())
    /// });
    /// assert_eq!(selected, index.select(&matchers));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn select_with(&self, matchers: &[Matcher], mut holds: impl FnMut(u32, &Matcher) -> bool) -> Ids {
        let mut holds = |id, matcher: &Matcher| Ok(holds(id, matcher));
        let Ok(ids) = select::select(self, matchers, Some(&mut holds));
        ids
    }

    /// The label names that series of `among` (`None`: any series) carry, sorted, at most `limit`.
    pub fn label_names(&self, among: Option<&Ids>, limit: usize) -> Vec<String> {
        let carried = |name: &Name| among.is_none_or(|among| !name.ids.is_disjoint(among));
        let names = self.names.iter().filter(|(_, name)| carried(name));
        names.map(|(name, _)| name.to_string()).take(limit).collect()
    }

    /// The values of one label that series of `among` (`None`: any series) carry, sorted, at most `limit`.
    pub fn label_values(&self, name: &str, among: Option<&Ids>, limit: usize) -> Vec<String> {
        let carried = |list: &List| {
            among.is_none_or(|among| {
                let Ok(meets) = list.meets(among);
                meets
            })
        };
        let values = self.names.get(name).into_iter().flat_map(|name| &name.values);
        values.filter(|(_, list)| carried(list)).map(|(value, _)| value.to_string()).take(limit).collect()
    }

    /// Every name with its number of values and of series, sorted by name: what cardinality statistics are made of.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize, u64)> {
        self.names.iter().map(|(name, entry)| (&**name, entry.values.len(), entry.ids.len()))
    }

    /// Every value of a name with its number of series, sorted by value.
    pub fn values(&self, name: &str) -> impl Iterator<Item = (&str, u64)> {
        let values = self.names.get(name).into_iter().flat_map(|name| &name.values);
        values.map(|(value, list)| (&**value, list.len()))
    }

    /// Writes the index. `renumber` gives each series its id in what is written, which must be another for each;
    /// series for which it gives `None` are left out. O(pairs + ids).
    ///
    /// # Errors
    ///
    /// Where the index is too large.
    pub fn write(&self, mut renumber: impl FnMut(u32) -> Option<u32>) -> Result<Vec<u8>, Error> {
        let mut writer = PostingsWriter::new();
        let mut renumbered = Vec::new();
        for (name, entry) in &self.names {
            for (value, list) in &entry.values {
                let Ok(ids) = list.to_ids();
                renumbered.clear();
                renumbered.extend(ids.iter().filter_map(&mut renumber));
                renumbered.sort_unstable();
                writer.add(name, value, &renumbered.iter().copied().collect())?;
            }
        }
        writer.finish(&self.all.iter().filter_map(&mut renumber).collect())
    }

    /// Number of series.
    pub fn len(&self) -> u64 {
        self.all.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// An estimate of the memory in use, in bytes: text, tree nodes at two thirds full, and two bytes for each series
    /// of each name, which lists of random ids take.
    pub fn heap_bytes(&self) -> usize {
        let per_pair = (size_of::<Box<str>>() + size_of::<List>()) * 3 / 2;
        let ids: u64 = self.names.values().map(|name| 2 * name.ids.len()).sum();
        self.text_bytes + self.pairs * per_pair + ids as usize
    }
}

impl Source for HeadPostings {
    type Error = Infallible;
    type List<'a> = &'a List;

    fn all(&self) -> Result<Cow<'_, Ids>, Infallible> {
        Ok(Cow::Borrowed(&self.all))
    }

    fn with_name(&self, name: &str) -> Result<Option<Cow<'_, Ids>>, Infallible> {
        Ok(self.names.get(name).map(|name| Cow::Borrowed(&name.ids)))
    }

    fn name_count(&self, name: &str) -> Result<u64, Infallible> {
        Ok(self.names.get(name).map_or(0, |name| name.ids.len()))
    }

    fn value_count(&self, name: &str) -> Result<u64, Infallible> {
        Ok(self.names.get(name).map_or(0, |name| name.values.len() as u64))
    }

    fn with_pair(&self, name: &str, value: &str) -> Result<Option<&List>, Infallible> {
        Ok(self.names.get(name).and_then(|name| name.values.get(value)))
    }

    fn with_values<'a>(
        &'a self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<&'a List>, Infallible> {
        let Some(name) = self.names.get(name) else { return Ok(Vec::new()) };
        let range = name.values.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let range = range.take_while(|(value, _)| value.starts_with(prefix));
        Ok(range.filter(|(value, _)| keep(value)).map(|(_, list)| list).collect())
    }
}
