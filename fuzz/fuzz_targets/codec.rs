//! Fuzzes [`fuzz::codec::codec`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::codec::codec);
