//! Fuzzes [`fuzz::queries::promql_execute`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::queries::promql_execute);
