//! Fuzzes [`fuzz::logs::logql_template`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::logs::logql_template);
