//! What makes exchanges flow to a command.

use crate::{cli::Failure, signal::Status};

/// The kernel or capture files, with the threads that read and parse.
///
/// Dropping the observers is how a source says that it has come to its end.
pub(super) trait Source: Send {
    /// How it goes.
    fn status(&self) -> Status;

    /// Ends the observation and waits for its threads. The consumer must go on taking meanwhile: the last exchanges
    /// are still on their way.
    fn stop(self: Box<Self>) -> Result<Status, Failure>;
}
