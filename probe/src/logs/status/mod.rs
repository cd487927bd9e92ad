//! What people and machines are told of pipelines: how far they are, and what endangers completeness.

mod findings;
mod page;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::containers::ContainerShown;
pub use findings::{Finding, Findings, Kind};
pub use page::{MOST_FILES, StatusError, StatusFile, read, text};

/// One pipeline at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineStatus {
    /// Its name.
    pub name: String,
    /// Files that are followed.
    pub files: usize,
    /// Bytes read of all files, since the start.
    pub read_bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Records made.
    pub records: u64,
    /// Bytes of files whose records were acknowledged, since the start.
    pub acknowledged_bytes: u64,
    /// Bytes that are in files and were not acknowledged.
    pub lag_bytes: u64,
    /// How long ago the watermark is, in seconds; absent while there is none.
    pub lag_s: Option<f64>,
    /// Every line written before this time was acknowledged, in nanoseconds since 1970; absent until all that was there at the start
    /// is.
    pub watermark_ns: Option<u64>,
    /// Bytes that wait for destinations.
    pub waiting_bytes: usize,
    /// What is wrong with a destination now.
    pub trouble: Option<String>,
    /// What endangers completeness.
    pub findings: Vec<Finding>,
    /// The containers whose files are followed, up to 100.
    #[serde(default)]
    pub containers: Vec<ContainerShown>,
    /// Further ones.
    #[serde(default)]
    pub more_containers: usize,
    /// The files that are furthest behind, up to 100.
    pub behind: Vec<FileStatus>,
}

/// One file at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileStatus {
    /// Where it was seen last.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// Up to where it was read.
    pub read_offset: u64,
    /// Up to where its records were acknowledged.
    pub acknowledged_offset: u64,
    /// Lines read since it was opened.
    pub lines: u64,
    /// Every line written to it before was acknowledged, in nanoseconds since 1970; 0 while that is not known.
    pub watermark_ns: u64,
    /// Whether it has no name any more.
    pub is_removed: bool,
}
