//! Fuzzes [`fuzz::selection::regex`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::selection::regex);
