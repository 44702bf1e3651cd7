//! A table of texts: what every answer is shown as, in the terminal and in the page.

use super::line::{Line, Paint};

/// Rows below named columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a text a column.
    pub rows: Vec<Vec<String>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub name: String,
    /// Whether its texts stand at the right, as numbers do.
    pub right: bool,
}

impl Table {
    /// A table without rows. Columns whose name begins with `>` stand at the right.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let column = |name: &str| Column {
            name: name.trim_start_matches('>').to_owned(),
            right: name.starts_with('>'),
        };
        Table { columns: columns.into_iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table in lines: columns as wide as their widest text. Where a width is given, every line is cut or filled to it.
    pub fn lines(&self, width: Option<usize>) -> Vec<Line> {
        let wide = |at: usize| {
            let texts = self.rows.iter().filter_map(|row| row.get(at));
            let texts = texts.chain(self.columns.get(at).map(|column| &column.name));
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(wide).collect();
        let line = |cells: &mut dyn Iterator<Item = &String>, paint: Paint| {
            let mut line = Line::default();
            for ((cell, column), &wide) in cells.zip(&self.columns).zip(&widths) {
                let text = if column.right { format!("{cell:>wide$}") } else { format!("{cell:<wide$}") };
                line = line.with(paint, text).with(Paint::Plain, "  ");
            }
            match width {
                Some(width) => line.fit(width),
                None => line,
            }
        };
        let mut names = self.columns.iter().map(|column| &column.name);
        let mut out = vec![line(&mut names, Paint::Dim)];
        out.extend(self.rows.iter().map(|row| line(&mut row.iter(), Paint::Plain)));
        out
    }
}
