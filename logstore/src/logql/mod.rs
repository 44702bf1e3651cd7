//! LogQL: from the text of a query to its answer.
//!
//! A query is read ([`parse`]) into a tree ([`ast`]), which can be written back ([`print`], [`pretty`]).

pub mod ast;
mod check;
mod engine;
mod error;
mod extract;
pub(crate) mod json;
mod label_hash;
mod label_sets;
mod lex;
mod limits;
mod line;
pub(crate) mod logfmt;
pub(crate) mod number;
mod parse;
mod pattern;
pub(crate) mod pipeline;
mod pretty;
mod print;
pub(crate) mod quantity;
mod regex;
mod simplify;
mod template;

pub use ast::Expr;
pub use engine::{Direction, QueryData, QueryOptions, Sample, Series, StreamResult, evaluate};
pub use error::{QueryError, Result};
pub use limits::Limits;
pub use line::{Category, LineProcessor, ProcessedLine, SampleExtractor};
pub use parse::{parse, parse_log, parse_selector, parse_with};
pub use pretty::pretty;
