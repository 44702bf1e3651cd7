//! What can go wrong in the shop, said so that the reader knows what to do.

use std::path::PathBuf;

/// The result of everything in the shop that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the shop cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line makes no sense.
    #[error("{0}\n\nTry 'shoehub --help'.")]
    Usage(String),
    /// There is nothing in a directory that should be asked.
    #[error("{} holds no shop; run the shop first, or name its directory with --dir", dir.display())]
    NoShop {
        /// The directory.
        dir: PathBuf,
    },
    /// Another process has the stores open.
    #[error("{} is open in another process (a shop that runs --live?): stop that first, or use another --dir", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The store of metrics failed.
    #[error("metrics: {0}")]
    Metrics(tsdb::Error),
    /// The store of logs failed.
    #[error("logs: {0}")]
    Logs(logstore::Error),
    /// The store of traces failed.
    #[error("traces: {0}")]
    Traces(tracestore::Error),
    /// A query has no answer.
    #[error("{language}: {problem}{}", below(query))]
    Query {
        /// PromQL, LogQL or TraceQL.
        language: &'static str,
        /// The query; empty where the problem shows it.
        query: String,
        /// Why not, with the place where that is known.
        problem: String,
    },
    /// A file or the terminal refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A thread of the shop died.
    #[error("a thread of the shop panicked")]
    Thread,
}

/// The query on a line of its own, where the problem does not show it already.
fn below(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("\n  {query}") }
}

impl Error {
    /// A query that has no answer.
    pub(crate) fn query(language: &'static str, query: &str, problem: &dyn std::fmt::Display) -> Self {
        Error::Query { language, query: query.to_owned(), problem: problem.to_string() }
    }
}

impl From<tsdb::Error> for Error {
    fn from(error: tsdb::Error) -> Self {
        Error::Metrics(error)
    }
}

impl From<logstore::Error> for Error {
    fn from(error: logstore::Error) -> Self {
        Error::Logs(error)
    }
}

impl From<tracestore::Error> for Error {
    fn from(error: tracestore::Error) -> Self {
        Error::Traces(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Error::Io { what: "writing".to_owned(), source }
    }
}
