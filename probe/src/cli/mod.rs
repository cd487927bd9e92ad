//! The commands.

mod arguments;
mod capture_arguments;
mod failure;
mod filter_arguments;
mod interrupt;
mod observers;
mod session;
mod source;
mod stat;
mod values;
mod watch;

use std::{io::Write, process::ExitCode};

use clap::Parser;

use arguments::Arguments;
pub use failure::Failure;

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let _ = Arguments::parse();
    ExitCode::from(2)
}

/// Says something on standard error. That nobody may be listening is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "plainsight: {text}");
}
