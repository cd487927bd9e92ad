//! Log files as log records: found, followed, and sent with nothing lost.
//!
//! [`discover`] finds files by pattern and hears of changes, [`containers`] those of containers, [`files`] knows which file is which and reads it, [`records`] makes
//! records of its bytes, [`pipeline`] brings them to their destinations, and [`checkpoints`] keeps how far that came. [`status`] tells
//! people about all of it.

pub mod checkpoints;
pub mod configured;
pub mod containers;
pub mod discover;
pub mod files;
pub mod pipeline;
pub mod preview;
pub mod records;
mod service;
pub mod status;

pub use service::{LogError, LogService, Surroundings};
