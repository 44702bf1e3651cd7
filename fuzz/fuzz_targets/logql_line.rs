//! Fuzzes [`fuzz::logs::logql_line`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::logs::logql_line);
