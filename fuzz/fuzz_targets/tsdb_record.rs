//! Fuzzes [`fuzz::head::tsdb_record`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::head::tsdb_record);
