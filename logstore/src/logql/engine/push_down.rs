//! What a query tells the source in advance.

use crate::logql::pipeline::Pipeline;
use crate::source::Selection;

/// Adds to a selection what can be said about the entries that a pipeline keeps.
pub(crate) fn apply(pipeline: &Pipeline, selection: &mut Selection<'_>) {
    selection.needles = pipeline.needles();
    selection.equal_labels = pipeline.equal_labels();
}
