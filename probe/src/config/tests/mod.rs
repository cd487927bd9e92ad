//! What a file may say, what is said of it when it is wrong, and what changes.

mod defaults;
mod environment;
mod errors;
mod values;

use super::*;

/// Reads a file that is right.
#[track_caller]
fn read(text: &str) -> Config {
    match Config::parse(text, "test.yaml", &Environment::default()) {
        Ok(loaded) => loaded.config,
        Err(error) => panic!("this was refused:\n{error}\n{text}"),
    }
}

/// Reads a file that is wrong, and gives what is said of it.
#[track_caller]
fn refused(text: &str) -> String {
    match Config::parse(text, "test.yaml", &Environment::default()) {
        Ok(_) => panic!("this was accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}
