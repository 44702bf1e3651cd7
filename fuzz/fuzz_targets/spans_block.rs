//! Fuzzes [`fuzz::span_pages::spans_block`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::span_pages::spans_block);
