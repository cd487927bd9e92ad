//! Commands about the configuration.

use std::{
    io::{self, Write},
    path::Path,
};

use super::{Failure, say};
use crate::config::{Config, Environment, Loaded};

/// Prints every key with its meaning and its default.
pub(super) fn print_default() -> Result<(), Failure> {
    print(&Config::default_text())
}

/// The configuration of a file, or the one without any, with the environment that it was completed from. Says what it warns of.
pub(super) fn load(path: Option<&Path>) -> Result<(Config, Environment), Failure> {
    let environment = Environment::of_process();
    let Loaded { config, warnings } = match path {
        Some(path) => Config::load(path, &environment)?,
        None => Config::without_file(&environment),
    };
    for warning in &warnings {
        say(&format!("warning: {warning}"));
    }
    Ok((config, environment))
}

/// Says whether a file can be used, and what is wrong with it if not.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let (config, _) = load(Some(path))?;
    print(&format!("{} can be used: {config}\n", path.display()))
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
