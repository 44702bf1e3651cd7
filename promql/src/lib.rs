//! PromQL over any series source: parser, checker, printer, columnar engine.
//!
//! The crate turns the text of a query into its answer over anything that implements
//! [`SeriesSource`](bedrock::series::SeriesSource): a metrics store, or samples in memory. It is the whole language of
//! Prometheus main, native histograms and experimental parts included; [`language`] says what each function means.
//! It is no store, knows no disk and no network, and keeps nothing between queries.
//!
//! # The life of a query
//!
//! Text is cut into tokens, parsed to a syntax tree with the place of every node ([`parse`], [`ast`]), checked for
//! types and arities, and refused with a place and a helpful word where it is none ([`ParseError`]). The tree prints
//! back to text ([`Expr`]'s `Display`, [`pretty`]). The [`Engine`] selects the series of each distinct selector once,
//! decodes them into columns, runs each function over a whole column, and aggregates columns into groups.
//!
//! ```
//! use bedrock::labels::Labels;
//! use promql::engine::Value;
//! use promql::script::{MemorySource, Sample};
//! use promql::{Engine, EngineOptions};
//!
//! let mut source = MemorySource::default();
//! for (country, sold) in [("de", 3.0), ("fr", 4.0)] {
//!     let labels = Labels::from_pairs([("__name__", "shoehub_sales"), ("country", country)])?;
//!     source.append(&labels, 60_000, 0, Sample::Float(sold))?;
//! }
//! let engine = Engine::new(EngineOptions::default());
//! let result = engine.instant(&source, "sum(shoehub_sales)", 60_000)?;
//! let Value::Vector(samples) = result.value else { unreachable!("a sum is a vector") };
//! assert_eq!(samples.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! A query may be 1 MiB long and 256 levels deep ([`ParseOptions`]); samples, series, steps, bytes of the result and
//! time are limited by [`EngineOptions`]. A regular expression is limited in its compiled size. Parsing a query of a
//! dashboard takes 0.1 to 1 microsecond.
//!
//! # Tests of your own rules
//!
//! [`script`] runs the test scripts of Prometheus (`load`, `eval`, `expect`) on this engine.

mod span;

mod lex;
mod parse;

pub mod ast;
mod duration;
mod signature;

mod check;
mod problem;
mod suggest;

mod print;

mod functions;

pub mod engine;

pub mod script;

#[doc = include_str!("../LANGUAGE.md")]
pub mod language {}

pub use ast::{Expr, ValueType};
pub use duration::{
    DurationBinary, DurationContext, DurationError, DurationExpr, DurationOp, DurationParen, DurationProblem,
    DurationSign, DurationUnary,
};
pub use engine::{Engine, EngineOptions};
pub use parse::{ParseOptions, parse, parse_metric, parse_selector};
pub use print::pretty;
pub use problem::{ParseError, ParseProblem};
pub use signature::{FUNCTIONS, Function, FunctionId};
pub use span::{LineColumn, Span};
