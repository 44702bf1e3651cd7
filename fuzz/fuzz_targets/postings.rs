//! Fuzzes [`fuzz::selection::postings`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::selection::postings);
