//! Commands about the configuration.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{Failure, say};
use crate::config::{Config, Environment};

/// Prints every key with its meaning and its default.
pub(super) fn print_default() -> Result<(), Failure> {
    print(&Config::default_text())
}

/// Says whether a file can be used, and what is wrong with it if not.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let loaded = Config::load(path, &Environment::of_process())?;
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"));
    }
    print(&format!("{} can be used: {}\n", path.display(), loaded.config))
}

fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        // Whoever reads has what they wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Running(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
