//! Fuzzes [`fuzz::metrics::openmetrics`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::metrics::openmetrics);
