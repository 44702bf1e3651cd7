//! Fuzzes [`fuzz::log_pages::template_page`].
#![cfg_attr(fuzzing, no_main)]

fuzz::entry!(fuzz::log_pages::template_page);
