//! What a parser may leave out.
//!
//! A metric query needs only some labels: those that it groups by, filters or unwraps. A parser that knows them skips
//! the others and stops when it has found all. A filter on a label can also be asked the moment the label is found,
//! which saves the rest of a line that is dropped anyway. Both show in answers: an error behind the last label that is
//! needed is never noticed, and that is what the reference answers too.

use crate::logql::pipeline::label_filter::LabelTest;
use crate::logql::pipeline::labels::{ERROR, LineLabels};

/// What the stages of a query need from its parsers.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    nothing: bool,
    required: Vec<String>,
    preserve_error: bool,
    filters: Vec<(String, LabelTest)>,
}

/// What a metric query groups by, as far as parsers care.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'q> {
    /// Labels that stages and filters look at.
    pub(crate) required: &'q [String],
    /// The labels of `by` or `without`.
    pub(crate) groups: &'q [String],
    /// Whether the grouping is a `without`.
    pub(crate) without: bool,
    /// Whether the result has no labels at all.
    pub(crate) no_labels: bool,
    /// The label that is unwrapped.
    pub(crate) unwrapped: Option<&'q str>,
}

impl Hints {
    /// Hints of a query that wants every label; `filters` are its tests of one label.
    pub(crate) fn all(filters: Vec<(String, LabelTest)>) -> Self {
        Hints { filters, ..Hints::default() }
    }

    /// Hints of a metric query.
    pub(crate) fn metric(wanted: Wanted<'_>, filters: Vec<(String, LabelTest)>) -> Self {
        let mut required: Vec<String> = Vec::new();
        let names = wanted.required.iter().chain(wanted.groups).map(String::as_str).chain(wanted.unwrapped);
        for name in names {
            for name in [Some(name), name.strip_suffix("_extracted")].into_iter().flatten() {
                if !name.is_empty() && !required.iter().any(|known| known == name) {
                    required.push(name.to_owned());
                }
            }
        }
        let preserve_error = required.iter().any(|name| name == ERROR);
        if wanted.no_labels {
            let nothing = required.is_empty();
            return Hints { nothing, required, preserve_error, filters };
        }
        if wanted.without || wanted.groups.is_empty() {
            return Hints::all(filters);
        }
        Hints { nothing: false, required, preserve_error, filters: Vec::new() }
    }

    /// The same needs without the filters.
    pub(crate) fn without_filters(&self) -> Self {
        let required = self.required.clone();
        Hints { nothing: self.nothing, required, preserve_error: self.preserve_error, filters: Vec::new() }
    }

    /// Whether no label is needed of any line.
    pub(crate) fn wants_nothing(&self) -> bool {
        self.nothing
    }

    /// Whether it is known which labels are needed.
    pub(crate) fn names_labels(&self) -> bool {
        !self.required.is_empty()
    }

    /// Whether nothing more is needed from this line.
    pub(crate) fn needs_nothing(&self, labels: &LineLabels) -> bool {
        self.nothing || self.has_all(labels)
    }

    /// Whether every label that is needed has been found.
    pub(crate) fn has_all(&self, labels: &LineLabels) -> bool {
        !self.required.is_empty()
            && labels.extracted_count() >= self.required.len()
            && self.required.iter().all(|name| labels.is_extracted(name))
    }

    /// Whether a label is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|required| required == name)
    }

    /// Whether a label is wanted whose name starts so.
    pub(crate) fn wants_prefix(&self, prefix: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|required| required.starts_with(prefix))
    }

    /// Whether a line is kept now that this label has its value.
    pub(crate) fn keeps(&self, name: &str, labels: &mut LineLabels) -> bool {
        match self.filters.iter().find(|(filtered, _)| filtered == name) {
            Some((_, test)) => test.test(labels),
            None => true,
        }
    }

    /// Whether the query asks for the error, so that it does not fail on it.
    pub(crate) fn preserves_error(&self) -> bool {
        self.preserve_error
    }
}
