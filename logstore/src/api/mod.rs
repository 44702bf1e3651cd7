//! What one asks of a log store beside queries: its labels, its streams, how much there is, what the lines hold.
//!
//! Each is a function over a [`crate::source::LogSource`] and gives what the reference's endpoint of that name gives.

pub mod detected;
mod drain;
pub mod labels;
pub mod patterns;
pub mod volume;

use crate::logql::QueryError;

/// The result of the functions of this module.
pub type Result<T> = std::result::Result<T, QueryError>;
