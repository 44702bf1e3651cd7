//! Fuzzes [`fuzz::metrics::tsdb_chunk`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::metrics::tsdb_chunk);
