//! Fuzzes [`fuzz::head::tsdb_checkpoint`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::head::tsdb_checkpoint);
