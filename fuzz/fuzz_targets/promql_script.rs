//! Fuzzes [`fuzz::queries::promql_script`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::queries::promql_script);
