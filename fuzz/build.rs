//! Tells the compiler of the name under which cargo-fuzz builds, so that a misspelt one is still noticed.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    writeln!(io::stdout(), "cargo::rustc-check-cfg=cfg(fuzzing)\ncargo::rerun-if-changed=build.rs")
}
