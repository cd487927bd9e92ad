//! Log files as log records: found, followed, and sent with nothing lost.
//!
//! [`discover`] finds files by pattern and hears of changes, [`files`] knows which file is which and reads it, `records` makes
//! records of its bytes, `pipeline` brings them to their destinations, and [`checkpoints`] keeps how far that came.

pub mod checkpoints;
pub mod discover;
pub mod files;
