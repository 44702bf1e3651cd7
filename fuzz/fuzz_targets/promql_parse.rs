//! Fuzzes [`fuzz::queries::promql_parse`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::queries::promql_parse);
