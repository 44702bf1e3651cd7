//! Fuzzes [`fuzz::ground::block`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::ground::block);
