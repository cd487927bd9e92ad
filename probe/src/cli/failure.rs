//! Why a command ends other than well, and with which exit code.

use std::{io::Write, process::ExitCode};

use thiserror::Error;

use crate::{config::ConfigError, export::OutputError};

/// Why a command ends other than well. Each message is one sentence with the remedy.
#[derive(Debug, Error)]
pub enum Failure {
    /// It failed while running.
    #[error("{0}")]
    Running(String),
    /// The configuration cannot be used. A line for each thing that is wrong.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// What it was told cannot be done.
    #[error("{0}")]
    Usage(String),
    /// This host lacks something.
    #[error("{0}")]
    Host(String),
    /// Its output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Failure {
    /// The exit code of the contract: 0 done, 1 failed while running, 2 bad usage or
    /// configuration, 3 this host lacks something.
    ///
    /// A reader that has gone has what it wanted, so that is the end and not a failure.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Output(OutputError::Closed { .. }) => ExitCode::SUCCESS,
            Self::Running(_) | Self::Output(_) => ExitCode::from(1),
            Self::Configuration(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Host(_) => ExitCode::from(3),
        }
    }

    /// Says why on standard error, unless nothing is wrong.
    pub(super) fn report(&self) {
        match self {
            Self::Output(OutputError::Closed { .. }) => {}
            // Lines that editors know how to follow to the file, so nothing stands before them.
            Self::Configuration(error @ ConfigError::Wrong(..)) => {
                let _ = writeln!(std::io::stderr(), "{error}");
            }
            _ => super::say(&format!("error: {self}")),
        }
    }
}
