//! What is wrong with a configuration.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from one.
    pub line: usize,
    /// The key with those it stands under, such as `export.otlp.endpoint`; empty where the whole file is meant.
    pub key: String,
    /// A sentence with the cause and the remedy.
    pub message: String,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {error}; name another with --config, or make it readable", .path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What it says cannot be used.
    #[error("{}", Listed(.0, .1))]
    Wrong(
        /// What the file is called.
        String,
        /// Everything that is wrong with it, in the order of the lines.
        Vec<Problem>,
    ),
}

impl ConfigError {
    /// What is wrong within the file, if it could be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Wrong(_, problems) => problems,
        }
    }
}

/// A line for each problem, in the form that editors and compilers have: `FILE:LINE: KEY: MESSAGE`.
struct Listed<'error>(&'error str, &'error [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, problems) = self;
        for (position, Problem { line, key, message }) in problems.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{name}:{line}: ")?;
            if !key.is_empty() {
                write!(formatter, "{key}: ")?;
            }
            formatter.write_str(message)?;
        }
        Ok(())
    }
}
