//! Fuzzes [`fuzz::ground::manifest`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::ground::manifest);
