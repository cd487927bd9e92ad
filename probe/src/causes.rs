//! An error with what caused it, in one line.

use std::error::Error;

/// The error and its causes, separated by colons. Many libraries repeat their cause in their own words, which is not said
/// twice.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !said.is_empty() && !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
