//! Fuzzes [`fuzz::metrics::tsdb_block`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::metrics::tsdb_block);
