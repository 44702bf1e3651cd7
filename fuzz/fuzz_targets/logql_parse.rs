//! Fuzzes [`fuzz::logs::logql_parse`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::logs::logql_parse);
