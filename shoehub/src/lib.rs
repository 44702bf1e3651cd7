//! The Shoe Hub: a shop that embeds all three Tristore stores, and answers questions about itself.
//!
//! It is the program to read first. In the order in which an order travels:
//!
//! | module | what it shows |
//! |---|---|
//! | [`shop`] | customers order, services handle it: simulated, by seed |
//! | [`registry`], [`instruments`] | what a process counts, as columns that are scraped in one call |
//! | [`stores`] | three stores opened side by side in one directory, their upkeep, what they take |
//! | [`record`] | spans as OTLP, lines by stream, metrics by scrape, metrics of spans and the service graph |
//! | [`mod@simulate`], [`mod@live`] | the same shop in a time of its own, and in real time with threads |
//! | [`dashboard`] | PromQL, LogQL and TraceQL over what was stored |
//! | [`draw`], [`page`] | the answers in the terminal, and as a page |
//! | [`query`] | any query over the stored data, as a table or JSON |
//! | [`cli`] | the command line |
//!
//! It is an example and no product: its business is made up, and its numbers come from a seed.

pub mod error;

pub mod shop;

pub mod instruments;
pub mod registry;

pub mod stores;

pub mod record;

pub mod live;
pub mod simulate;

pub mod dashboard;

pub mod draw;
pub mod page;

pub mod query;

pub mod cli;

pub use error::{Error, Result};
