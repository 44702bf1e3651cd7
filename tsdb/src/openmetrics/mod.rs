//! Samples in and out as text: OpenMetrics, and the Prometheus text format.
//!
//! | file | what |
//! |---|---|
//! | `line` | one line of text to a series, a value and a timestamp |
//! | `number` | values and timestamps |
//! | `import` | a stream of lines to series of packed chunks, with progress and line-numbered errors |
//! | `load` | those series to blocks of a store |
//! | `export` | the series of a snapshot to text |

mod export;
mod import;
mod line;
mod load;
mod number;
#[cfg(test)]
mod tests;

pub use export::{Exported, export};
pub use import::{ImportError, ImportOptions, ImportedSeries, Importer, Progress, Skipped};
pub use line::{LineError, Problem};
pub use load::Imported;

/// The two dialects of the text. They differ in the unit of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics: timestamps in seconds, with fractions. It ends with `# EOF`, but that is not asked for.
    #[default]
    OpenMetrics,
    /// Prometheus text format: timestamps in whole milliseconds.
    Prometheus,
}
