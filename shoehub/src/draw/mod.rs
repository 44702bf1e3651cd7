//! Drawing in text: lines of painted pieces, and charts made of them.
//!
//! A chart is a list of [`Line`]s and knows nothing of terminals; [`render`] turns lines into text, with colours or
//! without. Every chart can be read without colours.

pub mod chart;
pub mod heat;
mod line;
pub mod number;
pub mod table;
pub mod time;
pub mod tree;

pub use line::{Line, Paint, WIDTH, beside, boxed, render};
