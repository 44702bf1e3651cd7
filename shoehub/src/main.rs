//! The program: see the crate's documentation, and `shoehub --help`.

use std::io::{ErrorKind, stdout};
use std::process::ExitCode;

use shoehub::Error;

fn main() -> ExitCode {
    match shoehub::cli::run(std::env::args_os(), &mut stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shoehub: {error}");
            ExitCode::FAILURE
        }
    }
}
