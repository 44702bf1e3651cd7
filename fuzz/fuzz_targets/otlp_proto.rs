//! Fuzzes [`fuzz::spans::otlp_proto`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::spans::otlp_proto);
