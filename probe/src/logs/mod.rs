//! Log files as log records.

pub mod records;
