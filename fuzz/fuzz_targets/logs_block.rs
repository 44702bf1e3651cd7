//! Fuzzes [`fuzz::log_pages::logs_block`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::log_pages::logs_block);
