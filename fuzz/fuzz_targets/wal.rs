//! Fuzzes [`fuzz::ground::wal`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::ground::wal);
