//! One table of ratios: a row a measurement, a column a system.

use std::collections::BTreeMap;
use std::fmt;

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

#[derive(Debug)]
struct Row {
    name: String,
    better: Better,
    ours: f64,
}

/// What was measured on one workload.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    /// The sizes of our answers: `rows: QUERY` and `sum: QUERY`.
    sizes: BTreeMap<String, f64>,
    rows: Vec<Row>,
    peers: Vec<(String, BTreeMap<String, f64>)>,
    absent: Vec<String>,
}

impl Table {
    /// A table without rows; `ours` is all that we measured.
    pub(crate) fn new(title: &str, ours: &BTreeMap<String, f64>) -> Self {
        let is_size = |name: &str| name.starts_with("rows: ") || name.starts_with("sum: ");
        let sizes = ours.iter().filter(|(name, _)| is_size(name));
        Table {
            title: title.to_owned(),
            sizes: sizes.map(|(name, size)| (name.clone(), *size)).collect(),
            rows: Vec::new(),
            peers: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// A row with our own value.
    pub(crate) fn ours(&mut self, name: &str, better: Better, ours: f64) {
        self.rows.push(Row { name: name.to_owned(), better, ours });
    }

    /// What a peer measured, by the names of rows.
    pub(crate) fn peer(&mut self, name: &str, measured: &BTreeMap<String, f64>) {
        self.peers.push((name.to_owned(), measured.clone()));
    }

    /// A peer that is not installed, and how it would be.
    pub(crate) fn absent(&mut self, name: &str, install: &str) {
        self.absent.push(format!("{name} is not installed here ({install}): not measured"));
    }

    /// Whether nothing but our own values is in it.
    pub(crate) fn has_no_peer(&self) -> bool {
        self.peers.is_empty()
    }

    /// The answers of peers that have another size than ours. Sums may differ by what floats lose.
    pub(crate) fn differing(&self) -> Vec<String> {
        let signal = self.title.split(':').next().unwrap_or("");
        let mut differing = Vec::new();
        for (peer, measured) in &self.peers {
            for (name, ours) in &self.sizes {
                let Some(theirs) = measured.get(name) else { continue };
                let off = (theirs - ours) / ours.abs().max(f64::MIN_POSITIVE);
                if off.abs() > 1e-6 {
                    let (ours, percent) = (number(*ours), off * 100.0);
                    differing.push(format!("{signal}, {name}: {ours}, {peer}: {percent:+.4}%"));
                }
            }
        }
        differing
    }

    /// The rows in which a peer is better.
    pub(crate) fn lost(&self) -> Vec<String> {
        let signal = self.title.split(':').next().unwrap_or("");
        let mut lost = Vec::new();
        for (peer, measured) in &self.peers {
            for row in &self.rows {
                let Some(&theirs) = measured.get(&row.name) else { continue };
                let ratio = ratio(row, theirs);
                if ratio < 1.0 {
                    let (ours, theirs) = (number(row.ours), number(theirs));
                    lost.push(format!("{signal}, {}: {ours} against {theirs} of {peer}", row.name));
                }
            }
        }
        lost
    }
}

/// How many times better we are.
fn ratio(row: &Row, theirs: f64) -> f64 {
    match row.better {
        Better::Less => theirs / row.ours,
        Better::More => row.ours / theirs,
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAME: usize = 72;
        writeln!(f, "{}", self.title)?;
        write!(f, "  {:<NAME$} {:>10}", "", "tristore")?;
        self.peers.iter().try_for_each(|(name, _)| write!(f, "  {name:>22}"))?;
        writeln!(f)?;
        for row in &self.rows {
            let mut name = row.name.clone();
            if name.chars().count() > NAME {
                name = name.chars().take(NAME - 2).chain("..".chars()).collect();
            }
            write!(f, "  {name:<NAME$} {:>10}", number(row.ours))?;
            for (name, measured) in &self.peers {
                let wide = name.chars().count().max(22);
                let cell = measured.get(&row.name).map_or_else(
                    || "-".to_owned(),
                    |&theirs| format!("{} ({:.2}x)", number(theirs), ratio(row, theirs)),
                );
                write!(f, "  {cell:>wide$}")?;
            }
            writeln!(f)?;
        }
        self.absent.iter().try_for_each(|absent| writeln!(f, "  {absent}"))
    }
}
