//! Fuzzes [`fuzz::spans::otlp_json`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::spans::otlp_json);
