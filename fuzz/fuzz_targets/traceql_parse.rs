//! Fuzzes [`fuzz::spans::traceql_parse`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::spans::traceql_parse);
